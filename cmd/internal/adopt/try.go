package adopt

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"neuroloupe/cmd/internal/dataset"
	"neuroloupe/cmd/internal/exchange"
	"neuroloupe/engine"
	"neuroloupe/engine/cpu"
	"neuroloupe/engine/inspect"
	"neuroloupe/graph"
	"neuroloupe/mnist"
)

// Bounds of trying. Work is counted in multiplications of a weight and a pixel or activation.
const (
	sift      = 6e9  // for all readings, on few images
	choose    = 4e9  // for the best of them, on more
	list      = 12e9 // for those that are told beside the best, on all images
	siftMax   = 400  // images
	siftMin   = 100
	chooseMax = 2000
	finalists = 8
	wellRead  = 0.8 // accuracy from which a reading may be right; what is worse is never advised
)

// trial is a reading with how well the network then does on all test images.
type trial struct {
	reading
	classes  []int // the labels that the outputs must stand for to be so accurate; empty for those they do stand for
	accuracy float64
	loss     float64 // of softmax over the outputs: infinite when it is no number
}

func newTrial(r reading, s engine.Score) trial {
	t := trial{reading: r, accuracy: s.Accuracy(), loss: s.Loss}
	if math.IsNaN(t.loss) {
		t.loss = math.Inf(1)
	}
	return t
}

// trier tries readings of one network on the test images of its data set.
type trier struct {
	ctx     context.Context
	nets    []*exchange.Net
	hidden  bool         // it has hidden layers
	samples []*mnist.Set // few, more and all of the test images
	backend engine.Backend
	open    map[[2]int]*tried // by number of the net and hidden activation
}

// tried is a network compiled for one hidden activation.
type tried struct {
	program  *engine.Program
	executor engine.Executor
	bound    map[*mnist.Set]engine.DataRef
}

func newTrier(ctx context.Context, nets []*exchange.Net, test *mnist.Set) (*trier, error) {
	b, err := (cpu.Driver{}).Open("cpu")
	if err != nil {
		return nil, err
	}
	return &trier{
		ctx: ctx, nets: nets, hidden: len(nets[0].Sizes) > 2, backend: b, open: map[[2]int]*tried{},
		samples: []*mnist.Set{test},
	}, nil
}

func (t *trier) close() error {
	var errs []error
	for _, o := range t.open {
		errs = append(errs, o.executor.Close())
	}
	return errors.Join(append(errs, t.backend.Close())...)
}

// cost is the work for one image.
func (t *trier) cost() float64 {
	n := 0
	for i, size := range t.nets[0].Sizes[1:] {
		n += size * t.nets[0].Sizes[i]
	}
	return float64(n)
}

// score runs the network, taken as r, over images. Its answer is the largest weighted input of the output layer.
func (t *trier) score(r reading, images *mnist.Set) (engine.Score, error) {
	if err := t.ctx.Err(); err != nil {
		return engine.Score{}, err
	}
	key := [2]int{r.net, int(r.hidden)}
	o := t.open[key]
	if o == nil {
		spec := engine.Spec{Inputs: t.nets[r.net].Sizes[0], Loss: engine.CrossEntropy}
		for _, units := range t.nets[r.net].Sizes[1:] {
			spec.Layers = append(spec.Layers, engine.Layer{Units: units, Activation: r.hidden})
		}
		spec.Layers[len(spec.Layers)-1].Activation = engine.Softmax // of the same order as z, whatever it really is
		o = &tried{bound: map[*mnist.Set]engine.DataRef{}}
		var err error
		if o.program, err = graph.Compile(spec, 1); err != nil {
			return engine.Score{}, err
		}
		if o.executor, err = t.backend.Compile(o.program); err != nil {
			return engine.Score{}, err
		}
		t.open[key] = o
	}
	d := dataset.Data(images)
	ref, ok := o.bound[images]
	if !ok {
		var err error
		if ref, err = o.executor.Bind(d); err != nil {
			return engine.Score{}, err
		}
		o.bound[images] = ref
	}
	if err := o.executor.Write(r.fold(t.nets[r.net].Params, images.Shape)...); err != nil {
		return engine.Score{}, err
	}
	return engine.Evaluate(o.executor, o.program, ref, d)
}

