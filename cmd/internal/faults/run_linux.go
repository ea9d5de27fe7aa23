//go:build linux && (amd64 || arm64)

package faults

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Supported returns an error that says why programs cannot be followed here, nil where they can.
func Supported() error {
	c := Command{Path: "/proc/self/exe", Args: []string{"-test.list=^$"}, Root: "/nowhere", Env: os.Environ()}
	r, err := c.Run(time.Minute)
	if err != nil {
		return fmt.Errorf("programs cannot be followed here: %w", err)
	}
	if r.Total == 0 {
		return errors.New("programs cannot be followed here: no system call was seen")
	}
	return nil
}

// Run runs the program to its end, or to limit and then kills it.
func (c *Command) Run(limit time.Duration) (Result, error) {
	// ptrace answers only the thread that traces.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()

	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return Result{}, err
	}
	defer null.Close()
	files := []uintptr{null.Fd(), null.Fd(), null.Fd()}
	for i, f := range []*os.File{c.Stdout, c.Stderr} {
		if f != nil {
			files[1+i] = f.Fd()
		}
	}
	pid, err := syscall.ForkExec(c.Path, append([]string{filepath.Base(c.Path)}, c.Args...), &syscall.ProcAttr{
		Dir: c.Dir, Env: c.Env, Files: files, Sys: &syscall.SysProcAttr{Ptrace: true, Setpgid: true},
	})
	if err != nil {
		return Result{}, fmt.Errorf("starting %s to follow it: %w", c.Path, err)
	}
	t := &tracer{Command: c, pid: pid, shapes: shapes(), seen: map[string]int{}, threads: map[int]*thread{}}
	watch := time.AfterFunc(limit, t.hang)
	defer watch.Stop()
	if err := t.follow(); err != nil {
		t.kill()
		for { // nobody else can take the dead away
			if _, err := wait(pid, nil); err != nil {
				break
			}
		}
		return Result{}, fmt.Errorf("following %s: %w", c.Path, err)
	}
	return t.result, nil
}

// tracer follows one process.
type tracer struct {
	*Command
	pid     int
	shapes  map[uint64]shape
	seen    map[string]int // calls of a name about a file
	threads map[int]*thread
	result  Result

	mu    sync.Mutex
	ended bool // the process is gone, and its number may be another's
}

// thread is a thread of the process, with the call about a file that it is in; nil is none.
type thread struct {
	call  *Call
	fault Fault
}

// wait waits for a thread of a process, which has a group of its own: this process may have other children.
func wait(pid int, ws *unix.WaitStatus) (int, error) {
	for {
		tid, err := unix.Wait4(-pid, ws, unix.WALL|unix.WNOTHREAD, nil)
		if err != unix.EINTR {
			return tid, err
		}
	}
}

func (t *tracer) kill() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.ended {
		unix.Kill(t.pid, unix.SIGKILL)
	}
}

func (t *tracer) hang() {
	t.mu.Lock()
	t.result.Hung = !t.ended
	t.mu.Unlock()
	t.kill()
}

// follow runs the process from the stop at its start to its end.
func (t *tracer) follow() error {
	var ws unix.WaitStatus
	tid, err := wait(t.pid, &ws)
	if err != nil {
		return err
	}
	if tid != t.pid || !ws.Stopped() {
		return fmt.Errorf("it did not stop at its start: %x", ws)
	}
	// Threads are followed, the programs that it starts are not. TRACEEXEC is for one that starts itself again, as the
	// race detector may.
	const options = unix.PTRACE_O_TRACESYSGOOD | unix.PTRACE_O_TRACECLONE | unix.PTRACE_O_TRACEEXEC |
		unix.PTRACE_O_EXITKILL
	if err := unix.PtraceSetOptions(tid, options); err != nil {
		return err
	}
	t.threads[tid] = &thread{}
	resume := 0 // the signal to go on with
	for {
		// A thread may be killed while it stands still; then it cannot go on, and its end is the next that is told.
		if err := unix.PtraceSyscall(tid, resume); err != nil && err != unix.ESRCH {
			return err
		}
		if tid, err = wait(t.pid, &ws); err != nil {
			return err
		}
		resume = 0
		switch {
		case ws.Exited() || ws.Signaled():
			if tid == t.pid {
				t.end(ws)
				return nil
			}
			delete(t.threads, tid)
		case ws.StopSignal() == unix.SIGTRAP|0x80:
			if err := t.step(tid); err != nil && err != unix.ESRCH {
				return err
			}
		case t.threads[tid] == nil: // the stop that a new thread begins with
			t.threads[tid] = &thread{}
		case ws.StopSignal() == unix.SIGTRAP && ws.TrapCause() > 0: // a thread or an exec
		default:
			resume = int(ws.StopSignal())
		}
	}
}

func (t *tracer) end(ws unix.WaitStatus) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	t.result.Exit = ws.ExitStatus()
	if ws.Signaled() {
		t.result.Signal = ws.Signal()
	}
}

