//go:build !linux || !(amd64 || arm64)

package faults

import (
	"errors"
	"time"
)

// Supported says why programs cannot be followed here.
func Supported() error {
	return errors.New("following a program's file calls needs Linux on amd64 or arm64")
}

// Run cannot be done here.
func (c *Command) Run(limit time.Duration) (Result, error) { return Result{}, Supported() }
