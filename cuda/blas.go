//go:build gpu && linux && cgo && (amd64 || arm64)

package cuda

import (
	"fmt"

	"neuroloupe/cuda/internal/cublas"
	"neuroloupe/cuda/internal/driver"
)

// blas is a library of products, cuBLAS; an interface, so that tests have their own.
type blas interface {
	// Open makes ready for products on a stream; the caller closes what it returns.
	Open(s *driver.Stream, p Precision) (products, error)
	Close() error
}

// products computes products on one stream.
type products interface {
	// Multiply gives C = A·B to the stream; C: m×n, A: m×k, B: k×n, all row-major in device memory. A and B are
	// bfloat16 for BF16, and C where it is narrow; else they are float32.
	Multiply(c result, a, b factor, m, n, k int) error
	Close() error
}

// cuBLAS is NVIDIA's library.
type cuBLAS struct{ *cublas.Library }

func (l cuBLAS) Open(s *driver.Stream, p Precision) (products, error) {
	h, err := l.Library.Handle(s, [...]cublas.Compute{FP32: cublas.FP32, TF32: cublas.TF32, BF16: cublas.BF16}[p])
	if err != nil {
		return nil, err
	}
	return cuBLASProducts{h}, nil
}

type cuBLASProducts struct{ *cublas.Handle }

func (p cuBLASProducts) Multiply(c result, a, b factor, m, n, k int) error {
	return p.Handle.Multiply(c.p, c.narrow, cublas.Matrix(a), cublas.Matrix(b), m, n, k)
}

// result is where a product goes, as bfloat16 if it is narrow.
type result struct {
	p      driver.Ptr
	narrow bool
}

// factor is a row-major matrix in device memory with rows of width, or its transpose.
type factor struct {
	P          driver.Ptr
	Width      int
	Transposed bool
}

// library returns cuBLAS, which takes a while to open the first time; inside the context's Do.
func (r *runtime) library() (blas, error) {
	if r.blas == nil && r.blasErr == nil {
		l, err := cublas.Open(r.ctx)
		if err == nil {
			r.blas = cuBLAS{l}
		}
		r.blasErr = err
	}
	return r.blas, r.blasErr
}

// needsBLAS says that there is no doing without cuBLAS.
func (r *runtime) needsBLAS() bool { return r.options.Precision != FP32 }

// checkBLAS is the error of a cuBLAS that is needed and not there.
func (r *runtime) checkBLAS() error {
	if !r.needsBLAS() {
		return nil
	}
	p := r.options.Precision
	if _, err := r.library(); err != nil {
		return fmt.Errorf("precision %v needs cuBLAS: %w; install it, or use precision %v", p, err, FP32)
	}
	return nil
}

// openProducts opens cuBLAS for the executor if there are training steps with products for it. Where it is not to be
// had, or does not start, our own kernels do if they may.
func (e *executor) openProducts() error {
	if !e.wantsBLAS() {
		return nil
	}
	l, err := e.runtime.library()
	if err == nil {
		e.products, err = l.Open(e.stream, e.runtime.options.Precision)
	}
	if err == nil {
		return nil
	}
	e.products = nil
	if e.runtime.needsBLAS() || driver.IsLost(err) {
		return err
	}
	e.why += fmt.Sprintf("; large products without cuBLAS: %v", err)
	return nil
}

// wantsBLAS says that training steps have products for cuBLAS. The three of a layer have as many multiply-adds each.
func (e *executor) wantsBLAS() bool {
	in := e.p.Spec.Inputs
	for _, l := range e.p.Spec.Layers {
		if e.runtime.large(e.p.Capacity, l.Units, in) {
			return true
		}
		in = l.Units
	}
	return false
}

// Multiply-adds from which on a product goes to cuBLAS: below, what a kernel of ours does besides the product saves
// more than its slower product costs. The other precisions are asked for explicitly, so there the line is lower.
const (
	blasFP32 = 1 << 26
	blasFast = 1 << 20
)

// large says that an m×n product of k terms is for cuBLAS.
func (r *runtime) large(m, n, k int) bool {
	least := int64(blasFP32)
	if r.needsBLAS() {
		least = blasFast
	}
	return r.blasAlways || int64(m)*int64(n)*int64(k) >= least
}

// byBLAS says that cuBLAS computes the product of a node in steps of so many rows. It takes no bytes.
func (e *executor) byBLAS(f *flow, node any, rows int) bool {
	if e.products == nil {
		return false
	}
	switch n := node.(type) {
	case *denseNode:
		w := f.buffer(n.w)
		return n.x != none && e.runtime.large(rows, w.Cols, w.Rows)
	case *deltaNode:
		w := f.buffer(n.w)
		return e.runtime.large(rows, w.Rows, w.Cols)
	case *gradientNode:
		return n.x != none && e.runtime.large(f.buffer(n.x).Cols, f.buffer(n.delta).Cols, rows)
	}
	return false
}

// floats says that batches of so many rows enter the first layer as numbers, because its products are for cuBLAS.
func (e *executor) floats(rows int) bool {
	return e.products != nil && e.runtime.large(rows, e.p.Spec.Layers[0].Units, e.p.Spec.Inputs)
}

// operand is a value as a factor, or its transpose.
type operand struct {
	v          id
	transposed bool
}

// gemm computes C = A·B by cuBLAS; C: rows×cols, k terms.
func (m *emitter) gemm(a, b operand, c result, rows, cols, k int) {
	left, right := m.factor(a), m.factor(b)
	m.actions = append(m.actions, action{product: func(*driver.Stream) error {
		return m.products.Multiply(c, left, right, rows, cols, k)
	}})
}

// factor returns the operand as cuBLAS takes it.
func (m *emitter) factor(o operand) factor {
	p := m.at(o.v)
	if m.runtime.options.Precision == BF16 && !m.narrow[o.v] {
		p = m.round(p, m.len(o.v))
	}
	return factor{p, m.cols(o.v), o.transposed}
}

// round returns where the n values at p lie as bfloat16. They are rounded once a step.
func (m *emitter) round(p driver.Ptr, n int) driver.Ptr {
	if to, ok := m.rounded[p]; ok {
		return to
	}
	to := m.halves[p]
	if to.n < n { // graphs that are recorded keep using the room they had
		at, err := m.alloc(int64(n), 2, fmt.Sprintf("network %v: factors as %v", m.p.Spec, BF16))
		if err != nil {
			m.err = err
			return 0
		}
		to = half{at, n}
		m.halves[p] = to
	}
	m.perElement("finish_delta", n, int64(n), p, driver.Ptr(0), driver.Ptr(0), 0, to.p, narrowOut)
	m.rounded[p] = to.p
	return to.p
}

// half is room for n values as bfloat16.
type half struct {
	p driver.Ptr
	n int
}

// warm runs products once outside of a recording: cuBLAS allocates and loads kernels when it meets a shape first. What
// they write is scratch, or written again before it is read.
func (e *executor) warm(actions []action) error {
	for i := range actions {
		if actions[i].product != nil {
			if err := actions[i].run(e.stream); err != nil {
				return err
			}
		}
	}
	return e.stream.Sync()
}
