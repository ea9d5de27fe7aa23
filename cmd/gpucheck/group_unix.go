//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// endTogether makes c's processes end with it when it is ended.
func endTogether(c *exec.Cmd) {
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	c.Cancel = func() error { return syscall.Kill(-c.Process.Pid, syscall.SIGKILL) }
}