// readings returns all that is tried, said first: every combination, as far as there is time for so many.
func (t *trier) readings(said reading, pixels scaling) []reading {
	hidden := []engine.Activation{said.hidden}
	if t.hidden {
		hidden = unique(append(hidden, engine.Sigmoid, engine.Tanh, engine.ReLU))
	}
	scalings := unique([]scaling{said.scaling, unscaled(), raw(), {0.1307, 0.3081}, {0.5, 0.5}, {0.5, 1}})
	if !slices.ContainsFunc(scalings, func(s scaling) bool {
		return math.Abs(s.mean-pixels.mean) < 0.02 && math.Abs(s.std-pixels.std) < 0.02
	}) {
		scalings = append(scalings, pixels)
	}
	flips := []Flip{flipNone, flipRows, flipCols, flipBoth}
	product := func(flips []Flip) []reading {
		all := []reading{said}
		for net := range t.nets {
			for _, h := range hidden {
				for _, s := range scalings {
					for _, f := range flips {
						for _, turned := range []bool{false, true} {
							for _, inverted := range []bool{false, true} {
								all = append(all, reading{net, h, s, turned, f, inverted})
							}
						}
					}
				}
			}
		}
		return unique(all)
	}
	affordable := func(rs []reading) bool { return float64(len(rs))*siftMin*t.cost() <= sift }
	for _, f := range [][]Flip{flips, {said.flip}} {
		if all := product(f); affordable(all) {
			return all
		}
	}
	return slices.DeleteFunc(product(flips), func(r reading) bool { return r.changes(said) > 1 })
}

// unique leaves out what is there already.
func unique[T comparable](vs []T) []T {
	var out []T
	seen := map[T]bool{}
	for _, v := range vs {
		if !seen[v] {
			seen[v] = true
			out = append(out, v)
		}
	}
	return out
}

// sampling gives each of n readings its share of an amount of work: that many images of all, min to max.
func (t *trier) sampling(work float64, n, least, most int) *mnist.Set {
	return dataset.Some(t.samples[0], max(least, min(most, int(work/float64(n)/t.cost()))))
}

// order sorts trials, the most accurate first, fewer changes first among equals.
func order(ts []trial, said reading) {
	slices.SortStableFunc(ts, func(a, b trial) int {
		switch {
		case a.accuracy > b.accuracy:
			return -1
		case a.accuracy < b.accuracy:
			return 1
		}
		return a.changes(said) - b.changes(said)
	})
}

// search returns the readings that did best, each tested on all images; the first is the one that was said. Most of
// them are sifted out on few images. Permuted outputs are looked for in the confusion of labels and answers.
func (t *trier) search(said reading, all []reading) ([]trial, error) {
	few := t.sampling(sift, len(all), siftMin, siftMax)
	var straight, permuted []trial
	for _, r := range all {
		s, err := t.score(r, few)
		if err != nil {
			return nil, err
		}
		straight = append(straight, newTrial(r, s))
		permuted = append(permuted, newTrial(r, s))
		permuted[len(permuted)-1].accuracy = likeliest(t.ctx, s.Confusion).accuracy
	}
	chosen := leading(straight, said, few.Len(), finalists)
	if order(permuted, said); permuted[0].accuracy > chosen[0].accuracy {
		chosen = append(chosen, permuted[:min(2, len(permuted))]...)
	}
	more := t.sampling(choose, len(chosen), siftMin, chooseMax)
	for i, c := range chosen {
		s, err := t.score(c.reading, more)
		if err != nil {
			return nil, err
		}
		chosen[i] = newTrial(c.reading, s)
		chosen[i].accuracy = max(s.Accuracy(), likeliest(t.ctx, s.Confusion).accuracy)
	}
	rs := []reading{said}
	for _, c := range leading(chosen, said, more.Len(), finalists/2) {
		rs = append(rs, c.reading)
	}
	return t.test(unique(rs))
}

