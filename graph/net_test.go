package graph

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	G "gorgonia.org/gorgonia"

	"neuroloupe/engine"
)

func TestBuildNamesNodes(t *testing.T) {
	spec := specs[3].spec // dropout and penalties
	net := build(t, spec, 2)
	var names []string
	seen := map[*G.Node]bool{}
	add := func(ns ...*G.Node) {
		for _, n := range ns {
			names = append(names, fmt.Sprintf("%s %v", n.Name(), []int(n.Shape())))
			if seen[n] {
				t.Errorf("node %s is there twice", n.Name())
			}
			seen[n] = true
		}
	}
	add(net.X, net.Y)
	add(net.Masks...)
	add(net.Params...)
	for _, l := range net.Layers {
		add(l.Z, l.A)
	}
	add(net.Loss, net.Cost)
	want := []string{
		"x [2 7]", "y [2 4]", "mask1 [2 6]", "mask2 [2 5]",
		"layer1.weight [7 6]", "layer1.bias [6]", "layer2.weight [6 5]", "layer2.bias [5]", "layer3.weight [5 4]",
		"layer3.bias [4]",
		"layer1.z [2 6]", "layer1.a [2 6]", "layer2.z [2 5]", "layer2.a [2 5]", "layer3.z [2 4]", "layer3.a [2 4]",
		"loss []", "cost []",
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error(diff)
	}
	for i, g := range net.Grads {
		if !g.Shape().Eq(net.Params[i].Shape()) {
			t.Errorf("gradient of %s has shape %v", net.Params[i].Name(), g.Shape())
		}
	}
	for _, name := range []string{
		"layer1.penalty", "layer2.dropout", "layer1.weight.grad", "layer2.bias.grad",
		"layer3.z.grad",
	} {
		if found := net.Graph.ByName(name); len(found) != 1 {
			t.Errorf("%d nodes named %s, want 1", len(found), name)
		}
	}
}

// Layers of equal sizes have inputs of equal shapes, which Gorgonia tells apart by name only.
func TestBuildKeepsNodesApart(t *testing.T) {
	for _, c := range specs {
		t.Run(c.name, func(t *testing.T) {
			net := build(t, c.spec, 3)
			inputs := map[*G.Node]bool{net.X: true, net.Y: true}
			for _, n := range append(append(G.Nodes{}, net.Params...), net.Masks...) {
				inputs[n] = true
			}
			masks := len(c.spec.Layers) - 1
			if c.spec.Dropout == 0 {
				masks = 0
			}
			if want := 2 + 2*len(c.spec.Layers) + masks; len(inputs) != want || len(net.Graph.Inputs()) != want {
				t.Errorf("%d inputs named, %d in the graph, want %d", len(inputs), len(net.Graph.Inputs()), want)
			}
			if err := distinct(net.Graph); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestBuildParts(t *testing.T) {
	identity := build(t, specs[5].spec, 2)
	for i, l := range identity.Layers {
		if l.A != l.Z {
			t.Errorf("layer %d: the identity has a node of its own", i+1)
		}
	}
	plain := build(t, specs[0].spec, 2)
	if plain.Cost != plain.Loss || len(plain.Masks) != 0 {
		t.Error("a network without penalties or dropout has a cost beside its loss, or masks")
	}
	// 784-100-10 is small: four parameters, x and y, two nodes a layer, loss, 1, and the gradients.
	if n := len(plain.Graph.AllNodes()); n != 20 {
		t.Errorf("%d nodes, want 20", n)
	}
	for _, n := range plain.Graph.AllNodes() {
		if n.Value() != nil && n.Op() == nil {
			t.Errorf("node %s has a value", n.Name())
		}
	}
}

// A graph has shapes and no arrays: the weights of 784-4096-4096-10 would be 80 MB.
func TestBuildAllocatesNoArrays(t *testing.T) {
	spec := engine.Spec{Inputs: 784, Layers: []engine.Layer{
		layer(4096, engine.ReLU), layer(4096, engine.ReLU), layer(10, engine.Softmax),
	}, Loss: engine.CrossEntropy, Update: engine.Update{Method: engine.Adam}}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	compile(t, spec, 256)
	runtime.ReadMemStats(&after)
	if got := after.TotalAlloc - before.TotalAlloc; got > 1<<20 {
		t.Errorf("%d bytes allocated, want less than 1 MiB", got)
	}
}

func TestBuildErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		spec engine.Spec
		rows int
		want string
	}{
		{
			"spec",
			engine.Spec{Inputs: 4, Layers: []engine.Layer{layer(3, engine.Tanh)}, Loss: engine.CrossEntropy},
			1,
			"layer 1 of 4-3",
		},
		{"no layers", engine.Spec{Inputs: 4}, 1, "0 layers"},
		{"rows", specs[0].spec, 0, "batches of 0 rows"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, err := Build(c.spec, c.rows); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
	if _, err := Compile(engine.Spec{Inputs: 4}, 1); err == nil {
		t.Error("Compile: no error for a Spec without layers")
	}
}

// Build keeps what it was given: a caller who changes the Spec's layers afterwards changes no network.
func TestBuildCopiesLayers(t *testing.T) {
	spec := engine.Spec{Inputs: 4, Layers: []engine.Layer{layer(3, engine.Tanh)}}
	p := compile(t, spec, 1)
	spec.Layers[0].Units = 99
	if got := p.Spec.String(); got != "4-3" {
		t.Errorf("network %s, want 4-3", got)
	}
}

func BenchmarkCompile(b *testing.B) {
	for _, sizes := range [][]int{{784, 100, 10}, {784, 4096, 4096, 10}} {
		spec := engine.Spec{Inputs: sizes[0]}
		for _, n := range sizes[1:] {
			spec.Layers = append(spec.Layers, layer(n, engine.Sigmoid))
		}
		b.Run(spec.String(), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Compile(spec, 256); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
