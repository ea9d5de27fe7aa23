package job

import (
	"context"
	"fmt"
	"time"

	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cuda"
	"neuroloupe/engine"
	"neuroloupe/engine/cpu"
	"neuroloupe/graph"
)

// autoWait is how long --device auto waits for a driver before it takes the next.
const autoWait = 5 * time.Second

// Drivers are the ways to train, in the order of preference. Who asks for a GPU waits for it until it is there or ctx
// ends.
func Drivers(ctx context.Context, d Device, t talk.Talk) []engine.Driver {
	wait := cuda.Wait{Context: ctx, Say: func(notice string) { t.Say("%s", notice) }}
	if d.Want == "auto" {
		wait.Limit = autoWait
	}
	return []engine.Driver{cuda.Driver{Options: d.GPU, Wait: wait}, cpu.Driver{Workers: d.Workers}, graph.Driver{}}
}

// Pick opens a device, and says in a sentence why this one.
func Pick(ctx context.Context, d Device, t talk.Talk) (engine.Backend, string, error) {
	return engine.Pick(ctx, d.Want, Drivers(ctx, d, t)...)
}

// ForGPU refuses options of a GPU for a device that is none: they would have no effect.
func ForGPU(o cuda.Options, b engine.Backend, reason string) error {
	dev := b.Device()
	if o == (cuda.Options{}) || dev.Backend == GPUBackend {
		return nil
	}
	flag := fmt.Sprintf("--precision %v", o.Precision)
	if o.Mode != cuda.Auto {
		flag = fmt.Sprintf("--cuda-mode %v", o.Mode)
	}
	return fmt.Errorf("%s is for NVIDIA GPUs, and the device is %s (%s); leave it out, or ask for a GPU with --device",
		flag, dev.ID, reason)
}

// GPUBackend is engine.Device.Backend of NVIDIA GPUs.
const GPUBackend = "cuda"
