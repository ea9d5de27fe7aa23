//go:build !gpu || !linux || !cgo || !(amd64 || arm64)

package cuda

import (
	"errors"

	"neuroloupe/engine"
)

const noGPU = "this build has no GPU support; make gpu builds one that has"

// Devices returns the one device that says what is missing.
func (Driver) Devices() []engine.Device { return missing(noGPU) }

// Open says what is missing.
func (Driver) Open(string) (engine.Backend, error) { return nil, errors.New("cuda: " + noGPU) }
