package graph

import (
	"fmt"
	"hash"
	"hash/fnv"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"neuroloupe/engine"
)

// Kind is what an [Op] computes.
type Kind uint8

// The operators. Rows run over the n examples of the batch, W is In×Out, up is the scalar gradient from above.
const (
	Dense        Kind = iota // x W b: x·W + b
	DenseDX                  // δ W:   ∂C/∂x = δ·Wᵀ
	DenseDW                  // x δ:   ∂C/∂W = xᵀ·δ
	DenseDB                  // δ:     ∂C/∂b = Σ_rows δ
	Activate                 // z:     σ(z), softmax over each row
	ActivateGrad             // a g:   g ⊙ σ'(z), written with a = σ(z)
	Mul                      // x m:   x ⊙ m, dropout with the mask m, an input that is not differentiated
	Loss                     // p y:   mean loss of the rows, a scalar; see [engine.OpLoss] for what p is
	LossGrad                 // p y up: up · ∂(mean loss)/∂p
	Penalty                  // W:     L2/2 Σw² + L1 Σ|w|, a scalar
	PenaltyGrad              // W up:  up · (L2·w + L1·sgn(w)), sgn(0) = 0
	Sum                      // c₁ c₂ …: the sum of Terms scalars
)

// Op is an operator of ours in a Gorgonia graph: it has a gradient (gorgonia.SDOp), computes float32 with the kernels
// of package kernel, and lowers to one instruction. It is pure, so equal operators of equal operands are one node. An
// Op must not be changed once it is in a graph.
type Op struct {
	Kind       Kind
	Activation engine.Activation // Activate, ActivateGrad; Loss, LossGrad with cross-entropy: the fused activation
	Loss       engine.Loss       // Loss, LossGrad
	L2, L1     float32           // Penalty, PenaltyGrad: λ/n
	Terms      int               // Sum: how many scalars, at least 1
	Data       bool              // Dense: x is data, so there is no gradient for it and no product is spent on one
}

var (
	_ G.Op              = (*Op)(nil)
	_ G.SDOp            = (*Op)(nil)
	_ G.UsePreallocDoer = (*Op)(nil)
)

// signature is what the graph must know of a kind. A shape is one letter per dimension, n examples, i inputs, o
// outputs; equal letters are equal sizes, "" is a scalar.
type signature struct {
	name string
	in   []string
	out  string
	diff []bool // which inputs have a gradient; nil = none
}

var signatures = [...]signature{
	Dense:        {"dense", []string{"ni", "io", "o"}, "no", []bool{true, true, true}},
	DenseDX:      {"dense-dx", []string{"no", "io"}, "ni", nil},
	DenseDW:      {"dense-dw", []string{"ni", "no"}, "io", nil},
	DenseDB:      {"dense-db", []string{"no"}, "o", nil},
	Activate:     {"activate", []string{"no"}, "no", []bool{true}},
	ActivateGrad: {"activate-grad", []string{"no", "no"}, "no", nil},
	Mul:          {"mul", []string{"no", "no"}, "no", []bool{true, false}},
	Loss:         {"loss", []string{"no", "no"}, "", []bool{true, false}},
	LossGrad:     {"loss-grad", []string{"no", "no", ""}, "no", nil},
	Penalty:      {"penalty", []string{"io"}, "", []bool{true}},
	PenaltyGrad:  {"penalty-grad", []string{"io", ""}, "io", nil},
	Sum:          {"sum", []string{""}, "", []bool{true}},
}

// signature returns o's signature, for Sum with its number of terms. A kind that does not exist has one that no node
// can be made with.
func (o *Op) signature() signature {
	if int(o.Kind) >= len(signatures) {
		return signature{name: fmt.Sprintf("unknown(%d)", o.Kind), in: []string{"?"}}
	}
	s := signatures[o.Kind]
	if o.Kind == Sum {
		in, diff := make([]string, max(1, o.Terms)), make([]bool, max(1, o.Terms))
		for i := range diff {
			diff[i] = true
		}
		s.in, s.diff = in, diff
	}
	return s
}

