package enginetest

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"neuroloupe/engine"
)

// inferCase asks for examples lo to hi of each layer, z and a, and compares with the textbook.
type inferCase struct {
	name     string
	spec     engine.Spec
	examples int
	capacity int
	ranges   [][2]int // nil = all examples at once
	scale    float32  // of the start parameters; 0 = 1
}

func inferChecks() []check {
	var cases []inferCase
	for _, s := range combinations([]int{13, 7, 5}) {
		cases = append(cases, inferCase{name: "functions/" + functions(s), spec: s, examples: 9, capacity: 9})
	}
	for _, s := range combinations([]int{13, 7, 5}) {
		cases = append(cases, inferCase{
			name: "large-weights/" + functions(s), spec: s, examples: 9, capacity: 9,
			scale: 300,
		})
	}
	const sigmoid, softmax, ce = engine.Sigmoid, engine.Softmax, engine.CrossEntropy
	deep := network([]int{17, 9, 8, 7, 3}, engine.Tanh, softmax, ce)
	dropout := deep
	dropout.Dropout = 0.5
	normal := network([]int{784, 100, 10}, sigmoid, sigmoid, engine.Quadratic)
	normal.Init = engine.InitNormal
	small := network([]int{5, 3, 2}, engine.ReLU, softmax, ce)
	cases = append(cases,
		inferCase{name: "deep", spec: deep, examples: 20, capacity: 20},
		inferCase{name: "without-dropout", spec: dropout, examples: 20, capacity: 20},
		inferCase{name: "784-100-10", spec: normal, examples: 30, capacity: 10},
		inferCase{name: "1-1", spec: network([]int{1, 1}, sigmoid, sigmoid, ce), examples: 3, capacity: 1},
		inferCase{
			name: "ranges", spec: small, examples: 5000, capacity: 4,
			ranges: [][2]int{
				{0, 0},
				{5000, 5000},
				{0, 1},
				{4999, 5000},
				{3, 7},
				{3, 8},
				{1, 700},
				{255, 513},
				{4095, 4097},
				{0, 5000},
			},
		},
	)
	return append(each("", cases, func(c inferCase) string { return c.name }, (*bench).infer), answersChecks()...)
}

func (b *bench) infer(c inferCase) error {
	data := digits(source(c.name), c.examples, c.spec.Inputs, c.spec.Classes())
	params := c.spec.NewParams()
	for _, p := range params {
		for i := range p.Data {
			p.Data[i] *= max(c.scale, 1)
		}
	}
	if c.ranges == nil {
		c.ranges = [][2]int{{0, c.examples}}
	}
	ref := newReference(c.spec, params)
	var acts []activity
	for e := range c.examples {
		acts = append(acts, ref.forward(pixels(data, c.spec.Inputs, int32(e)), nil))
	}
	return b.with(c.spec, c.capacity, data, func(r *rig) error {
		if err := r.Write(params...); err != nil {
			return fmt.Errorf("write: %w", err)
		}
		var errs []error
		for _, at := range c.ranges {
			for layer := range c.spec.Layers {
				errs = append(errs,
					b.query(r, acts, engine.Query{Data: r.ref, Lo: at[0], Hi: at[1], Layer: layer, Z: true}),
					b.query(r, acts, engine.Query{Data: r.ref, Lo: at[0], Hi: at[1], Layer: layer}))
			}
		}
		return errors.Join(errs...)
	})
}

// query asks q, with a margin around Dst that must stay as it is, and compares with what acts says.
func (b *bench) query(r *rig, acts []activity, q engine.Query) error {
	const margin, untouched = 8, -12345
	spec := r.program.Spec
	n := (q.Hi - q.Lo) * spec.Layers[q.Layer].Units
	room := slices.Repeat([]float32{untouched}, margin+n+margin)
	q.Dst = room[margin : margin+n : margin+n]
	what := fmt.Sprintf("layer %d, examples %d to %d, a", q.Layer, q.Lo, q.Hi)
	if q.Z {
		what = what[:len(what)-1] + "z"
	}
	if err := r.Infer(q); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	for i, v := range room {
		if outside := i < margin || i >= margin+n; outside && v != untouched {
			return fmt.Errorf("%s: %v written %d places from the start of %d values", what, v, i-margin, n)
		}
	}
	var want, bound []float64
	e := noise(spec, 1, 0)
	for _, act := range acts[q.Lo:q.Hi] {
		values := act.a[q.Layer]
		if q.Z {
			values = act.z[q.Layer]
		}
		for _, v := range values {
			want = append(want, v)
			bound = append(bound, e*(act.s[q.Layer]+math.Abs(v)))
		}
	}
	return b.near(what, want, bound, q.Dst)
}
