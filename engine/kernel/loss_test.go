package kernel_test

import (
	"math"
	"slices"
	"testing"

	"neuroloupe/engine"
	"neuroloupe/engine/kernel"
)

// cost is the loss of one example as the books write it, with logarithms of activations: good for small z only.
func cost(loss engine.Loss, act engine.Activation, p []float64, label int) float64 {
	c := 0.0
	a := p
	if loss == engine.CrossEntropy {
		a = activate(act, p)
	}
	for k, v := range a {
		y := 0.0
		if k == label {
			y = 1
		}
		switch {
		case loss == engine.Quadratic:
			c += (v - y) * (v - y) / 2
		case act == engine.Softmax:
			c -= y * math.Log(v)
		default:
			c -= y*math.Log(v) + (1-y)*math.Log(1-v)
		}
	}
	return c
}

// oneHot are rows of targets, the label of row r being r mod cols.
func oneHot(rows, cols int) []float32 {
	y := make([]float32, rows*cols)
	for r := range rows {
		y[r*cols+r%cols] = 1
	}
	return y
}

func TestLoss(t *testing.T) {
	for _, f := range fused {
		for _, rows := range []int{1, 2, 10, 17, 64} {
			for _, cols := range sizes {
				name := label(f.loss, " ", f.act, " ", rows, "×", cols)
				p, y := values(source(name), rows*cols), oneHot(rows, cols)
				want := 0.0
				for r := range rows {
					want += cost(f.loss, f.act, wide(p[r*cols:(r+1)*cols]), r%cols) / float64(rows)
				}
				// float64 inside, rounded once.
				got := kernel.Loss(p, y, rows, cols, f.loss, f.act)
				near(t, name, []float64{want}, []float64{1.01*roundoff*math.Abs(want) + 1e-14}, []float32{got})
			}
		}
	}
}

func TestLossExtremes(t *testing.T) {
	nan, inf := math.NaN(), math.Inf(1)
	const quadratic, ce = engine.Quadratic, engine.CrossEntropy
	const identity, sigmoid, softmax = engine.Identity, engine.Sigmoid, engine.Softmax
	for _, tc := range []struct {
		name  string
		loss  engine.Loss
		act   engine.Activation
		p     []float64
		label int
		want  float64
	}{
		{"right by 1000", ce, sigmoid, []float64{1000}, 0, 0},
		{"wrong by 1000", ce, sigmoid, []float64{-1000}, 0, 1000},
		{"wrong output by 1000", ce, sigmoid, []float64{0, 1000}, 0, 1000 + math.Ln2},
		{"right outputs by 1000", ce, sigmoid, []float64{1000, -1000}, 0, 0},
		{"at 0", ce, sigmoid, []float64{0, 0}, 1, 2 * math.Ln2},
		{"right by 50: e⁻⁵⁰ is not lost", ce, sigmoid, []float64{50}, 0, math.Exp(-50)},
		{"largest numbers", ce, sigmoid, []float64{-math.MaxFloat32}, 0, math.MaxFloat32},
		{"right by 2000", ce, softmax, []float64{1000, -1000}, 0, 0},
		{"wrong by 2000", ce, softmax, []float64{1000, -1000}, 1, 2000},
		{"ten equal large ones", ce, softmax, slices.Repeat([]float64{1000}, 10), 3, math.Log(10)},
		{"ten equal small ones", ce, softmax, slices.Repeat([]float64{-1000}, 10), 3, math.Log(10)},
		{"one output", ce, softmax, []float64{-1000}, 0, 0},
		{"another output at −∞", ce, softmax, []float64{0, -inf}, 0, 0},
		{"the label's output at −∞", ce, softmax, []float64{0, -inf}, 1, inf},
		{"exact", quadratic, identity, []float64{0, 1, 0}, 1, 0},
		{"far off", quadratic, identity, []float64{1000, 0}, 1, (1000*1000 + 1) / 2.0},
		{"overflow", quadratic, identity, []float64{math.MaxFloat32}, 0, inf},
		{"NaN, quadratic", quadratic, identity, []float64{nan, 0}, 1, nan},
		{"NaN at the label, sigmoid", ce, sigmoid, []float64{nan, 0}, 0, nan},
		{"NaN elsewhere, sigmoid", ce, sigmoid, []float64{nan, 0}, 1, nan},
		{"NaN at the label, softmax", ce, softmax, []float64{nan, 0}, 0, nan},
		{"NaN elsewhere, softmax", ce, softmax, []float64{0, nan}, 0, nan},
		{"∞, softmax", ce, softmax, []float64{inf, 0}, 0, nan},
	} {
		t.Run(tc.name, func(t *testing.T) {
			n := len(tc.p)
			p, y := make([]float32, n), make([]float32, n)
			for i, v := range tc.p {
				p[i] = float32(v)
			}
			y[tc.label] = 1
			got := kernel.Loss(p, y, 1, n, tc.loss, tc.act)
			near(t, "loss", []float64{tc.want}, []float64{2 * roundoff * math.Abs(tc.want)}, []float32{got})

			// A bad row is not hidden by good ones.
			p2, y2 := append(make([]float32, n), p...), append(slices.Clone(y), y...)
			good := float64(kernel.Loss(p2[:n], y, 1, n, tc.loss, tc.act))
			got = kernel.Loss(p2, y2, 2, n, tc.loss, tc.act)
			want := (good + tc.want) / 2
			near(t, "mean with a good row", []float64{want}, []float64{4 * roundoff * math.Abs(want)}, []float32{got})
		})
	}
}

