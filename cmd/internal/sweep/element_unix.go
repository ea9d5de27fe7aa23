//go:build unix

package sweep

import (
	"os"
	"os/signal"
	"syscall"
)

// onNearEnd calls a function when SIGUSR1 comes, which would else end the program; more of them do nothing more.
func onNearEnd(call func()) (stop func()) {
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGUSR1)
	done := make(chan struct{})
	go func() {
		for {
			select {
			case <-signals:
				call()
			case <-done:
				return
			}
		}
	}()
	return func() { close(done) } // the signal stays caught: it may come again, and must not end the program then
}
