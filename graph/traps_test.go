package graph

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/chewxy/hm"
	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"neuroloupe/engine"
)

// Gorgonia takes operators of equal hash for one: every field must be in it.
func TestHashHasEveryField(t *testing.T) {
	plain := Op{}
	v := reflect.TypeOf(plain)
	for i := range v.NumField() {
		other := Op{}
		switch f := reflect.ValueOf(&other).Elem().Field(i); f.Kind() {
		case reflect.Uint8:
			f.SetUint(1)
		case reflect.Int:
			f.SetInt(1)
		case reflect.Float32:
			f.SetFloat(1e-7)
		case reflect.Bool:
			f.SetBool(true)
		default:
			t.Fatalf("field %s of kind %v: say here how to change it", v.Field(i).Name, f.Kind())
		}
		if other.Hashcode() == plain.Hashcode() {
			t.Errorf("field %s is not in the hash", v.Field(i).Name)
		}
	}
}

// Gorgonia returns what Type returns to a pool, which empties it.
func TestTypeIsFresh(t *testing.T) {
	for k := range signatures {
		op := &Op{Kind: Kind(k)}
		first, second := op.Type().(*hm.FunctionType), op.Type().(*hm.FunctionType)
		want := first.String()
		hm.ReturnFnType(first)
		if got := second.String(); got != want {
			t.Errorf("%v: type %s, want %s", op, got, want)
		}
	}
}