// callInfo is the kernel's struct ptrace_syscall_info.
type callInfo struct {
	op     uint8
	_      [3]uint8
	arch   uint32
	ip, sp uint64
	nr     uint64 // at the exit, what the call returns
	args   [6]uint64
	_      uint64
}

// step is told that a thread stands at the entry or the exit of a call.
func (t *tracer) step(tid int) error {
	var info callInfo
	size := unsafe.Sizeof(info)
	_, _, errno := unix.Syscall6(unix.SYS_PTRACE,
		unix.PTRACE_GET_SYSCALL_INFO, uintptr(tid), size, uintptr(unsafe.Pointer(&info)), 0, 0)
	if errno != 0 {
		return errno
	}
	th := t.threads[tid]
	if th == nil {
		return fmt.Errorf("thread %d makes a call before its first stop", tid)
	}
	switch info.op {
	case unix.PTRACE_SYSCALL_INFO_ENTRY:
		return t.enter(tid, th, &info)
	case unix.PTRACE_SYSCALL_INFO_EXIT:
		return t.leave(tid, th, int64(info.nr))
	}
	return nil
}

// enter is told a call before it is made.
func (t *tracer) enter(tid int, th *thread, info *callInfo) error {
	t.result.Total++
	if t.result.Total == t.KillAt {
		t.kill()
	}
	s, ok := t.shapes[info.nr]
	if !ok {
		return nil
	}
	call, ok := t.about(tid, s, info.args)
	if !ok {
		return nil
	}
	key := call.Name + " " + call.File
	t.seen[key]++
	call.K, call.N = t.seen[key], len(t.result.Calls)+1
	t.result.Calls = append(t.result.Calls, call)
	*th = thread{call: &call}
	if t.Decide == nil {
		return nil
	}
	th.fault = t.Decide(call)
	switch {
	case th.fault.Kill == Before:
		t.kill()
	case th.fault.Errno != 0 && call.Name != "close":
		return skip(tid)
	case th.fault.Half && call.Bytes > 1:
		return setArgument(tid, s.bytes, info.args[s.bytes]/2)
	}
	return nil
}

// leave is told what a call returns.
func (t *tracer) leave(tid int, th *thread, result int64) error {
	call, fault := th.call, th.fault
	*th = thread{}
	switch {
	case call == nil:
	case fault.Errno != 0:
		return setResult(tid, -int64(fault.Errno))
	case fault.Kill == After:
		t.kill()
	case result >= 0 && t.Done != nil:
		t.Done(*call)
	}
	return nil
}

// about returns what a call is about; ok is false when that is no file below Root.
func (t *tracer) about(tid int, s shape, args [6]uint64) (c Call, ok bool) {
	var path string
	if s.at >= 0 {
		path = t.path(tid, s.at, args)
	} else {
		path = readLink(fmt.Sprintf("/proc/%d/fd/%d", tid, int32(args[s.fd])))
	}
	if c.Path, c.File, ok = inRoot(t.Root, path); !ok {
		return c, false
	}
	c.Name = s.name
	if s.to >= 0 {
		c.To, _, _ = inRoot(t.Root, t.path(tid, s.to, args))
	}
	if s.bytes >= 0 {
		c.Bytes = int(args[s.bytes])
	}
	c.Makes = s.name == "openat" && args[2]&unix.O_CREAT != 0
	return c, true
}

// path returns the whole path at a place of a call's arguments.
func (t *tracer) path(tid, place int, args [6]uint64) string {
	path := readString(tid, uintptr(args[place]))
	if filepath.IsAbs(path) {
		return path
	}
	folder := fmt.Sprintf("/proc/%d/cwd", tid)
	if place > 0 && int32(args[place-1]) != unix.AT_FDCWD {
		folder = fmt.Sprintf("/proc/%d/fd/%d", tid, int32(args[place-1]))
	}
	return filepath.Join(readLink(folder), path)
}

func readLink(path string) string {
	s, err := os.Readlink(path)
	if err != nil {
		return ""
	}
	return s
}

// readString reads a string that ends with a zero byte out of a process's memory; a page at a time, for the next page
// may not be there.
func readString(pid int, addr uintptr) string {
	var b strings.Builder
	page := uintptr(os.Getpagesize())
	for b.Len() < unix.PathMax {
		buf := make([]byte, page-addr%page)
		local := []unix.Iovec{{Base: &buf[0], Len: uint64(len(buf))}}
		n, err := unix.ProcessVMReadv(pid, local, []unix.RemoteIovec{{Base: addr, Len: len(buf)}}, 0)
		if err != nil {
			return ""
		}
		s, _, ended := strings.Cut(string(buf[:n]), "\x00")
		b.WriteString(s)
		if ended {
			break
		}
		addr += uintptr(n)
	}
	return b.String()
}
