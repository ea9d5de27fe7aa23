// Package simd holds the vector kernels of the CPU backend: AVX-512 and AVX2 with FMA as generated assembly, and the
// same in plain Go.
//
// Lengths and widths are multiples of [Lane] float32s; the executor pads its matrices to that. Sums run in index order
// in each element whatever the instruction set, so that how the work is shared out does not change a bit; between
// instruction sets results differ in rounding, as only the assembly fuses multiply and add.
//
// Methods check the sizes of their slices against each other and panic where they do not fit: the assembly checks
// nothing.
package simd

//go:generate sh -c "cd gen && go run . -out ../kernels_amd64.s -stubs ../kernels_amd64.go -pkg simd"

import "neuroloupe/engine/cpu/internal/isa"

// Lane is the number of float32s that all widths are multiples of.
const Lane = 8

// Pixels are the values of the 256 bytes.
type Pixels [256]float32

// NewPixels returns byte/255.
func NewPixels() *Pixels {
	var p Pixels
	for i := range p {
		p[i] = float32(i) / 255
	}
	return &p
}

// Kernels are the kernels of one instruction set. Make them with [New].
type Kernels struct {
	groups  int // most columns of the sparse kernels, in lanes
	forward []func(z []float32, zs int, w []float32, ws int, recs []uint16, start []uint32, order []int32,
		chunk int, tab *[256]float32)
	update []func(w []float32, ws int, d []float32, ds int, recs []uint16, start []uint32, order, next []int32,
		chunk int, tab *[256]float32)
	tiles         []tile // the widest first
	sigmoid       func(dst, x []float32)
	tanh          func(dst, x []float32)
	relu          func(dst, x []float32)
	expNegAbs     func(dst, x []float32)
	expShift      func(dst, x []float32, shift float32)
	scale         func(dst, x []float32, alpha float32)
	shrink        func(x []float32, c float32)
	sigmoidGrad   func(dst, a, g []float32)
	tanhGrad      func(dst, a, g []float32)
	reluGrad      func(dst, a, g []float32)
	mul           func(dst, x, y []float32)
	add           func(dst, x, y []float32)
	fade          func(v, w []float32, mu, c float32)
	sgd           func(w, g []float32, lr, l2 float32)
	momentum      func(w, g, v []float32, lr, l2, mu float32)
	nesterov      func(w, g, v []float32, lr, l2, mu float32)
	adam          func(w, g, m, v []float32, lr, l2, b1, a1, b2, a2, c1, c2, eps float32)
	pause         func()
	vectorUpdates bool
}

// tile is a dense kernel for a width.
type tile struct {
	cols     int
	multiply func(c []float32, cs int, a []float32, ars, acs int, b []float32, bs int, rows, k, add int)
}

// New returns the kernels of a tier, which the machine must have.
func New(t isa.Tier) *Kernels {
	if k := assembly(t); k != nil {
		return k
	}
	return plain()
}

// Sigmoid computes dst = 1/(1+e⁻ˣ), within 3 ulp where that is a normal number; dst may be x.
func (k *Kernels) Sigmoid(dst, x []float32) { k.sigmoid(dst, x[:len(dst)]) }

// Tanh computes dst = tanh x within 4 ulp; dst may be x.
func (k *Kernels) Tanh(dst, x []float32) { k.tanh(dst, x[:len(dst)]) }

// ReLU computes dst = max(0, x); NaN stays. dst may be x.
func (k *Kernels) ReLU(dst, x []float32) { k.relu(dst, x[:len(dst)]) }

// ExpNegAbs computes dst = e^−|x| within 2 ulp where that is a normal number; dst may be x.
func (k *Kernels) ExpNegAbs(dst, x []float32) { k.expNegAbs(dst, x[:len(dst)]) }

// ExpShift computes dst = e^(x−shift) within 2 ulp of the exponential of the rounded difference, where that is a normal
// number; dst may be x.
func (k *Kernels) ExpShift(dst, x []float32, shift float32) { k.expShift(dst, x[:len(dst)], shift) }

// Scale computes dst = alpha·x; dst may be x.
func (k *Kernels) Scale(dst, x []float32, alpha float32) { k.scale(dst, x[:len(dst)], alpha) }

// Shrink computes x ← x − c·x.
func (k *Kernels) Shrink(x []float32, c float32) { k.shrink(x, c) }

// SigmoidGrad computes dst = g·a(1−a); dst may be a or g.
func (k *Kernels) SigmoidGrad(dst, a, g []float32) {
	k.sigmoidGrad(dst, a[:len(dst)], g[:len(dst)])
}

// TanhGrad computes dst = g·(1−a²); dst may be a or g.
func (k *Kernels) TanhGrad(dst, a, g []float32) { k.tanhGrad(dst, a[:len(dst)], g[:len(dst)]) }

// ReLUGrad computes dst = 0 where a ≤ 0, else g; dst may be a or g.
func (k *Kernels) ReLUGrad(dst, a, g []float32) { k.reluGrad(dst, a[:len(dst)], g[:len(dst)]) }

// Mul computes dst = x·y element by element; dst may be x or y.
func (k *Kernels) Mul(dst, x, y []float32) { k.mul(dst, x[:len(dst)], y[:len(dst)]) }

// Add computes dst = x + y; dst may be x or y.
func (k *Kernels) Add(dst, x, y []float32) { k.add(dst, x[:len(dst)], y[:len(dst)]) }

// Fade computes v ← mu·v − c·w.
func (k *Kernels) Fade(v, w []float32, mu, c float32) { k.fade(v, w[:len(v)], mu, c) }

// Pause tells the core that the caller spins.
func (k *Kernels) Pause() { k.pause() }

// Multiply computes c = a·b, or c += a·b with add. c: rows×cols, row r at c[r·cs]; a: rows×depth, element (r, i) at
// a[r·ars + i·acs], so that either order of a matrix will do; b: depth×cols, row i at b[i·bs]. c must not overlap a or
// b. cols is a multiple of [Lane].
func (k *Kernels) Multiply(c []float32, cs int, a []float32, ars, acs int, b []float32, bs int, rows, depth, cols int,
	add bool,
) {
	if rows == 0 || cols == 0 || depth == 0 {
		return
	}
	_, _, _ = c[(rows-1)*cs+cols-1], a[(rows-1)*ars+(depth-1)*acs], b[(depth-1)*bs+cols-1]
	adds := 0
	if add {
		adds = 1
	}
	for at := 0; at < cols; {
		for _, t := range k.tiles {
			if t.cols <= cols-at {
				t.multiply(c[at:], cs, a, ars, acs, b[at:], bs, rows, depth, adds)
				at += t.cols
				break
			}
		}
	}
}
