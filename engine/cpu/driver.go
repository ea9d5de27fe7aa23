package cpu

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"neuroloupe/engine"
)

// Driver finds and opens the CPU. The zero value uses every core that the process may use.
type Driver struct {
	Workers int // goroutines that compute; 0 = GOMAXPROCS
}

var _ engine.Driver = Driver{}

func (d Driver) workers() int {
	if d.Workers > 0 {
		return d.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// Devices returns the one CPU.
func (d Driver) Devices() []engine.Device {
	return []engine.Device{{
		ID:         "cpu",
		Name:       procField("/proc/cpuinfo", "model name", runtime.GOARCH),
		Backend:    "cpu",
		Memory:     memory(),
		Capability: fmt.Sprintf("plain Go, %d of %d cores", d.workers(), runtime.NumCPU()),
		Usable:     true,
	}}
}

// Open opens the CPU; the id must be "cpu".
func (d Driver) Open(id string) (engine.Backend, error) {
	if id != "cpu" {
		return nil, fmt.Errorf("cpu: no device %q; want cpu", id)
	}
	if d.Workers < 0 {
		return nil, fmt.Errorf("cpu: %d workers, want 1 or more, or 0 for one per core", d.Workers)
	}
	return &backend{device: d.Devices()[0], pool: newPool(d.workers())}, nil
}

// procField returns the value of the first "key : value" line of a Linux /proc file, or otherwise.
func procField(path, key, otherwise string) string {
	f, err := os.Open(path)
	if err != nil {
		return otherwise
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		if k, v, ok := strings.Cut(s.Text(), ":"); ok && strings.TrimSpace(k) == key {
			return strings.TrimSpace(v)
		}
	}
	return otherwise
}

func memory() int64 {
	kib, err := strconv.ParseInt(strings.TrimSuffix(procField("/proc/meminfo", "MemTotal", ""), " kB"), 10, 64)
	if err != nil {
		return 0
	}
	return kib << 10
}
