package engine

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Pick opens the device that want names, and says in a sentence which and why. "auto" takes the first of the drivers'
// usable devices that is not the oracle, and falls back on the next when one cannot be opened; any other want must be
// the ID of a usable device, or the name of a driver with one, else it is an error that says why not. Drivers come in
// the order of preference. One that cannot have the device is not asked for any. The end of ctx is ErrInterrupted.
func Pick(ctx context.Context, want string, drivers ...Driver) (Backend, string, error) {
	auto := want == "auto"
	var passed, ids []string
	for _, d := range drivers {
		if !auto && want != d.Name() && !strings.HasPrefix(want, d.Name()+":") {
			ids = append(ids, d.Name())
			continue
		}
		for _, dev := range d.Devices() {
			ids = append(ids, dev.ID)
			none := !dev.Usable && dev.ID == d.Name() // stands for all that the driver might have
			if auto && dev.Oracle || !auto && !none && want != dev.ID && want != d.Name() {
				continue
			}
			err := errors.New(dev.Reason)
			if dev.Usable {
				var b Backend
				if b, err = d.Open(dev.ID); err == nil {
					return b, reason(want, dev, passed), nil
				}
			}
			if ctx.Err() != nil {
				return nil, "", fmt.Errorf("%w while opening device %s: %w", ErrInterrupted, dev.ID, context.Cause(ctx))
			}
			if !auto && (dev.Usable || none || want == dev.ID) {
				return nil, "", fmt.Errorf("engine: device %s cannot be used: %w", dev.ID, err)
			}
			passed = append(passed, fmt.Sprintf("%s: %v", dev.ID, err))
			if errors.Is(err, ErrNoAnswer) {
				break // the driver's next device would be waited for in vain
			}
		}
	}
	if auto || len(passed) > 0 {
		return nil, "", fmt.Errorf("engine: no device can be used (%s)", strings.Join(passed, "; "))
	}
	return nil, "", fmt.Errorf("engine: no device %q; want auto or one of %s", want, strings.Join(ids, " "))
}

func reason(want string, dev Device, passed []string) string {
	switch {
	case want != "auto":
		return "asked for"
	case len(passed) == 0:
		return "first choice"
	default:
		return strings.Join(passed, "; ")
	}
}
