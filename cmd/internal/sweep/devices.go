package sweep

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/engine"
)

// Places are where networks are trained side by side: devices is auto, or device names with commas between. jobs is
// how many; 0 is one per core on the CPU, and one on each GPU. cores is how many the places on the CPU share.
func Places(ctx context.Context, devices string, jobs int, t talk.Talk) (places []Place, cores int, err error) {
	if jobs < 0 {
		return nil, 0, talk.Usage("--jobs %d: want 0 or more", jobs)
	}
	cores = runtime.GOMAXPROCS(0)
	names := strings.Split(devices, ",")
	if devices == "auto" {
		names = automatic(ctx, t)
	}
	for i, name := range names {
		name = strings.TrimSpace(name)
		for _, other := range names[:i] {
			if strings.TrimSpace(other) == name {
				return nil, 0, talk.Usage("--devices %s: %s stands there twice", devices, name)
			}
		}
		p := Place{Device: job.Device{Want: name}, Shares: name == "cpu"}
		backend, _, err := job.Pick(ctx, p.Device, t) // that it is there is seen before anything is trained
		if err != nil {
			return nil, 0, err
		}
		p.Info = backend.Device()
		if err := backend.Close(); err != nil {
			return nil, 0, err
		}
		n := 1
		if p.Shares {
			n = cores
		}
		if jobs > 0 {
			n = max(1, (jobs+len(names)-1-i)/len(names))
		}
		for range n {
			places = append(places, p)
		}
	}
	if len(places) == 0 {
		return nil, 0, errors.New("no device to train on")
	}
	return places, cores, nil
}

// automatic are the GPUs that can be used, or else the CPU.
func automatic(ctx context.Context, t talk.Talk) []string {
	var gpus []string
	for _, d := range job.Drivers(ctx, job.Device{Want: "auto"}, t) {
		if d.Name() != job.GPUBackend {
			continue
		}
		for _, dev := range d.Devices() {
			if dev.Usable {
				gpus = append(gpus, dev.ID)
			}
		}
	}
	if len(gpus) == 0 {
		return []string{"cpu"}
	}
	t.Say("training on %s", strings.Join(gpus, ", "))
	return gpus
}

// ParseShard reads I/N: the part I, from 0, of N.
func ParseShard(s string) (Shard, error) {
	if s == "" {
		return Shard{}, nil
	}
	var sh Shard
	var rest string
	n, err := fmt.Sscanf(s+" ", "%d/%d%s", &sh.Index, &sh.Of, &rest)
	if n < 2 || rest != "" || sh.Of < 1 || sh.Index < 0 || sh.Index >= sh.Of || err != nil && n != 2 {
		return Shard{}, talk.Usage("--shard %s: want I/N, the part I of N, counted from 0: 0/4 to 3/4", s)
	}
	return sh, nil
}

// Devices are what the sweep is trained on.
func (l *Local) Devices() []engine.Device {
	var all []engine.Device
	for _, p := range l.Places {
		if !slices.ContainsFunc(all, func(d engine.Device) bool { return d.ID == p.Info.ID }) {
			all = append(all, p.Info)
		}
	}
	return all
}
