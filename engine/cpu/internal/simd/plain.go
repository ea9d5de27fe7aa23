package simd

import (
	"math"
	"runtime"

	"neuroloupe/engine"
	"neuroloupe/engine/kernel"
)

// plainColumns is the width of the plain Go kernels, which keep nothing in registers.
const plainColumns = 128

// plain returns the twins in Go.
func plain() *Kernels {
	k := &Kernels{
		groups: plainColumns / Lane,
		sigmoid: func(dst, x []float32) {
			kernel.Activate(dst, x, 1, len(dst), engine.Sigmoid)
		},
		tanh: func(dst, x []float32) {
			kernel.Activate(dst, x, 1, len(dst), engine.Tanh)
		},
		relu: func(dst, x []float32) {
			kernel.Activate(dst, x, 1, len(dst), engine.ReLU)
		},
		expNegAbs: func(dst, x []float32) {
			for i, v := range x {
				dst[i] = float32(math.Exp(-math.Abs(float64(v))))
			}
		},
		expShift: func(dst, x []float32, shift float32) {
			for i, v := range x {
				dst[i] = float32(math.Exp(float64(v - shift)))
			}
		},
		scale: func(dst, x []float32, alpha float32) {
			for i, v := range x {
				dst[i] = alpha * v
			}
		},
		shrink: func(x []float32, c float32) {
			for i, v := range x {
				x[i] = v - c*v
			}
		},
		sigmoidGrad: func(dst, a, g []float32) {
			kernel.ActivateGrad(dst, a, g, 1, len(dst), engine.Sigmoid)
		},
		tanhGrad: func(dst, a, g []float32) {
			kernel.ActivateGrad(dst, a, g, 1, len(dst), engine.Tanh)
		},
		reluGrad: func(dst, a, g []float32) {
			kernel.ActivateGrad(dst, a, g, 1, len(dst), engine.ReLU)
		},
		mul: kernel.Mul,
		add: kernel.Add,
		fade: func(v, w []float32, mu, c float32) {
			for i, x := range v {
				v[i] = mu*x - c*w[i]
			}
		},
		pause: runtime.Gosched,
	}
	for g := range plainColumns/Lane + 1 {
		k.forward = append(k.forward, plainForward(g*Lane))
		k.update = append(k.update, plainUpdate(g*Lane))
	}
	for _, cols := range []int{128, 64, 32, 16, 8} {
		k.tiles = append(k.tiles, tile{cols, plainMultiply(cols)})
	}
	return k
}

func plainForward(cols int) func(z []float32, zs int, w []float32, ws int, recs []uint16, start []uint32, order []int32,
	chunk int, tab *[256]float32) {
	return func(z []float32, zs int, w []float32, ws int, recs []uint16, start []uint32, order []int32, chunk int,
		tab *[256]float32,
	) {
		for r, e := range order {
			rec := recs[start[e]:]
			row := z[r*zs : r*zs+cols]
			for _, p := range rec[rec[chunk]:rec[chunk+1]] {
				axpy(row, tab[p&0xff], w[int(p>>8)*ws:int(p>>8)*ws+cols])
			}
		}
	}
}

func plainUpdate(cols int) func(w []float32, ws int, d []float32, ds int, recs []uint16, start []uint32, order,
	next []int32, chunk int, tab *[256]float32) {
	return func(w []float32, ws int, d []float32, ds int, recs []uint16, start []uint32, order, _ []int32, chunk int,
		tab *[256]float32,
	) {
		for r, e := range order {
			rec := recs[start[e]:]
			delta := d[r*ds : r*ds+cols]
			for _, p := range rec[rec[chunk]:rec[chunk+1]] {
				axpy(w[int(p>>8)*ws:int(p>>8)*ws+cols], tab[p&0xff], delta)
			}
		}
	}
}

func plainMultiply(cols int) func(c []float32, cs int, a []float32, ars, acs int, b []float32, bs int, rows, k,
	add int) {
	return func(c []float32, cs int, a []float32, ars, acs int, b []float32, bs int, rows, k, add int) {
		for r := range rows {
			row := c[r*cs : r*cs+cols]
			if add == 0 {
				clear(row)
			}
			for i := range k {
				axpy(row, a[r*ars+i*acs], b[i*bs:i*bs+cols])
			}
		}
	}
}

// axpy: y += a·x, len(y) = len(x), a multiple of Lane.
func axpy(y []float32, a float32, x []float32) {
	for len(x) >= Lane && len(y) >= Lane {
		y[0] += a * x[0]
		y[1] += a * x[1]
		y[2] += a * x[2]
		y[3] += a * x[3]
		y[4] += a * x[4]
		y[5] += a * x[5]
		y[6] += a * x[6]
		y[7] += a * x[7]
		x, y = x[Lane:], y[Lane:]
	}
}