// sizes are the dimensions behind the letters of a signature.
type sizes struct{ n, i, o int }

func (s *sizes) of(letter rune) *int {
	switch letter {
	case 'n':
		return &s.n
	case 'i':
		return &s.i
	default:
		return &s.o
	}
}

func (s *sizes) shape(letters string) tensor.Shape {
	shape := tensor.Shape{}
	for _, l := range letters {
		shape = append(shape, *s.of(l))
	}
	return shape
}

// sizes matches the shapes of the inputs with the signature. Gorgonia's type inference does not compare ranks, so they
// are checked here.
func (o *Op) sizes(shapes []tensor.Shape) (sizes, error) {
	sig := o.signature()
	var s sizes
	if int(o.Kind) >= len(signatures) {
		return s, fmt.Errorf("graph: no operator %s", sig.name)
	}
	if len(shapes) != len(sig.in) {
		return s, fmt.Errorf("graph: %v of %d inputs, want %d", o, len(shapes), len(sig.in))
	}
	for k, letters := range sig.in {
		if len(shapes[k]) != len(letters) {
			return s, fmt.Errorf("graph: %v: input %d has shape %v, want %d dimensions", o, k+1, shapes[k],
				len(letters))
		}
		for d, l := range letters {
			size := s.of(l)
			if *size == 0 {
				*size = shapes[k][d]
			}
			if shapes[k][d] != *size || *size < 1 {
				return s, fmt.Errorf("graph: %v: input %d has shape %v, want %d in dimension %d", o, k+1, shapes[k],
					*size, d+1)
			}
		}
	}
	return s, nil
}

// Arity returns the number of inputs.
func (o *Op) Arity() int { return len(o.signature().in) }

// Type returns the type of the operator, float32 matrices, vectors and scalars. It is a fresh one in each call:
// Gorgonia returns it to a pool.
func (o *Op) Type() hm.Type {
	sig := o.signature()
	var ts []hm.Type
	for _, letters := range append(append([]string(nil), sig.in...), sig.out) {
		if letters == "" {
			ts = append(ts, tensor.Float32)
		} else {
			ts = append(ts, G.TensorType{Dims: len(letters), Of: tensor.Float32})
		}
	}
	return hm.NewFnType(ts...)
}

// InferShape returns the shape of the output, or an error that names the input whose rank or size does not fit.
func (o *Op) InferShape(in ...G.DimSizer) (tensor.Shape, error) {
	shapes, err := G.DimSizersToShapes(in)
	if err != nil {
		return nil, fmt.Errorf("graph: %v: %w", o, err)
	}
	s, err := o.sizes(shapes)
	if err != nil {
		return nil, err
	}
	return s.shape(o.signature().out), nil
}

// ReturnsPtr answers true: the output is a buffer of its own.
func (o *Op) ReturnsPtr() bool { return true }

// CallsExtern answers true, which makes a TapeMachine allocate the output before it calls UsePreallocDo.
func (o *Op) CallsExtern() bool { return true }

// OverwritesInput answers -1: no input is overwritten.
func (o *Op) OverwritesInput() int { return -1 }

// WriteHash writes everything that tells o from another operator: Gorgonia takes operators of equal hash for one.
func (o *Op) WriteHash(h hash.Hash) { fmt.Fprintf(h, "neuroloupe %#v", *o) }

// Hashcode returns the FNV-1a hash of WriteHash.
func (o *Op) Hashcode() uint32 {
	h := fnv.New32a()
	o.WriteHash(h)
	return h.Sum32()
}

// String returns the name of the operator and the parameters that count.
func (o *Op) String() string {
	name := o.signature().name
	switch o.Kind {
	case Activate, ActivateGrad:
		return name + " " + o.Activation.String()
	case Loss, LossGrad:
		if o.Loss == engine.CrossEntropy {
			return name + " " + o.Activation.String() + " " + o.Loss.String()
		}
		return name + " " + o.Loss.String()
	case Penalty, PenaltyGrad:
		return fmt.Sprintf("%s l2=%v l1=%v", name, o.L2, o.L1)
	}
	return name
}
