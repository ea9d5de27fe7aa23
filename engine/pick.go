package engine

import (
	"fmt"
	"strings"
)

// Pick opens the device that want names, and says in a sentence which and why. "auto" takes the first of the drivers'
// usable devices that is not the oracle, and falls back on the next when one cannot be opened; any other want must be
// the ID of a usable device, or the name of a backend with one, else it is an error that says why not. Drivers come in
// the order of preference.
func Pick(want string, drivers ...Driver) (Backend, string, error) {
	var passed []string
	for _, d := range drivers {
		for _, dev := range d.Devices() {
			auto := want == "auto" && !dev.Oracle
			if !auto && want != dev.ID && want != dev.Backend {
				continue
			}
			err := fmt.Errorf("%s", dev.Reason)
			if dev.Usable {
				var b Backend
				if b, err = d.Open(dev.ID); err == nil {
					return b, reason(want, dev, passed), nil
				}
			}
			if want == dev.ID || !auto && dev.Usable {
				return nil, "", fmt.Errorf("engine: device %s cannot be used: %w", dev.ID, err)
			}
			passed = append(passed, fmt.Sprintf("%s: %v", dev.ID, err))
		}
	}
	if want == "auto" || len(passed) > 0 {
		return nil, "", fmt.Errorf("engine: no device can be used (%s)", strings.Join(passed, "; "))
	}
	var ids []string
	for _, d := range drivers {
		for _, dev := range d.Devices() {
			if !dev.Usable && strings.HasPrefix(want, dev.Backend+":") {
				return nil, "", fmt.Errorf("engine: device %s cannot be used: %s", want, dev.Reason)
			}
			ids = append(ids, dev.ID)
		}
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
