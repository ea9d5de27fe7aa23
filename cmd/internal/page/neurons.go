package page

import (
	"cmp"
	"runtime"
	"slices"
	"sync"

	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
)

// usualExtremes is how many images of largest and of smallest z are shown of each neuron of a layer of usual size.
const usualExtremes = 8

// extremes is how many are shown of a neuron of a layer of so many.
func extremes(units int) int {
	switch {
	case units <= 256:
		return usualExtremes
	case units <= 1024:
		return 5
	}
	return 3
}

// classed are the test images one class after the other, each class in the order of the test set: so a layer's values
// are held for the images of one class, not for all.
type classed struct {
	probe inspect.Probe
	at    []int // places in the test set
	from  []int // Classes+1: where each class begins
}

func (c *collector) byClass() (*classed, error) {
	if c.classed != nil {
		return c.classed, nil
	}
	d, inputs := c.run.Tests.Data, c.run.Subject.Net.Spec.Inputs
	s := &classed{at: make([]int, d.Len())}
	for i := range s.at {
		s.at[i] = i
	}
	slices.SortStableFunc(s.at, func(a, b int) int { return cmp.Compare(d.Labels[a], d.Labels[b]) })
	sorted := engine.Data{Images: make([]uint8, 0, len(d.Images)), Labels: make([]uint8, 0, d.Len())}
	for _, i := range s.at {
		sorted.Images = append(sorted.Images, d.Images[i*inputs:][:inputs]...)
		sorted.Labels = append(sorted.Labels, d.Labels[i])
	}
	for k := range c.run.Subject.Net.Spec.Classes() + 1 {
		n, _ := slices.BinarySearchFunc(sorted.Labels, k,
			func(label uint8, k int) int { return cmp.Compare(int(label), k) })
		s.from = append(s.from, n)
	}
	var err error
	if s.probe, err = c.run.Subject.On(sorted); err != nil {
		return nil, err
	}
	c.classed = s
	return s, nil
}

// neurons fills in what each neuron does over the images, and the images that say most about it.
func (c *collector) neurons(out *Layer, l int) error {
	s, err := c.byClass()
	if err != nil {
		return err
	}
	units, classes := out.Units, c.run.Subject.Net.Spec.Classes()
	keep := extremes(units)
	if keep < usualExtremes {
		c.bound("%s has %s neurons, so of each the %d test images of largest and of smallest z are shown, not %d",
			c.named(l), words.Thousands(units), keep, usualExtremes)
	}
	out.Activity = make([][][]Num, units)
	for j := range out.Activity {
		out.Activity[j] = make([][]Num, classes)
	}
	top, bottom := make([]ranking, units), make([]ranking, units)
	for j := range top {
		top[j].most, bottom[j].most = keep, keep
	}
	fewest, lo, hi := 1.0, 0.0, 0.0
	v := columns{units: units}
	most := 0 // images of a class
	for k := range classes {
		most = max(most, s.from[k+1]-s.from[k])
	}
	v.values = make([]float32, 0, min(most*units, keptValues+units))
	for k := range classes {
		c.tell("neurons")
		v.every = 1 + (s.from[k+1]-s.from[k])*units/keptValues
		if err := c.read(s, l, s.from[k], s.from[k+1], &v, top, bottom); err != nil {
			return err
		}
		fewest = min(fewest, 1/float64(v.every))
		spreads := make([]inspect.Spread, units)
		share(units, func(from, to int) {
			for j := from; j < to; j++ {
				spreads[j] = inspect.SpreadOf(v.of(j))
			}
		})
		for j, sp := range spreads {
			if sp.Count == 0 {
				continue
			}
			out.Activity[j][k] = append([]Num{Num(sp.Mean)}, nums(sp.Quantiles)...)
			lo, hi = min(lo, sp.Quantiles[0]), max(hi, sp.Quantiles[len(sp.Quantiles)-1])
		}
	}
	if fewest < 1 {
		c.bound("%s has %s neurons, so how their activations are spread is computed on one in %.0f test images of "+
			"the largest class",
			c.named(l), words.Thousands(units), 1/fewest)
	}
	for j := range units {
		out.Top, out.TopZ = append(out.Top, c.bank.all(top[j].at)), append(out.TopZ, numsOf(top[j].z))
		out.Bottom, out.BottomZ = append(out.Bottom, c.bank.all(bottom[j].at)), append(out.BottomZ, numsOf(bottom[j].z))
		for i, v := range out.BottomZ[j] { // ranked by −z
			out.BottomZ[j][i] = -v
		}
	}
	switch c.run.Subject.Net.Spec.Layers[l].Activation {
	case engine.Sigmoid:
	case engine.Tanh:
		out.Range = [2]Num{-1, 1}
	default:
		out.Range = [2]Num{Num(lo), Num(hi)}
	}
	return nil
}

