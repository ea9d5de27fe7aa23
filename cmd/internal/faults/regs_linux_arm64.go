package faults

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// skip makes the call that a thread is about to make one that does not exist. Its number is not among the registers.
func skip(tid int) error {
	const systemCall = 0x404 // NT_ARM_SYSTEM_CALL
	nr := int32(-1)
	iov := unix.Iovec{Base: (*byte)(unsafe.Pointer(&nr)), Len: uint64(unsafe.Sizeof(nr))}
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE,
		unix.PTRACE_SETREGSET, uintptr(tid), systemCall, uintptr(unsafe.Pointer(&iov)), 0, 0)
	if errno != 0 {
		return errno
	}
	return nil
}

// setArgument changes the argument at a place of the call that a thread is about to make.
func setArgument(tid, place int, v uint64) error {
	return change(tid, func(r *unix.PtraceRegsArm64) { r.Regs[place] = v })
}

// setResult changes what the call that a thread has made returns.
func setResult(tid int, v int64) error {
	return change(tid, func(r *unix.PtraceRegsArm64) { r.Regs[0] = uint64(v) })
}

func change(tid int, f func(*unix.PtraceRegsArm64)) error {
	var r unix.PtraceRegsArm64
	if err := unix.PtraceGetRegSetArm64(tid, unix.NT_PRSTATUS, &r); err != nil {
		return err
	}
	f(&r)
	return unix.PtraceSetRegSetArm64(tid, unix.NT_PRSTATUS, &r)
}
