package cpu

import (
	"slices"
	"testing"

	"neuroloupe/engine"
	"neuroloupe/engine/cpu/internal/isa"
	"neuroloupe/engine/enginetest"
)

// A step of a net with one hidden layer has one barrier: when all hidden units have added to the outputs.
func TestOneBarrier(t *testing.T) {
	b := shared(isa.Go, 2)
	defer b.Close()
	for _, spec := range []engine.Spec{
		network([]int{784, 100, 10}, engine.Sigmoid, engine.Sigmoid, engine.Quadratic),
		network([]int{784, 100, 10}, engine.ReLU, engine.Softmax, engine.CrossEntropy),
	} {
		p, err := enginetest.Textbook(spec, 10)
		if err != nil {
			t.Fatal(err)
		}
		x, err := b.Compile(p)
		if err != nil {
			t.Fatal(err)
		}
		e := x.(*executor)
		var before []string
		for _, s := range e.plans[true].train {
			if s.barrier {
				before = append(before, s.name)
			}
		}
		if want := []string{"add parts"}; !slices.Equal(before, want) {
			t.Errorf("%v: barriers before %v, want %v", spec, before, want)
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
}

func TestPlaceBarriers(t *testing.T) {
	const x, y = engine.Ref(0), engine.Ref(1)
	for _, c := range []struct {
		name   string
		stages []stage
		want   []bool
	}{
		{
			"own after own",
			[]stage{{uses: []access{writes(x, own)}}, {uses: []access{reads(x, own)}}},
			[]bool{false, false},
		},
		{
			"rows after own",
			[]stage{{uses: []access{writes(x, own)}}, {uses: []access{reads(x, rows)}}},
			[]bool{true, true},
		},
		{
			"all after all",
			[]stage{{uses: []access{writes(x, all)}}, {uses: []access{reads(x, all)}}},
			[]bool{true, true},
		},
		{
			"read after read",
			[]stage{{uses: []access{reads(x, all)}}, {uses: []access{reads(x, rows)}}},
			[]bool{false, false},
		},
		{
			"write after read",
			[]stage{{uses: []access{reads(x, all)}}, {uses: []access{writes(x, own)}}},
			[]bool{true, true},
		},
		{"one for both", []stage{
			{uses: []access{writes(x, own), writes(y, own)}},
			{uses: []access{reads(x, all)}},
			{uses: []access{reads(y, all)}},
		}, []bool{true, true, false}},
		{"over the end", []stage{
			{uses: []access{writes(x, own)}},
			{uses: []access{reads(y, own)}},
			{uses: []access{reads(x, rows)}},
		}, []bool{true, false, true}},
		{
			"rows of another step",
			[]stage{{uses: []access{writes(x, rows)}}, {uses: []access{reads(x, rows)}}},
			[]bool{true, false},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			placeBarriers(c.stages, nil, engine.None)
			var got []bool
			for _, s := range c.stages {
				got = append(got, s.barrier)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("barriers %v, want %v", got, c.want)
			}
		})
	}
}
