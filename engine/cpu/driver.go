package cpu

import (
	"bufio"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"

	"neuroloupe/engine"
	"neuroloupe/engine/cpu/internal/gemm"
	"neuroloupe/engine/cpu/internal/isa"
	"neuroloupe/engine/cpu/internal/simd"
)

// Driver finds and opens the CPU. The zero value uses every core that the process may use.
type Driver struct {
	Workers int // goroutines that compute; 0 = GOMAXPROCS
}

var _ engine.Driver = Driver{}

// deviceID is the one CPU's, and the driver's name.
const deviceID = "cpu"

// Name returns "cpu".
func (Driver) Name() string { return deviceID }

func (d Driver) workers() int {
	if d.Workers > 0 {
		return d.Workers
	}
	return runtime.GOMAXPROCS(0)
}

// Devices returns the one CPU.
func (d Driver) Devices() []engine.Device {
	tier, err := isa.Best()
	dev := engine.Device{
		ID:         deviceID,
		Name:       procField("/proc/cpuinfo", "model name", runtime.GOARCH),
		Backend:    deviceID,
		Memory:     memory(),
		Capability: fmt.Sprintf("%s, %d of %d cores", tierNames[tier], d.workers(), runtime.NumCPU()),
		Usable:     err == nil,
	}
	if err != nil {
		dev.Reason = err.Error()
	}
	return []engine.Device{dev}
}

var tierNames = map[isa.Tier]string{isa.Go: "plain Go", isa.AVX2: "AVX2", isa.AVX512: "AVX-512"}

// Open opens the CPU; the id must be "cpu".
func (d Driver) Open(id string) (engine.Backend, error) {
	if id != deviceID {
		return nil, fmt.Errorf("cpu: no device %q; want cpu", id)
	}
	if d.Workers < 0 {
		return nil, fmt.Errorf("cpu: %d workers, want 1 or more, or 0 for one per core", d.Workers)
	}
	tier, err := isa.Best()
	if err != nil {
		return nil, err
	}
	return d.open(tier), nil
}

func (d Driver) open(t isa.Tier) *backend {
	return &backend{
		device: d.Devices()[0], tier: t, kernels: simd.New(t), gemm: gemm.New(t), pool: newPool(d.workers()),
		parallel: parallelWork,
	}
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
