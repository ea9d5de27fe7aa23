//go:build gpu && linux && cgo && amd64

package cuda_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"neuroloupe/cuda"
	"neuroloupe/cuda/sim"
)

// A driver that hangs, crashes or ends the process costs a program its GPUs, and nothing else: the wait for it has a
// limit, and a signal ends it. Each is opened by a process of its own, which must end well after that.
func TestBrokenDrivers(t *testing.T) {
	const env = "CUDA_TEST_BROKEN"
	if limit := os.Getenv(env); limit != "" {
		d, err := time.ParseDuration(limit)
		if err != nil {
			t.Fatal(err)
		}
		openBroken(d)
		return
	}
	const (
		noAnswer = "no answer from the NVIDIA driver within 0.001 s, asked to find its devices"
		ends     = "the NVIDIA driver ends the process that opens it (exit status "
		crashes  = "the NVIDIA driver crashes when it is opened (signal: "
	)
	for _, tc := range []struct{ how, limit, want string }{
		{"OPEN=hang()", "1ms", noAnswer},
		{"INIT=hang()", "1ms", noAnswer},
		{"INIT=spin()", "1ms", noAnswer},
		{"COUNT=hang()", "1ms", noAnswer},
		{"GET=hang()", "1ms", noAnswer},
		// The child that opens it first tells its parent that it hangs; a context is made in the program itself.
		{"OPEN=kill(getppid(),SIGUSR1),hang()", "0s", context.Canceled.Error()},
		{"INIT=kill(getppid(),SIGUSR1),hang()", "0s", context.Canceled.Error()},
		{"INIT=kill(getppid(),SIGUSR1),hang()", "1h", context.Canceled.Error()},
		{"RETAIN=kill(getpid(),SIGUSR1),hang()", "0s", "device cuda:0: " + context.Canceled.Error()},
		{"OPEN=quit()", "0s", ends + "3)"},
		{"INIT=quit()", "0s", ends + "3)"},
		{"INIT=chatter(),quit()", "0s", ends + "3)"},
		{"INIT=_exit(0)", "0s", ends + "0)"},
		{"INIT=crash()", "0s", crashes + "segmentation fault"},
		{"COUNT=crash()", "0s", crashes + "segmentation fault"},
		{"INIT=abort()", "0s", crashes + "aborted"},
		{"RETAIN=chatter()", "0s", "cuDevicePrimaryCtxRetain: CUDA error 2"}, // this one works that far
	} {
		t.Run(tc.how+" "+tc.limit, func(t *testing.T) {
			c := exec.Command(os.Args[0], "-test.run=^TestBrokenDrivers$")
			c.Env = append(os.Environ(), env+"="+tc.limit, "NEUROLOUPE_LIBCUDA="+sim.Broken(t, tc.how))
			out, err := c.CombinedOutput()
			if err != nil || !strings.Contains(string(out), tc.want) {
				t.Errorf("%v, want %q:\n%s", err, tc.want, out)
			}
		})
	}
}

// openBroken says why there is no GPU.
func openBroken(limit time.Duration) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGUSR1)
	defer stop()
	d := cuda.Driver{Wait: cuda.Wait{Context: ctx, Limit: limit}}
	for _, dev := range d.Devices() {
		if dev.Usable {
			_, err := d.Open(dev.ID)
			fmt.Println(err)
		}
		fmt.Println(dev.Reason)
	}
}
