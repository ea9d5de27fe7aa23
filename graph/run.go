package graph

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"neuroloupe/engine/kernel"
)

// Do computes the output into a new value.
func (o *Op) Do(in ...G.Value) (G.Value, error) {
	s, err := o.sizes(shapesOf(in))
	if err != nil {
		return nil, err
	}
	var dst G.Value = G.NewF32(0)
	if shape := s.shape(o.signature().out); len(shape) > 0 {
		dst = tensor.New(tensor.Of(tensor.Float32), tensor.WithShape(shape...))
	}
	return o.UsePreallocDo(dst, in...)
}

// UsePreallocDo computes the output into dst, which must not overlap an input, and returns dst. Shapes are checked: a
// kernel that panics would take the process with it, since a TapeMachine runs operators in a goroutine of its own.
func (o *Op) UsePreallocDo(dst G.Value, in ...G.Value) (G.Value, error) {
	s, err := o.sizes(shapesOf(in))
	if err != nil {
		return nil, err
	}
	if want := s.shape(o.signature().out); !want.Eq(dst.Shape()) {
		return nil, fmt.Errorf("graph: %v into shape %v, want %v", o, dst.Shape(), want)
	}
	args := make([][]float32, len(in))
	for k, v := range in {
		if args[k], err = floats(v); err != nil {
			return nil, fmt.Errorf("graph: %v: input %d: %w", o, k+1, err)
		}
	}
	out, err := floats(dst)
	if err != nil {
		return nil, fmt.Errorf("graph: %v: output: %w", o, err)
	}
	o.run(out, args, s)
	if scalar, ok := dst.(*G.F32); ok {
		*scalar = G.F32(out[0])
	}
	return dst, nil
}

func (o *Op) run(dst []float32, in [][]float32, s sizes) {
	switch o.Kind {
	case Dense:
		kernel.Dense(dst, in[0], in[1], in[2], s.n, s.i, s.o)
	case DenseDX:
		kernel.DenseDX(dst, in[0], in[1], s.n, s.i, s.o)
	case DenseDW:
		kernel.DenseDW(dst, in[0], in[1], s.n, s.i, s.o, 0, s.i)
	case DenseDB:
		kernel.DenseDB(dst, in[0], s.n, s.o)
	case Activate:
		kernel.Activate(dst, in[0], s.n, s.o, o.Activation)
	case ActivateGrad:
		kernel.ActivateGrad(dst, in[0], in[1], s.n, s.o, o.Activation)
	case Mul:
		kernel.Mul(dst, in[0], in[1])
	case Loss:
		dst[0] = kernel.Loss(in[0], in[1], s.n, s.o, o.Loss, o.Activation)
	case LossGrad:
		kernel.LossGrad(dst, in[0], in[1], s.n, s.o, o.Loss, o.Activation)
		scale(dst, in[2][0])
	case Penalty:
		dst[0] = kernel.Penalty(in[0], o.L2, o.L1)
	case PenaltyGrad:
		kernel.PenaltyGrad(dst, in[0], o.L2, o.L1)
		scale(dst, in[1][0])
	case Sum:
		copy(dst, in[0])
		for _, c := range in[1:] {
			kernel.Add(dst, dst, c)
		}
	}
}

// scale computes dst = up·dst. Times 1, which is what a program assumes, changes no bit.
func scale(dst []float32, up float32) {
	for i := range dst {
		dst[i] *= up
	}
}

func shapesOf(vs []G.Value) []tensor.Shape {
	shapes := make([]tensor.Shape, len(vs))
	for i, v := range vs {
		shapes[i] = v.Shape()
	}
	return shapes
}

// floats returns the values of v row-major: those of a tensor itself, a copy of a scalar.
func floats(v G.Value) ([]float32, error) {
	switch v := v.(type) {
	case *G.F32:
		return []float32{float32(*v)}, nil
	case *tensor.Dense:
		if data, ok := v.Data().([]float32); ok && v.C() && !v.RequiresIterator() {
			return data, nil
		}
	}
	return nil, fmt.Errorf("a %T of type %v, want float32, row-major and contiguous", v, G.TypeOf(v))
}