// Type inference ignores ranks, so the operators check them: the error names the input.
func TestShapesAreChecked(t *testing.T) {
	for _, c := range []struct {
		name string
		op   *Op
		in   [][]int
		want string
	}{
		{
			"vector for x", &Op{Kind: Dense},
			[][]int{{4}, {4, 5}, {5}},
			"dense: input 1 has shape (4), want 2 dimensions",
		},
		{
			"vector for W", &Op{Kind: Dense},
			[][]int{{3, 4}, {4}, {5}},
			"dense: input 2 has shape (4), want 2 dimensions",
		},
		{
			"matrix for b", &Op{Kind: Dense},
			[][]int{{3, 4}, {4, 5}, {1, 5}},
			"dense: input 3 has shape (1, 5), want 1 dimensions",
		},
		{
			"x and W", &Op{Kind: Dense},
			[][]int{{3, 4}, {6, 5}, {5}},
			"dense: input 2 has shape (6, 5), want 4 in dimension 1",
		},
		{
			"W and b", &Op{Kind: Dense},
			[][]int{{3, 4}, {4, 5}, {6}},
			"dense: input 3 has shape (6), want 5 in dimension 1",
		},
		{"rows of x and δ", &Op{Kind: DenseDW}, [][]int{{3, 4}, {2, 5}}, "dense-dw: input 2 has shape (2, 5), want 3"},
		{
			"columns of δ and W", &Op{Kind: DenseDX},
			[][]int{{3, 5}, {4, 6}},
			"dense-dx: input 2 has shape (4, 6), want 5",
		},
		{"vector for δ", &Op{Kind: DenseDB}, [][]int{{5}}, "dense-db: input 1 has shape (5), want 2 dimensions"},
		{"vector for z", &Op{Kind: Activate}, [][]int{{5}}, "activate identity: input 1 has shape (5)"},
		{
			"z and g", &Op{Kind: ActivateGrad},
			[][]int{{3, 5}, {3, 6}},
			"input 2 has shape (3, 6), want 5 in dimension 2",
		},
		{"a and mask", &Op{Kind: Mul}, [][]int{{3, 5}, {1, 5}}, "mul: input 2 has shape (1, 5), want 3 in dimension 1"},
		{"a and y", &Op{Kind: Loss}, [][]int{{3, 5}, {3, 4}}, "loss quadratic: input 2 has shape (3, 4), want 5"},
		{"matrix from above", &Op{Kind: LossGrad}, [][]int{{3, 5}, {3, 5}, {1, 1}}, "node n: Type inference error"},
		{"vector for weights", &Op{Kind: Penalty}, [][]int{{5}}, "input 1 has shape (5), want 2 dimensions"},
		{"vector from above", &Op{Kind: PenaltyGrad}, [][]int{{4, 5}, {1}}, "node n: Type inference error"},
		{"vector among terms", &Op{Kind: Sum, Terms: 2}, [][]int{{}, {1}}, "node n: Type inference error"},
		{"too few terms", &Op{Kind: Sum, Terms: 3}, [][]int{{}, {}}, "arity of 3"},
		{"no such operator", &Op{Kind: 200}, [][]int{{3}}, "no operator unknown(200)"},
	} {
		t.Run(c.name, func(t *testing.T) {
			g := G.NewGraph()
			var in G.Nodes
			for i, shape := range c.in {
				in = append(in, input(g, fmt.Sprint("in", i), shape...))
			}
			_, err := apply(c.op, "n", in...)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
	g := G.NewGraph()
	double := G.NewMatrix(g, tensor.Float64, G.WithShape(3, 5), G.WithName("double"))
	if _, err := apply(&Op{Kind: Activate}, "n", double); err == nil {
		t.Error("no error for a float64 input")
	}
}

// Values that are not what the graph says are an error too and never a panic of a kernel, which no one could recover.
func TestValuesAreChecked(t *testing.T) {
	matrix := func(r, c int) *tensor.Dense { return tensor.New(tensor.WithShape(r, c), tensor.Of(tensor.Float32)) }
	transposed := matrix(5, 3)
	if err := transposed.T(); err != nil {
		t.Fatal(err)
	}
	columns, err := matrix(3, 8).Slice(nil, G.S(0, 5))
	if err != nil {
		t.Fatal(err)
	}
	op := &Op{Kind: Mul}
	for _, c := range []struct {
		name string
		dst  G.Value
		in   []G.Value
		want string
	}{
		{"rows", matrix(3, 5), []G.Value{matrix(3, 5), matrix(2, 5)}, "input 2 has shape (2, 5)"},
		{"output", matrix(2, 5), []G.Value{matrix(3, 5), matrix(3, 5)}, "into shape (2, 5), want (3, 5)"},
		{"number", matrix(3, 5), []G.Value{matrix(3, 5)}, "1 inputs, want 2"},
		{"float64", matrix(3, 5), []G.Value{
			matrix(3, 5),
			tensor.New(tensor.WithShape(3, 5), tensor.Of(tensor.Float64)),
		}, "input 2"},
		{"transposed", matrix(3, 5), []G.Value{transposed, matrix(3, 5)}, "row-major"},
		{"every eighth", matrix(3, 5), []G.Value{columns, matrix(3, 5)}, "contiguous"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := op.UsePreallocDo(c.dst, c.in...); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// counting counts how Gorgonia runs an operator.
type counting struct {
	*Op
	into, anew *int
}

func (c counting) Do(in ...G.Value) (G.Value, error) { *c.anew++; return c.Op.Do(in...) }

func (c counting) UsePreallocDo(dst G.Value, in ...G.Value) (G.Value, error) {
	*c.into++
	return c.Op.UsePreallocDo(dst, in...)
}

// A TapeMachine gives every operator a buffer to write into, and computes the same as Do.
func TestRunsIntoGivenBuffer(t *testing.T) {
	var into, anew int
	op := &Op{Kind: Activate, Activation: engine.Tanh}
	g := G.NewGraph()
	z := input(g, "z", 1, 2)
	value := tensor.New(tensor.WithShape(1, 2), tensor.WithBacking([]float32{0.5, -3}))
	if err := G.Let(z, value); err != nil {
		t.Fatal(err)
	}
	a, err := G.ApplyOp(counting{op, &into, &anew}, z)
	if err != nil {
		t.Fatal(err)
	}
	if err := G.NewTapeMachine(g).RunAll(); err != nil {
		t.Fatal(err)
	}
	if into != 1 || anew != 0 {
		t.Errorf("%d times into a buffer and %d times anew, want 1 and 0", into, anew)
	}
	want, err := op.Do(value)
	if err != nil {
		t.Fatal(err)
	}
	sameBits(t, "a", a.Value().Data().([]float32), want.Data().([]float32))
}

// Two names whose inputs have the same 32-bit hash at shape (1, 2), found by trying.
const collides, collidesWith = "qikxq", "kjtrg"

// Gorgonia does not compare operands when hashes are equal: without the check in apply, the activation of one input
// would be taken for that of another.
func TestHashCollision(t *testing.T) {
	g := G.NewGraph()
	x, y := input(g, collides, 1, 2), input(g, collidesWith, 1, 2)
	if x == y || x.Hashcode() != y.Hashcode() {
		t.Fatalf("hashes %x and %x: Gorgonia hashes differently now; find two new names", x.Hashcode(), y.Hashcode())
	}
	if err := distinct(g); err == nil || !strings.Contains(err.Error(), collides) {
		t.Errorf("TapeMachine: error %v, want one that names %s", err, collides)
	}
	if _, err := apply(&Op{Kind: Activate}, "first", x); err != nil {
		t.Fatal(err)
	}
	if _, err := apply(&Op{Kind: Activate}, "second", y); err == nil || !strings.Contains(err.Error(), "second") {
		t.Errorf("apply: error %v, want one that names the node", err)
	}
}

// impostor is a foreign operator with the hash of one of ours.
type impostor struct{ *Op }

func TestForeignOperatorOfEqualHash(t *testing.T) {
	g := G.NewGraph()
	z := input(g, "z", 1, 2)
	if _, err := G.ApplyOp(impostor{&Op{Kind: Activate}}, z); err != nil {
		t.Fatal(err)
	}
	if _, err := apply(&Op{Kind: Activate}, "layer1.a", z); err == nil || !strings.Contains(err.Error(), "layer1.a") {
		t.Errorf("error %v, want one that names the node", err)
	}
}

// An equal operator of equal operands is one node, and no error.
func TestEqualNodesAreOne(t *testing.T) {
	g := G.NewGraph()
	z := input(g, "z", 1, 2)
	var nodes [2]*G.Node
	for i := range nodes {
		var err error
		if nodes[i], err = apply(&Op{Kind: Activate, Activation: engine.ReLU}, "a", z); err != nil {
			t.Fatal(err)
		}
	}
	if nodes[0] != nodes[1] {
		t.Error("two nodes for one activation")
	}
}
