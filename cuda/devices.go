//go:build gpu && linux && cgo && (amd64 || arm64)

package cuda

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"neuroloupe/cuda/internal/driver"
	"neuroloupe/engine"
)

// What the kernels need. CUDA 11.4 was the first to start a recorded graph by the call used here; NVIDIA's driver 470
// has it.
const (
	leastDriver     = 11040
	leastDriverText = "11.4, which NVIDIA driver 470 has"
	leastCapability = 7 // Volta, 2017: the PTX is for sm_70
)

// Devices returns the GPUs, or one that is not usable and says why there is none.
func (d Driver) Devices() []engine.Device {
	devices, err := await(d.Wait, "find its devices", find, func([]engine.Device) {})
	if err != nil {
		return missing(reason(err))
	}
	return devices
}

// find opens the NVIDIA driver and lists its devices, of which there is at least one.
func find() ([]engine.Device, error) {
	if err := driver.Load(); err != nil {
		return nil, err
	}
	version, err := driver.DriverVersion()
	if err != nil {
		return nil, err
	}
	infos, err := driver.Devices()
	if err != nil {
		return nil, err
	}
	if len(infos) == 0 {
		return nil, errors.New("the NVIDIA driver finds no device")
	}
	devices := make([]engine.Device, len(infos))
	for i, info := range infos {
		devices[i] = engine.Device{
			ID:         fmt.Sprintf("%s:%d", backendName, info.Index),
			Name:       info.Name,
			Backend:    backendName,
			Memory:     info.Memory,
			Capability: fmt.Sprintf("%s, %d SMs", info.Capability(), info.SMs),
			Driver:     "CUDA " + cudaVersion(version),
			Reason:     unfit(version, info),
		}
		devices[i].Usable = devices[i].Reason == ""
	}
	return devices, nil
}

// unfit says why a device cannot be used, or nothing.
func unfit(version int, info driver.Info) string {
	switch {
	case version < leastDriver:
		return fmt.Sprintf("the NVIDIA driver is too old: it supports CUDA %s, want at least %s; update it",
			cudaVersion(version), leastDriverText)
	case info.Major < leastCapability:
		return fmt.Sprintf("compute capability %s, want at least %d.0", info.Capability(), leastCapability)
	}
	return ""
}

// cudaVersion writes a version as CUDA numbers them: 12040 is 12.4.
func cudaVersion(v int) string { return fmt.Sprintf("%d.%d", v/1000, v%1000/10) }

// reason says in a line why there is no device.
func reason(err error) string {
	var e *driver.Error
	if errors.As(err, &e) && e.Call == "cuInit" {
		return fmt.Sprintf("the NVIDIA driver finds no device it can use: %v", err)
	}
	return strings.TrimPrefix(err.Error(), "driver: ")
}

// Open opens the device with that ID; cuda is the first usable one. The first time on a machine, the driver compiles
// the kernels, which takes some seconds.
func (d Driver) Open(id string) (engine.Backend, error) {
	var ids []string
	for _, dev := range d.Devices() {
		if id == backendName && !dev.Usable && dev.ID != backendName {
			ids = append(ids, fmt.Sprintf("%s: %s", dev.ID, dev.Reason))
			continue
		}
		if id != backendName && id != dev.ID {
			ids = append(ids, dev.ID)
			continue
		}
		if !dev.Usable {
			return nil, fmt.Errorf("cuda: device %s cannot be used: %s", id, dev.Reason)
		}
		return d.open(dev)
	}
	if id == backendName {
		return nil, fmt.Errorf("cuda: no device can be used (%s)", strings.Join(ids, "; "))
	}
	return nil, fmt.Errorf("cuda: no device %q; want one of %s", id, strings.Join(ids, " "))
}

// compiling is how many times the wait's limit the driver's compiler has: some seconds are usual for it.
const compiling = 12

func (d Driver) open(dev engine.Device) (engine.Backend, error) {
	index, err := strconv.Atoi(strings.TrimPrefix(dev.ID, backendName+":"))
	if err != nil {
		return nil, fmt.Errorf("cuda: device %q: %w", dev.ID, err)
	}
	ctx, err := await(d.Wait, "open device "+dev.ID,
		func() (*driver.Context, error) { return driver.Open(index) },
		func(late *driver.Context) { _ = late.Close() })
	if err != nil {
		return nil, fmt.Errorf("cuda: device %s: %w", dev.ID, explain(err, dev))
	}
	slow := d.Wait
	slow.Limit *= compiling
	b, err := await(slow, "compile the kernels for device "+dev.ID,
		func() (*backend, error) {
			r, err := newRuntime(ctx, d.Options)
			if err != nil {
				return nil, errors.Join(explain(err, dev), ctx.Close())
			}
			return &backend{device: dev, ctx: ctx, runtime: r}, nil
		},
		func(late *backend) { _ = late.Close() })
	if err != nil {
		return nil, fmt.Errorf("cuda: device %s: %w", dev.ID, err)
	}
	return b, nil
}

// explain adds to an error of the driver what to do about it.
func explain(err error, dev engine.Device) error {
	switch {
	case err == nil:
		return nil
	case driver.IsUnknownDevice(err):
		return fmt.Errorf("the NVIDIA driver (%s) cannot compile the kernels for compute capability %s; a newer "+
			"driver may: %w",
			dev.Driver, dev.Capability, err)
	case driver.IsNoCompiler(err):
		return fmt.Errorf("the NVIDIA driver's compiler is not there: its library libnvidia-ptxjitcompiler.so.1 is "+
			"missing (a container gets it with NVIDIA_DRIVER_CAPABILITIES=compute,utility), or CUDA_DISABLE_PTX_JIT "+
			"is set: %w", err)
	case driver.IsBusy(err):
		return fmt.Errorf("another process has the device to itself, or its compute mode lets none use it; "+
			"nvidia-smi shows both: %w", err)
	case driver.IsLost(err):
		return fmt.Errorf("the device is lost; start the program again, a run goes on from its checkpoint: %w", err)
	case driver.IsOutOfMemory(err):
		return fmt.Errorf("the device has too little memory free; end what else uses it: %w", err)
	}
	return err
}
