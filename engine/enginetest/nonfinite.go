package enginetest

import (
	"errors"
	"fmt"
	"math"

	"neuroloupe/engine"
)

// nonfiniteCase puts a value that is no number into one element of a parameter.
type nonfiniteCase struct {
	name  string
	spec  engine.Spec
	param int // of Spec.ParamInfo; the element is its last
	value float32
}

func nonfiniteChecks() []check {
	var cases []nonfiniteCase
	for _, s := range combinations([]int{5, 4, 3}) {
		last := 2*len(s.Layers) - 1
		for _, v := range []struct {
			name  string
			value float64
		}{{"nan", math.NaN()}, {"+inf", math.Inf(1)}, {"-inf", math.Inf(-1)}} {
			cases = append(cases,
				nonfiniteCase{functions(s) + "/" + v.name + "-first-weight", s, 0, float32(v.value)},
				nonfiniteCase{functions(s) + "/" + v.name + "-last-bias", s, last, float32(v.value)})
		}
	}
	return each("", cases, func(c nonfiniteCase) string { return c.name }, (*bench).nonfinite)
}

// nonfinite: the loss and the activations are as little a number as the textbook's, no call fails for it, and once good
// parameters and state are written the executor is as new. Every pixel is inked: a backend may skip a product with 0.
func (b *bench) nonfinite(c nonfiniteCase) error {
	const n = 6
	r := source("nonfinite")
	data := digits(r, n, c.spec.Inputs, c.spec.Classes())
	for i := range data.Images {
		data.Images[i] = byte(1 + r.IntN(255))
	}
	for i := range data.Labels {
		data.Labels[i] = uint8(i % c.spec.Classes())
	}
	order := shuffled(r, n, 2*n)
	bad := c.spec.NewParams()
	values := bad[c.param].Data
	values[len(values)-1] = c.value
	ref := newReference(c.spec, bad)
	cost, _ := ref.gradient(data, order[:n], nil)

	var want []engine.Tensor
	err := b.with(c.spec, n, data, func(r *rig) error {
		if _, err := r.train(order, n, 0, runRate); err != nil {
			return err
		}
		var err error
		want, err = r.read()
		return err
	})
	if err != nil {
		return err
	}
	return b.with(c.spec, n, data, func(r *rig) error {
		good, err := r.read()
		if err != nil {
			return err
		}
		if err := r.Write(bad...); err != nil {
			return err
		}
		if err := b.sameNaNs(r, ref); err != nil {
			return err
		}
		loss, err := r.train(order, n, 0, runRate)
		if err != nil {
			return err
		}
		if finite(cost) != finite(float64(loss[0])) && !finite(cost) {
			return fmt.Errorf("the loss of the first step is %v, want it as little a number as %v", loss[0], cost)
		}
		if err := r.Write(good...); err != nil {
			return err
		}
		if _, err := r.train(order, n, 0, runRate); err != nil {
			return err
		}
		got, err := r.read()
		if err != nil {
			return err
		}
		if err := same(want, got); err != nil {
			return fmt.Errorf("after good parameters were written again: %w", err)
		}
		return nil
	})
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// sameNaNs: inference gives NaN and infinities where the textbook does.
func (b *bench) sameNaNs(r *rig, ref *reference) error {
	n := len(r.data.Labels)
	var errs []error
	for l, layer := range r.program.Spec.Layers {
		for _, z := range []bool{true, false} {
			got := make([]float32, n*layer.Units)
			if err := r.Infer(engine.Query{Data: r.ref, Hi: n, Layer: l, Z: z, Dst: got}); err != nil {
				return err
			}
			for e := range n {
				act := ref.forward(pixels(r.data, r.program.Spec.Inputs, int32(e)), nil)
				want := act.a[l]
				if z {
					want = act.z[l]
				}
				for k, w := range want {
					g := float64(got[e*layer.Units+k])
					if math.IsNaN(w) != math.IsNaN(g) || math.IsInf(w, 1) != math.IsInf(g, 1) ||
						math.IsInf(w, -1) != math.IsInf(g, -1) {
						errs = append(errs, fmt.Errorf("layer %d, z %t, example %d, unit %d: %v, want %v", l, z, e, k,
							g, w))
					}
				}
			}
		}
	}
	return errors.Join(errs...)
}
