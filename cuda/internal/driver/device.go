//go:build gpu && linux && (amd64 || arm64)

package driver

// #include "shim.h"
import "C"

import (
	"errors"
	"fmt"
	"runtime"

	"gorgonia.org/cu"
)

// Info describes a device.
type Info struct {
	Index               int
	Name                string
	Memory              int64 // bytes
	Major, Minor        int   // compute capability
	SMs                 int   // multiprocessors
	ThreadsPerSM        int
	SharedPerBlock      int // bytes a block may have without asking
	SharedPerBlockOptin int // bytes a block may have after [Func.SetMaxShared]
	SharedPerSM         int // bytes
	L2                  int // bytes
	ClockKHz            int // the typical clock of the multiprocessors; 0 = not known
	Cooperative         bool
}

// Capability returns the compute capability as it is written: 9.0.
func (i Info) Capability() string { return fmt.Sprintf("%d.%d", i.Major, i.Minor) }

// DriverVersion returns the newest CUDA version that the driver supports: 1000·major + 10·minor, so 12040 for 12.4.
func DriverVersion() (int, error) {
	if err := Load(); err != nil {
		return 0, err
	}
	var v C.int
	err := result("cuDriverGetVersion", C.cuDriverGetVersion(&v))
	return int(v), err
}

// Devices lists the devices, in the driver's order. The list is empty when there is a driver without any.
func Devices() ([]Info, error) {
	if err := Load(); err != nil {
		return nil, err
	}
	n, err := cu.NumDevices()
	if err != nil {
		return nil, check("cuDeviceGetCount", err)
	}
	infos := make([]Info, n)
	for i := range infos {
		if infos[i], err = info(i); err != nil {
			return nil, err
		}
	}
	return infos, nil
}

func info(index int) (Info, error) {
	d, err := cu.GetDevice(index)
	if err != nil {
		return Info{}, check("cuDeviceGet", err)
	}
	i := Info{Index: index}
	if i.Name, err = d.Name(); err != nil {
		return Info{}, check("cuDeviceGetName", err)
	}
	if i.Memory, err = d.TotalMem(); err != nil {
		return Info{}, check("cuDeviceTotalMem", err)
	}
	cooperative := 0
	for _, a := range []struct {
		attribute cu.DeviceAttribute
		value     *int
	}{
		{cu.ComputeCapabilityMajor, &i.Major},
		{cu.ComputeCapabilityMinor, &i.Minor},
		{cu.MultiprocessorCount, &i.SMs},
		{cu.MaxThreadsPerMultiprocessor, &i.ThreadsPerSM},
		{cu.MaxSharedMemoryPerBlock, &i.SharedPerBlock},
		{C.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN, &i.SharedPerBlockOptin},
		{cu.MaxSharedMemoryPerMultiprocessor, &i.SharedPerSM},
		{cu.L2CacheSize, &i.L2},
		{cu.ClockRate, &i.ClockKHz},
		{C.CU_DEVICE_ATTRIBUTE_COOPERATIVE_LAUNCH, &cooperative},
	} {
		if *a.value, err = d.Attribute(a.attribute); err != nil {
			return Info{}, check("cuDeviceGetAttribute", err)
		}
	}
	i.Cooperative = cooperative != 0
	return i, nil
}

// Context is the primary context of a device. It is safe for use by one goroutine at a time.
type Context struct {
	device cu.Device
	ctx    cu.CUContext
	info   Info
	closed bool
}

// Open makes the context of the device with that index; the caller closes it.
func Open(index int) (*Context, error) {
	if err := Load(); err != nil {
		return nil, err
	}
	i, err := info(index)
	if err != nil {
		return nil, err
	}
	c := &Context{device: cu.Device(index), info: i}
	if c.device, err = cu.GetDevice(index); err != nil {
		return nil, check("cuDeviceGet", err)
	}
	if c.ctx, err = c.device.RetainPrimaryCtx(); err != nil {
		return nil, check("cuDevicePrimaryCtxRetain", err)
	}
	return c, nil
}

// Info describes the context's device.
func (c *Context) Info() Info { return c.info }

// errClosed is the error of a closed Context.
var errClosed = errors.New("driver: the context is closed")

// Do calls f on an operating system thread with the context current. All methods of a Context, and of what it makes,
// are called inside f, but for Info, Close and Do itself. Do may be called inside f.
func (c *Context) Do(f func() error) error {
	if c.closed {
		return errClosed
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if err := cu.SetCurrentContext(c.ctx); err != nil {
		return check("cuCtxSetCurrent", err)
	}
	return f()
}

// Close releases the context; more calls do nothing. What was made with it must be closed before.
func (c *Context) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	return check("cuDevicePrimaryCtxRelease", c.device.ReleasePrimaryCtx())
}
