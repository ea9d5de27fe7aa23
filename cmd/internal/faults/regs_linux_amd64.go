package faults

import "golang.org/x/sys/unix"

// skip makes the call that a thread is about to make one that does not exist.
func skip(tid int) error {
	return change(tid, func(r *unix.PtraceRegs) { r.Orig_rax = ^uint64(0) })
}

// setArgument changes the argument at a place of the call that a thread is about to make.
func setArgument(tid, place int, v uint64) error {
	return change(tid, func(r *unix.PtraceRegs) {
		*[]*uint64{&r.Rdi, &r.Rsi, &r.Rdx, &r.R10, &r.R8, &r.R9}[place] = v
	})
}

// setResult changes what the call that a thread has made returns.
func setResult(tid int, v int64) error {
	return change(tid, func(r *unix.PtraceRegs) { r.Rax = uint64(v) })
}

func change(tid int, f func(*unix.PtraceRegs)) error {
	var r unix.PtraceRegs
	if err := unix.PtraceGetRegs(tid, &r); err != nil {
		return err
	}
	f(&r)
	return unix.PtraceSetRegs(tid, &r)
}
