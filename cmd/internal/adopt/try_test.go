package adopt

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"neuroloupe/engine"
	"neuroloupe/mnist"
)

// What a reading says of the images is folded into the first layer: the network then gives for our image what it gave
// for the one it knew, which the test makes pixel by pixel.
func TestFold(t *testing.T) {
	const rows, cols, units = 3, 4, 5
	r := rand.New(rand.NewPCG(1, 1))
	ps := engine.Params{
		{Name: engine.WeightName(1), Shape: []int{rows * cols, units}}, {Name: engine.BiasName(1), Shape: []int{units}},
	}
	for i := range ps {
		ps[i].Data = make([]float32, ps[i].Len())
		for k := range ps[i].Data {
			ps[i].Data[k] = float32(r.NormFloat64())
		}
	}
	z := func(ps engine.Params, x []float64, j int) float64 {
		sum := float64(ps.Bias(1).Data[j])
		for i, v := range x {
			sum += v * float64(ps.Weight(1).Data[i*units+j])
		}
		return sum
	}
	ours := make([]float64, rows*cols)
	for i := range ours {
		ours[i] = r.Float64()
	}
	at := func(y, x int) float64 { return ours[y*cols+x] }
	for _, tt := range []struct {
		reading reading
		theirs  func() []float64
	}{
		{reading{scaling: unscaled()}, func() []float64 { return ours }},
		{reading{scaling: scaling{0.25, 0.5}}, func() (x []float64) {
			for _, v := range ours {
				x = append(x, (v-0.25)/0.5)
			}
			return x
		}},
		{reading{scaling: unscaled(), invert: true}, func() (x []float64) {
			for _, v := range ours {
				x = append(x, 1-v)
			}
			return x
		}},
		{reading{scaling: unscaled(), transpose: true}, func() (x []float64) {
			for c := range cols {
				for r := range rows {
					x = append(x, at(r, c))
				}
			}
			return x
		}},
		{reading{scaling: unscaled(), flip: flipRows}, func() (x []float64) {
			for r := rows - 1; r >= 0; r-- {
				for c := range cols {
					x = append(x, at(r, c))
				}
			}
			return x
		}},
		{reading{scaling: unscaled(), flip: flipCols}, func() (x []float64) {
			for r := range rows {
				for c := cols - 1; c >= 0; c-- {
					x = append(x, at(r, c))
				}
			}
			return x
		}},
		{reading{scaling: scaling{0.5, 0.25}, transpose: true, flip: flipBoth, invert: true}, func() (x []float64) {
			for c := cols - 1; c >= 0; c-- {
				for r := rows - 1; r >= 0; r-- {
					x = append(x, ((1-at(r, c))-0.5)/0.25)
				}
			}
			return x
		}},
	} {
		before := fmt.Sprint(ps)
		folded := tt.reading.fold(ps, mnist.Grey(rows, cols))
		for j := range units {
			if got, want := z(folded, ours, j), z(ps, tt.theirs(), j); math.Abs(got-want) > 1e-5 {
				t.Errorf("%+v: neuron %d: z %v, want %v", tt.reading, j, got, want)
			}
		}
		if fmt.Sprint(ps) != before {
			t.Errorf("%+v: the file's network was changed", tt.reading)
		}
	}
}

// What chance makes is no difference, and of what cannot be told apart the fewest changes are the best.
func TestBestReading(t *testing.T) {
	said := reading{scaling: unscaled()}
	tanh, scaled, two := said, said, said
	tanh.hidden, scaled.scaling = engine.Tanh, raw()
	two.hidden, two.scaling = engine.Tanh, raw()
	for _, tt := range []struct {
		name string
		ts   []trial
		n    int
		want reading
	}{
		{"within chance", []trial{{reading: said, accuracy: 0.96}, {reading: tanh, accuracy: 0.965}}, 10000, said},
		{"beyond it", []trial{{reading: said, accuracy: 0.96}, {reading: tanh, accuracy: 0.98}}, 10000, tanh},
		{
			"beyond it, on few images",
			[]trial{{reading: said, accuracy: 0.96}, {reading: tanh, accuracy: 0.98}},
			100,
			said,
		},
		{"one change for two", []trial{
			{reading: said, accuracy: 0.2},
			{reading: two, accuracy: 0.965},
			{reading: tanh, accuracy: 0.96},
		}, 10000, tanh},
		{"the surer loss", []trial{
			{reading: scaled, accuracy: 0.962, loss: 9},
			{reading: tanh, accuracy: 0.96, loss: 0.2},
		}, 10000, tanh},
		{"but not before accuracy", []trial{
			{reading: scaled, accuracy: 0.98, loss: 9},
			{reading: tanh, accuracy: 0.96, loss: 0.2},
		}, 10000, scaled},
	} {
		if got := best(tt.ts, said, tt.n, func(trial) bool { return true }); got == nil || got.reading != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.name, got, tt.want)
		}
	}
	if got := best(nil, said, 100, func(trial) bool { return true }); got != nil {
		t.Errorf("of none: %+v", got)
	}
}
