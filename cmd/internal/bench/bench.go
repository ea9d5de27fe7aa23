// Package bench measures training speed, fairly: the same work for every device, all cases taking turns in each round
// so that a busy machine is busy for all, data decoded and in memory before the clock starts, evaluation outside it.
package bench

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"neuroloupe/cuda"
	"neuroloupe/engine"
	"neuroloupe/graph"
)

// Case is one thing to measure: a network trained with a batch size on a device.
type Case struct {
	Backend engine.Backend // the caller closes it
	Spec    engine.Spec
	Batch   int
	LR      float64
}

// Row is what was measured of a Case.
type Row struct {
	Device           string  `json:"device"`
	Mode             string  `json:"mode,omitempty"` // how a GPU runs the steps
	Net              string  `json:"net"`
	Loss             string  `json:"loss"`
	Optimizer        string  `json:"optimizer"`
	Batch            int     `json:"batch"`
	SamplesPerSecond float64 `json:"samples_per_second"` // median of the runs
	MicrosPerStep    float64 `json:"us_per_step"`
	GFLOPS           float64 `json:"gflops"`     // of the dense work; see FLOPs
	PeakShare        float64 `json:"peak_share"` // of the device's measured peak; 0 = not known
	Spread           float64 `json:"spread"`     // (largest − smallest) / median of the runs
	Runs             int     `json:"runs"`

	Samples []float64 `json:"-"` // samples per second of each run
}

// runTime is how long a run takes at least, unless an epoch is shorter.
const runTime = 300 * time.Millisecond

// FLOPs returns the floating-point operations of training on one example, counted as dense matrix products, a multiply
// and an add each: forward and weight gradient of every layer, and δ·Wᵀ of every layer but the first. Operations on
// pixels that are zero are counted although a backend may skip them: what counts is the work that was asked for.
func FLOPs(s engine.Spec) float64 {
	sum := 0.0
	sizes := s.Sizes()
	for l := 1; l < len(sizes); l++ {
		products := 3.0
		if l == 1 {
			products = 2
		}
		sum += products * 2 * float64(sizes[l-1]) * float64(sizes[l])
	}
	return sum
}

type bench struct {
	Case
	executor engine.Executor
	data     engine.DataRef
	rng      *rand.Rand
	order    []int32
	n        int // examples of the data set
	count    int // examples of a run
	steps    uint64
	row      Row
}

// Run measures every case, after a warm-up, runs times, taking turns. said is told of each round and may be nil.
func Run(ctx context.Context, cases []Case, data engine.Data, runs int, said func(round int)) (rows []Row, err error) {
	var all []*bench
	defer func() {
		for _, b := range all {
			if cerr := b.executor.Close(); err == nil {
				err = cerr
			}
		}
	}()
	for _, c := range cases {
		b, err := start(c, data)
		if err != nil {
			return nil, err
		}
		all = append(all, b)
		if err := b.calibrate(ctx); err != nil {
			return nil, err
		}
	}
	for round := range runs {
		if said != nil {
			said(round + 1)
		}
		for _, b := range all {
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			took, err := b.train(b.count)
			if err != nil {
				return nil, err
			}
			b.row.Samples = append(b.row.Samples, float64(b.count)/took.Seconds())
		}
	}
	peaks := map[engine.Backend]float64{}
	for _, b := range all {
		peaks[b.Backend] = Peak(b.Backend)
	}
	for _, b := range all {
		rows = append(rows, b.finish(peaks[b.Backend]))
	}
	return rows, nil
}

// peakTime is how long a peak is measured.
const peakTime = 200 * time.Millisecond

// Peak returns a device's peak in GFLOP/s, the best of three, or 0 when it cannot be measured.
func Peak(b engine.Backend) float64 {
	p, ok := b.(engine.Peaker)
	if !ok {
		return 0
	}
	best := 0.0
	for range 3 {
		best = max(best, p.Peak(peakTime))
	}
	return best
}

