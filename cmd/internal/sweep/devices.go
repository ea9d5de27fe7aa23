package sweep

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"

	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/engine"
)

// Site is where the networks of a sweep are trained.
type Site struct {
	Places []Place
	Cores  int // that the places on the CPU share

	yards []*yard
}

// NewSite opens the devices: auto, or names with commas between. jobs is how many networks are trained side by side; 0
// is one per core on the CPU, and on a GPU as many as fit. The caller closes it.
func NewSite(ctx context.Context, devices string, jobs int, p *Plan, t talk.Talk) (_ *Site, err error) {
	if jobs < 0 {
		return nil, talk.Usage("--jobs %d: want 0 or more", jobs)
	}
	s := &Site{Cores: cores(os.Getenv)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	names := strings.Split(devices, ",")
	if devices == "auto" {
		names = automatic(ctx, t)
	}
	for i, name := range names {
		name = strings.TrimSpace(name)
		for _, other := range names[:i] {
			if strings.TrimSpace(other) == name {
				return nil, talk.Usage("--devices %s: %s stands there twice", devices, name)
			}
		}
		part := 0 // of the jobs
		if jobs > 0 {
			part = max(1, (jobs+len(names)-1-i)/len(names))
		}
		if err := s.open(ctx, name, part, p, t); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// open adds the places of a device, at most so many, 0 for as many as are useful.
func (s *Site) open(ctx context.Context, name string, most int, p *Plan, t talk.Talk) error {
	place := Place{Device: job.Device{Want: name}}
	backend, reason, err := job.Pick(ctx, place.Device, t)
	if err != nil {
		return err
	}
	place.Info = backend.Device()
	n := 1
	switch place.Info.Backend {
	case job.GPUBackend:
		y := newYard(place.Device, backend, most)
		s.yards = append(s.yards, y)
		if n, err = y.slots(p); err != nil {
			return err
		}
		place.Device.Lend = &job.Loan{Reason: reason, Executor: y.lend}
	default:
		place.Shares = place.Info.Backend == "cpu"
		if place.Shares {
			n = s.Cores
		}
		if err := backend.Close(); err != nil { // each network opens it for itself
			return err
		}
	}
	if most > 0 && (place.Shares || n > most) {
		n = most
	}
	n = min(n, max(1, len(p.Runs)))
	for range n {
		s.Places = append(s.Places, place)
	}
	return nil
}

// Close gives the devices back; no network may be trained any more.
func (s *Site) Close() error {
	var errs []error
	for _, y := range s.yards {
		errs = append(errs, y.close())
	}
	s.yards = nil
	return errors.Join(errs...)
}

// cores is how many cores this process may use: in a job of Slurm those that it was given there.
func cores(get func(string) string) int {
	n := runtime.GOMAXPROCS(0)
	if given, err := strconv.Atoi(get("SLURM_CPUS_ON_NODE")); err == nil && given > 0 {
		n = min(n, given)
	}
	return n
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
	for _, p := range l.Site.Places {
		if !slices.ContainsFunc(all, func(d engine.Device) bool { return d.ID == p.Info.ID }) {
			all = append(all, p.Info)
		}
	}
	return all
}
