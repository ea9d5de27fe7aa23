package enginetest

import (
	"fmt"
	"slices"

	"neuroloupe/engine"
)

// answersCase makes the outputs of a network alike in single precision, but not their weighted inputs z.
type answersCase struct {
	name  string
	spec  engine.Spec
	shift float32 // the output layer's biases, all alike, so that they change no answer
	scale float32 // of the output layer's weights, which changes none either
}

func answersChecks() []check {
	var cases []answersCase
	add := func(s engine.Spec, how string, shift, scale float32) {
		cases = append(cases, answersCase{name: how + "/" + functions(s), spec: s, shift: shift, scale: scale})
	}
	for _, s := range combinations([]int{13, 7, 5}) {
		switch s.Layers[1].Activation {
		case engine.Sigmoid, engine.Tanh:
			add(s, "high", 120, 1)
			add(s, "low", -120, 1)
		case engine.ReLU:
			add(s, "low", -120, 1)
		case engine.Softmax:
			add(s, "near", 0, 1e-9)
		}
	}
	return each("answers/", cases, func(c answersCase) string { return c.name }, (*bench).answers)
}

// answers: where activations tie, z tells the outputs apart, and it is by z that a network is evaluated.
func (b *bench) answers(c answersCase) error {
	const n = 40
	classes := c.spec.Classes()
	params := c.spec.NewParams()
	for i := range params[0].Data {
		params[0].Data[i] *= 10 // the answers must differ from example to example
	}
	for i := range params[2].Data {
		params[2].Data[i] *= c.scale
	}
	for i := range params[3].Data {
		params[3].Data[i] = c.shift
	}
	data, want, err := decided(c, params, n)
	if err != nil {
		return err
	}
	confusion := make([][]int, classes)
	for k := range confusion {
		confusion[k] = make([]int, classes)
	}
	for i, label := range data.Labels {
		confusion[label][want[i]]++
	}
	return b.with(c.spec, n, data, func(r *rig) error {
		if err := r.Write(params...); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		out := make([]float32, n*classes)
		q := engine.Query{Data: r.ref, Hi: n, Layer: 1, Dst: out}
		if err := r.Infer(q); err != nil {
			return err
		}
		for i := range n {
			row := slices.Sorted(slices.Values(out[i*classes:][:classes]))
			if row[classes-2] != row[classes-1] {
				return fmt.Errorf("example %d: outputs %v do not tie: the case shows nothing", i, row)
			}
		}
		q.Z = true
		if err := r.Infer(q); err != nil {
			return err
		}
		for i, k := range want {
			if got := engine.Answer(out[i*classes:][:classes]); got != k {
				return fmt.Errorf("example %d: z %v answers %d, want %d", i, out[i*classes:][:classes], got, k)
			}
		}
		s, err := engine.Evaluate(r.Executor, r.program, r.ref, data)
		if err != nil {
			return err
		}
		if got := fmt.Sprint(s.Confusion); got != fmt.Sprint(confusion) {
			return fmt.Errorf("evaluated as %v, want %v", got, confusion)
		}
		return nil
	})
}

// decided draws n examples whose answer single precision cannot get wrong, and returns the answers too. There are
// several, or every example would be class 0.
func decided(c answersCase, params []engine.Tensor, n int) (d engine.Data, answers []int, err error) {
	ref, inputs := newReference(c.spec, params), c.spec.Inputs
	all := digits(source("answers/"+c.name), 4*n, inputs, c.spec.Classes())
	for e := range all.Labels {
		act := ref.forward(pixels(all, inputs, int32(e)), nil)
		z := act.z[1]
		order := slices.Clone(z)
		slices.Sort(order)
		largest, next := order[len(order)-1], order[len(order)-2]
		if len(answers) < n && largest-next > 2*noise(c.spec, 1, 0)*(act.s[1]+max(largest, -next)) {
			d.Images = append(d.Images, all.Images[e*inputs:(e+1)*inputs]...)
			d.Labels = append(d.Labels, all.Labels[e])
			answers = append(answers, slices.Index(z, largest))
		}
	}
	if len(answers) < n || len(slices.Compact(slices.Sorted(slices.Values(answers)))) < 2 {
		return d, nil, fmt.Errorf("%d examples with answers %v: the case shows nothing", len(answers), answers)
	}
	return d, answers, nil
}