func start(c Case, data engine.Data) (*bench, error) {
	p, err := graph.Compile(c.Spec, c.Batch)
	if err != nil {
		return nil, err
	}
	b := &bench{Case: c, n: data.Len(), rng: rand.New(rand.NewPCG(c.Spec.Seed, 3)), order: make([]int32, data.Len())}
	if b.executor, err = c.Backend.Compile(p); err != nil {
		return nil, err
	}
	mode, _ := Mode(b.executor)
	if b.data, err = b.executor.Bind(data); err != nil {
		return nil, err
	}
	if err := b.executor.Write(c.Spec.NewParams()...); err != nil {
		return nil, err
	}
	for i := range b.order {
		b.order[i] = int32(i)
	}
	update := c.Spec.Update.Method.String()
	if c.Spec.L2 > 0 {
		update += " L2"
	}
	b.row = Row{
		Device: c.Backend.Device().ID, Mode: mode, Net: c.Spec.String(), Loss: c.Spec.Loss.String(), Optimizer: update,
		Batch: c.Batch,
	}
	return b, nil
}

// calibrate warms up and finds how many examples a run takes: whole batches, at most an epoch.
func (b *bench) calibrate(ctx context.Context) error {
	for count := b.Batch; ; count *= 2 {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		b.count = min(count, b.n)
		took, err := b.train(b.count)
		if err != nil {
			return err
		}
		if took >= runTime || b.count == b.n {
			return nil
		}
	}
}

// train trains on count examples in a new random order and returns how long that took.
func (b *bench) train(count int) (time.Duration, error) {
	b.rng.Shuffle(len(b.order), func(i, j int) { b.order[i], b.order[j] = b.order[j], b.order[i] })
	s := engine.Steps{Data: b.data, Order: b.order[:count], Batch: b.Batch, First: b.steps}
	s.LR, s.Loss = make([]float32, s.Count()), make([]float32, s.Count())
	for i := range s.LR {
		s.LR[i] = float32(b.LR)
	}
	began := time.Now()
	err := b.executor.Train(s)
	took := time.Since(began)
	if err != nil {
		return 0, err
	}
	b.steps += uint64(s.Count())
	for i, l := range s.Loss {
		if l := float64(l); math.IsNaN(l) || math.IsInf(l, 0) {
			return 0, fmt.Errorf("bench: %v with batches of %d on %s: the loss of step %d is %v; a benchmark of a "+
				"network that learns nothing is none: lower --lr", b.Spec, b.Batch, b.row.Device,
				b.steps-uint64(len(s.Loss)-i)+1, l)
		}
	}
	return took, nil
}

func (b *bench) finish(peak float64) Row {
	r := b.row
	sorted := slices.Sorted(slices.Values(r.Samples))
	r.Runs = len(sorted)
	r.SamplesPerSecond = (sorted[(len(sorted)-1)/2] + sorted[len(sorted)/2]) / 2
	r.Spread = (sorted[len(sorted)-1] - sorted[0]) / r.SamplesPerSecond
	r.MicrosPerStep = 1e6 * float64(b.Batch) / r.SamplesPerSecond
	r.GFLOPS = FLOPs(b.Spec) * r.SamplesPerSecond / 1e9
	if peak > 0 {
		r.PeakShare = r.GFLOPS / peak
	}
	return r
}

// Mode says in what mode a GPU runs the steps of e, and why in no faster one; both are empty on other devices.
func Mode(e engine.Executor) (mode, why string) {
	if m, ok := e.(interface{ Mode() (cuda.Mode, string) }); ok {
		mode, why := m.Mode()
		return mode.String(), why
	}
	return "", ""
}

// Crossover returns the smallest batch from which device is faster than other in all larger ones measured; 0 if none.
func Crossover(rows []Row, device, other string) int {
	speed := func(d string) map[int]float64 {
		m := map[int]float64{}
		for _, r := range rows {
			if r.Device == d {
				m[r.Batch] = r.SamplesPerSecond
			}
		}
		return m
	}
	a, b := speed(device), speed(other)
	var batches []int
	for n := range a {
		if _, ok := b[n]; ok {
			batches = append(batches, n)
		}
	}
	slices.Sort(batches)
	from := 0
	for _, n := range slices.Backward(batches) {
		if a[n] <= b[n] {
			break
		}
		from = n
	}
	return from
}
