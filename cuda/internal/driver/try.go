//go:build gpu && linux && (amd64 || arm64)

package driver

// #include "shim.h"
import "C"

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
)

// try opens the driver's library at path in a child process and finds its devices there. The error says that the driver
// crashes, ends the process or hangs; where there is no library, or no device, there is none. The child keeps the
// driver awake until done is called, so that opening it again is quick.
func try(path string) (done func(), err error) {
	// The kernel ends the child when the thread that started it ends, so that is kept until the child has answered.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	answer, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer answer.Close()
	child := exec.Command("/proc/self/exe")
	child.Args = []string{"neuroloupe: trying " + path}
	child.Env = append(os.Environ(), C.NEUROLOUPE_TRY+"="+path)
	child.ExtraFiles = []*os.File{theirs}
	// A ctrl-C is for us: the child is no part of what the terminal sends it to.
	child.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	hold, err := child.StdinPipe()
	if err == nil {
		err = child.Start()
	}
	theirs.Close()
	if err != nil {
		return nil, fmt.Errorf("driver: cannot try the NVIDIA driver in a process of its own: %w", err)
	}
	if _, err := io.ReadFull(answer, make([]byte, 1)); err == nil {
		return func() {
			hold.Close()
			go child.Wait()
		}, nil
	}
	_ = child.Wait() // the state says more
	switch status, ok := child.ProcessState.Sys().(syscall.WaitStatus); {
	case ok && status.Signaled() && status.Signal() == syscall.SIGALRM:
		return nil, fmt.Errorf("driver: no answer from the NVIDIA driver within %d s", C.NEUROLOUPE_TRY_SECONDS)
	case ok && status.Signaled():
		return nil, fmt.Errorf("driver: the NVIDIA driver crashes when it is opened (%v)", child.ProcessState)
	default:
		return nil, fmt.Errorf("driver: the NVIDIA driver ends the process that opens it (%v)", child.ProcessState)
	}
}
