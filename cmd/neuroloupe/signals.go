package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// interruptible is a context that ends with ctrl-C or with the signal that asks a program to end. A second ctrl-C ends
// the program at once. The other signal may come twice, as clusters send it, and a second one must not stop the saving
// that the first has begun.
func interruptible() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		for s := range signals {
			cancel(fmt.Errorf("%s signal received", s))
			if s == os.Interrupt {
				signal.Reset(os.Interrupt)
			}
		}
	}()
	return ctx, func() {
		signal.Stop(signals)
		cancel(nil)
	}
}