// leading returns most of the most accurate trials on n images and, of those that cannot be told from the best, half as
// many of the least loss. It sorts ts.
func leading(ts []trial, said reading, n, most int) []trial {
	order(ts, said)
	out := slices.Clone(ts[:min(most, len(ts))])
	rest := slices.DeleteFunc(slices.Clone(ts[len(out):]),
		func(t trial) bool { return inspect.Beyond(ts[0].accuracy, t.accuracy, n) })
	slices.SortStableFunc(rest, func(a, b trial) int { return cmp.Compare(a.loss, b.loss) })
	return append(out, rest[:min(most/2, len(rest))]...)
}

// test tries readings on all images. One that does well with its outputs in another order is there twice.
func (t *trier) test(rs []reading) ([]trial, error) {
	var out []trial
	for _, r := range rs {
		s, err := t.score(r, t.samples[0])
		if err != nil {
			return nil, err
		}
		out = append(out, newTrial(r, s))
		if p := likeliest(t.ctx, s.Confusion); p.accuracy >= wellRead && p.accuracy > s.Accuracy() {
			p.reading, p.loss = r, math.Inf(1)
			out = append(out, p)
		}
	}
	return out, nil
}

// likeliest finds the labels that a network's outputs stand for when each stands for one, from
// Confusion[label][output].
func likeliest(ctx context.Context, confusion [][]int) trial {
	cost := make([][]float64, len(confusion)) // of output k standing for label l
	n := 0
	for k := range cost {
		cost[k] = make([]float64, len(confusion))
		for l := range cost[k] {
			cost[k][l] = -float64(confusion[l][k])
			n += confusion[l][k]
		}
	}
	labels, err := inspect.Assign(ctx, cost)
	if err != nil || n == 0 {
		return trial{}
	}
	var best trial
	right := 0
	for k, l := range labels {
		right += confusion[l][k]
	}
	best.classes, best.accuracy = labels, float64(right)/float64(n)
	return best
}

// best returns the most accurate of trials that are ok; nil for none. Of those that n images cannot tell apart it is
// the one with the fewest changes, and then with the least loss: a relu network whose pixels are made larger is as
// accurate, but too sure of itself.
func best(ts []trial, said reading, n int, ok func(trial) bool) *trial {
	effort := func(t trial) int { return t.changes(said) + min(1, len(t.classes)) }
	groups := map[int][]trial{}
	most := 0
	for _, t := range ts {
		if ok(t) {
			groups[effort(t)] = append(groups[effort(t)], t)
			most = max(most, effort(t))
		}
	}
	var found *trial
	for e := range most + 1 {
		group := groups[e]
		if len(group) == 0 {
			continue
		}
		order(group, said)
		top := group[0]
		for _, t := range group[1:] {
			if t.loss < top.loss && !inspect.Beyond(group[0].accuracy, t.accuracy, n) {
				top = t
			}
		}
		if found == nil || inspect.Beyond(top.accuracy, found.accuracy, n) {
			found = &top
		}
	}
	return found
}

// pixelScaling is the scaling that gives images a mean of 0 and a standard deviation of 1, to four digits.
func pixelScaling(s *mnist.Set) scaling {
	var values [256]float64
	for _, v := range s.Images {
		values[v]++
	}
	var mean, square float64
	for v, n := range values {
		x := float64(v) / 255
		mean += n * x / float64(len(s.Images))
		square += n * x * x / float64(len(s.Images))
	}
	round := func(v float64) float64 { return math.Round(v*1e4) / 1e4 }
	std := round(math.Sqrt(max(0, square-mean*mean)))
	if !(std > 0) {
		return unscaled()
	}
	return scaling{round(mean), std}
}
