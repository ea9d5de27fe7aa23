//go:build unix

package sweep

import (
	"os"
	"syscall"
	"testing"
)

// tellNearEnd sends this process the signal that Slurm sends an element before its end.
func tellNearEnd(t *testing.T) {
	if err := syscall.Kill(os.Getpid(), syscall.SIGUSR1); err != nil {
		t.Error(err)
	}
}
