package cuda

import "neuroloupe/engine"

// Driver finds and opens NVIDIA GPUs: devices cuda:0, cuda:1 and so on, and cuda for the first that is usable. The zero
// value is the usual.
type Driver struct {
	Options Options
	Wait    Wait
}

var _ engine.Driver = Driver{}

// backendName is engine.Device.Backend of all devices here, and the ID of the one that stands for them when there is
// none.
const backendName = "cuda"

// Name returns "cuda".
func (Driver) Name() string { return backendName }

// missing stands for the GPUs where there is none to list.
func missing(reason string) []engine.Device {
	return []engine.Device{{ID: backendName, Name: "NVIDIA GPU", Backend: backendName, Reason: reason}}
}
