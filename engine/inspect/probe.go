package inspect

import (
	"context"
	"fmt"
	"runtime"
	"sync"

	"neuroloupe/engine"
)

// Probe runs networks over a whole data set.
type Probe struct {
	Executor engine.Executor // compiled for the Spec of the networks that it is asked about
	Ref      engine.DataRef  // Data, bound to Executor
	Data     engine.Data
}

// rowsAtOnce is how many examples of a layer's values are inferred at a time, between two looks at the context: few
// enough for 8 MB of them.
func rowsAtOnce(units int) int { return max(64, min(2048, 2<<20/units)) }

// Values returns a layer's activations for all examples, or its weighted inputs with z: Len(Data)×Units, one backing
// array. It leaves n's parameters in the executor.
func (p Probe) Values(ctx context.Context, n Net, layer int, z bool) ([][]float32, error) {
	return p.Range(ctx, n, layer, z, 0, p.Data.Len(), nil)
}

// Range returns the same for the examples lo … hi−1: (hi−lo)×Units, in buf where that is large enough.
func (p Probe) Range(ctx context.Context, n Net, layer int, z bool, lo, hi int, buf []float32) ([][]float32, error) {
	if err := n.checkLayer(layer, false); err != nil {
		return nil, err
	}
	if err := p.Executor.Write(n.Params...); err != nil {
		return nil, fmt.Errorf("inspect: %w", err)
	}
	units := n.Spec.Layers[layer].Units
	if cap(buf) < (hi-lo)*units {
		buf = make([]float32, (hi-lo)*units)
	}
	flat, rows := buf[:(hi-lo)*units], make([][]float32, hi-lo)
	step := rowsAtOnce(units)
	for at := lo; at < hi; at += step {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		to := min(hi, at+step)
		q := engine.Query{Data: p.Ref, Lo: at, Hi: to, Layer: layer, Z: z, Dst: flat[(at-lo)*units : (to-lo)*units]}
		if err := p.Executor.Infer(q); err != nil {
			return nil, fmt.Errorf("inspect: %w", err)
		}
	}
	for i := range rows {
		rows[i] = flat[i*units : (i+1)*units : (i+1)*units]
	}
	return rows, nil
}

// Weighted returns z of every layer for one example, as the executor computes it. It leaves n's parameters there.
func (p Probe) Weighted(n Net, example int) ([][]float32, error) {
	if err := n.Validate(); err != nil {
		return nil, err
	}
	if err := p.Executor.Write(n.Params...); err != nil {
		return nil, fmt.Errorf("inspect: %w", err)
	}
	z := make([][]float32, len(n.Spec.Layers))
	for l, layer := range n.Spec.Layers {
		z[l] = make([]float32, layer.Units)
		q := engine.Query{Data: p.Ref, Lo: example, Hi: example + 1, Layer: l, Z: true, Dst: z[l]}
		if err := p.Executor.Infer(q); err != nil {
			return nil, fmt.Errorf("inspect: %w", err)
		}
	}
	return z, nil
}

// Score is how well a network does on the probe's data set. program is the executor's.
func (p Probe) Score(n Net, program *engine.Program) (engine.Score, error) {
	if err := p.Executor.Write(n.Params...); err != nil {
		return engine.Score{}, fmt.Errorf("inspect: %w", err)
	}
	return engine.Evaluate(p.Executor, program, p.Ref, p.Data)
}

// column returns one neuron's values, copied. values: n×Units.
func column(values [][]float32, neuron int) []float32 {
	c := make([]float32, len(values))
	for i, row := range values {
		c[i] = row[neuron]
	}
	return c
}

// columns returns the values of some neurons, copied: n×len(neurons).
func columns(values [][]float32, neurons []int) [][]float32 {
	flat, rows := make([]float32, len(values)*len(neurons)), make([][]float32, len(values))
	for i, row := range values {
		rows[i] = flat[i*len(neurons) : (i+1)*len(neurons) : (i+1)*len(neurons)]
		for k, j := range neurons {
			rows[i][k] = row[j]
		}
	}
	return rows
}

// means returns the mean of each neuron's values; zeros for no examples. values: n×Units.
func means(values [][]float32, units int) []float64 {
	m := make([]float64, units)
	for _, row := range values {
		for j, v := range row {
			m[j] += float64(v)
		}
	}
	for j := range m {
		m[j] /= max(1, float64(len(values)))
	}
	return m
}

// Slopes returns E σ′(z) of every hidden layer's neurons over the probe's data set, as Paths takes them. It leaves n's
// parameters in the executor.
func (p Probe) Slopes(ctx context.Context, n Net) ([][]float64, error) {
	var s [][]float64
	for l := range n.Last() {
		act, err := p.Observe(ctx, n, l)
		if err != nil {
			return nil, err
		}
		s = append(s, act.Slope)
	}
	return s, nil
}

// share runs f for each of 0 … n−1 on all cores, until ctx ends; what f(i) writes must depend on i alone.
func share(ctx context.Context, n int, f func(i int)) error {
	workers := min(n, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := w; i < n && ctx.Err() == nil; i += workers {
				f(i)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