// read has the network look at the images from … to−1 of s, some at a time: it ranks them by z and −z and keeps the
// activations of every nth of them.
func (c *collector) read(s *classed, l, from, to int, v *columns, top, bottom []ranking) error {
	net, step := c.run.Subject.Net, max(64, 2<<20/v.units) // 8 MB of values
	v.rows = (to - from + v.every - 1) / v.every
	v.values = slices.Grow(v.values[:0], v.rows*v.units)[:v.rows*v.units]
	for lo := from; lo < to; lo += step {
		hi := min(to, lo+step)
		v.buf = slices.Grow(v.buf[:0], (hi-lo)*v.units)
		z, err := s.probe.Range(c.ctx, net, l, true, lo, hi, v.buf)
		if err != nil {
			return err
		}
		share(v.units, func(first, end int) {
			for i, row := range z {
				for j := first; j < end; j++ {
					top[j].add(row[j], s.at[lo+i])
					bottom[j].add(-row[j], s.at[lo+i])
				}
			}
		})
		a := z
		if net.Spec.Layers[l].Activation != engine.Identity {
			if a, err = s.probe.Range(c.ctx, net, l, false, lo, hi, v.buf); err != nil {
				return err
			}
		}
		share(v.units, func(first, end int) {
			for i, row := range a {
				if n := lo + i - from; n%v.every == 0 {
					for j := first; j < end; j++ {
						v.values[j*v.rows+n/v.every] = row[j]
					}
				}
			}
		})
	}
	return nil
}

// columns are a layer's values for some images, one neuron after the other.
type columns struct {
	units, rows int
	every       int // how many images one is kept of
	values      []float32
	buf         []float32 // what the network says of some images
}

func (v *columns) of(j int) []float32 { return v.values[j*v.rows : (j+1)*v.rows] }

// ranking keeps the images of largest value, the largest first, equals by their places.
type ranking struct {
	most int
	z    []float32
	at   []int
}

// add takes an image in when it is among them.
func (r *ranking) add(z float32, at int) {
	n := len(r.z)
	if n == r.most && z < r.z[n-1] {
		return
	}
	i := n // where it goes
	for i > 0 && cmp.Or(cmp.Compare(z, r.z[i-1]), cmp.Compare(r.at[i-1], at)) > 0 {
		i--
	}
	if i == r.most {
		return
	}
	if n == r.most {
		r.z, r.at = r.z[:n-1], r.at[:n-1]
	}
	r.z, r.at = slices.Insert(r.z, i, z), slices.Insert(r.at, i, at)
}

// share has all cores do a part of 0 … n−1 each, in pieces of a few cache lines of float32.
func share(n int, do func(from, to int)) {
	const piece = 64
	var wait sync.WaitGroup
	workers := min(runtime.GOMAXPROCS(0), (n+piece-1)/piece)
	for w := range workers {
		wait.Go(func() {
			for from := w * piece; from < n; from += workers * piece {
				do(from, min(n, from+piece))
			}
		})
	}
	wait.Wait()
}