// TestLossGrad holds the gradient to the central difference of the mean cost in float64.
func TestLossGrad(t *testing.T) {
	for _, f := range fused {
		for _, rows := range []int{1, 3, 10, 64} {
			for _, cols := range sizes {
				const h = 1e-5
				name := label(f.loss, " ", f.act, " ", rows, "×", cols)
				p, y := values(source(name), rows*cols), oneHot(rows, cols)
				dst, beside := destination(rows * cols)
				kernel.LossGrad(dst, p, y, rows, cols, f.loss, f.act)
				beside(t)
				for r := range rows {
					row := wide(p[r*cols : (r+1)*cols])
					want, bound := make([]float64, cols), make([]float64, cols)
					for k, v := range row {
						row[k] = v + h
						up := cost(f.loss, f.act, row, r%cols)
						row[k] = v - h
						down := cost(f.loss, f.act, row, r%cols)
						row[k] = v
						want[k] = (up - down) / (2 * h) / float64(rows)
						bound[k] = (1e-8 + 5*roundoff*(1+math.Abs(v))) / float64(rows)
					}
					near(t, name, want, bound, dst[r*cols:(r+1)*cols])
				}
				kernel.LossGrad(p, p, y, rows, cols, f.loss, f.act)
				sameBits(t, name+", over p", dst, p)
			}
		}
	}
}

func TestLossGradExtremes(t *testing.T) {
	nan := math.NaN()
	const quadratic, ce = engine.Quadratic, engine.CrossEntropy
	for _, tc := range []struct {
		name    string
		loss    engine.Loss
		act     engine.Activation
		p, want []float64 // the label is 0
	}{
		{"sigmoid right by 1000", ce, engine.Sigmoid, []float64{1000, -1000}, []float64{0, 0}},
		{"sigmoid wrong by 1000", ce, engine.Sigmoid, []float64{-1000, 1000}, []float64{-1, 1}},
		{"softmax right by 2000", ce, engine.Softmax, []float64{1000, -1000}, []float64{0, 0}},
		{"softmax wrong by 2000", ce, engine.Softmax, []float64{-1000, 1000}, []float64{-1, 1}},
		{"quadratic", quadratic, engine.Identity, []float64{-1000, 1000}, []float64{-1001, 1000}},
		{"sigmoid of NaN", ce, engine.Sigmoid, []float64{nan, 0}, []float64{nan, 0.5}},
		{"softmax of NaN", ce, engine.Softmax, []float64{0, nan}, []float64{nan, nan}},
		{"quadratic of NaN", quadratic, engine.Identity, []float64{nan, 3}, []float64{nan, 3}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := []float32{float32(tc.p[0]), float32(tc.p[1])}
			kernel.LossGrad(p, p, []float32{1, 0}, 1, 2, tc.loss, tc.act)
			near(t, tc.name, tc.want, []float64{1e-37, 1e-37}, p)
		})
	}
}

func TestPenalty(t *testing.T) {
	for _, n := range sizes {
		for _, l := range []struct{ l2, l1 float32 }{{0, 0}, {0.25, 0}, {0, 0.1}, {1e-4, 3}} {
			name := label(n, " weights, ", l.l2, " ", l.l1)
			w := values(source(name), n)
			want, grad := 0.0, make([]float64, n)
			for i, v := range wide(w) {
				want += float64(l.l2)/2*v*v + float64(l.l1)*math.Abs(v)
				grad[i] = float64(l.l2) * v
				if v != 0 {
					grad[i] += float64(l.l1) * math.Copysign(1, v)
				}
			}
			near(t, name, []float64{want}, []float64{2 * roundoff * want}, []float32{kernel.Penalty(w, l.l2, l.l1)})
			bound := make([]float64, n)
			for i, g := range grad {
				bound[i] = 2*roundoff*math.Abs(g) + roundoff*float64(l.l1)
			}
			dst, beside := destination(n)
			kernel.PenaltyGrad(dst, w, l.l2, l.l1)
			beside(t)
			near(t, name+", gradient", grad, bound, dst)
		}
	}
	zeros := []float32{0, float32(math.Copysign(0, -1))}
	kernel.PenaltyGrad(zeros, zeros, 0.5, 0.5)
	near(t, "sgn 0", []float64{0, 0}, []float64{0, 0}, zeros)
}
