package gemm

import (
	"fmt"
	"unsafe"

	"neuroloupe/engine/cpu/internal/isa"
)

// Matrix is a row-major matrix or a part of one: element (i, j) is Data[i·Stride+j].
type Matrix struct {
	Data       []float32 // from element (0, 0) on
	Rows, Cols int
	Stride     int // elements from a row to the next, at least Cols
}

// Op says which operand of a product is taken transposed.
type Op uint8

// The three products of training.
const (
	NN Op = iota // C = A·B, A: m×k, B: k×n
	TN           // C = Aᵀ·B, A: k×m, B: k×n
	NT           // C = A·Bᵀ, A: m×k, B: n×k
)

// String returns the product's name.
func (o Op) String() string { return [...]string{"NN", "TN", "NT"}[o] }

// Mode says how a product changes C.
type Mode uint8

// The modes.
const (
	Store  Mode = iota // C ← s
	Add                // C ← C + s
	Update             // C ← C − LR·(s + L2·C): a step of gradient descent for weights C with gradient s
)

// Epilogue is what is done with the product s, tile by tile while it is in registers. The zero value stores it.
type Epilogue struct {
	Mode Mode
	Bias []float32 // n values that the sums start from, the same for each row; nil = 0. With Store alone
	ReLU bool      // C ← max(s, 0), NaN stays. With Store alone
	LR   float32   // of Update: the learning rate
	L2   float32   // of Update: the weight decay, 0 = none

	// Func, if not nil, is given all of C, when it is final, in pieces of rows: z is C[row, col:col+len(z)], to be
	// changed in place. Pieces do not overlap; how C is cut and in which order they come is not specified.
	Func func(row, col int, z []float32)
}

// Shape is the size of a product.
type Shape struct {
	Op      Op
	M, N, K int
}

// String returns the product and its sizes M×N×K.
func (s Shape) String() string { return fmt.Sprintf("%v %d×%d×%d", s.Op, s.M, s.N, s.K) }

// Kernel multiplies with one set of instructions. It is made by [New], never changes, and may be used by many
// goroutines, each with a [Scratch] of its own.
type Kernel struct {
	tier  isa.Tier
	lanes int // float32 in a vector
	mr    int // most rows of a tile
	nr    int // columns of a tile
	tiles [kinds][]func(*tile)

	copyPanel, transposePanel func(dst, src []float32, dstStride, srcStride, rows, cols int)
}

// Tile of the Go tier: six sums, as many as its registers hold beside the operands.
const (
	goRows = 2
	goCols = 3
)

// New returns the kernel of a tier, which the machine must have.
func New(tier isa.Tier) *Kernel {
	if k := assembly(tier); k != nil {
		return k
	}
	k := &Kernel{lanes: goCols, mr: goRows, nr: goCols, copyPanel: copyPanelGo, transposePanel: transposePanelGo}
	for i := range k.tiles {
		for range goRows + 1 {
			k.tiles[i] = append(k.tiles[i], tileGo)
		}
	}
	return k
}

// Tier returns the instructions that the kernel uses.
func (k *Kernel) Tier() isa.Tier { return k.tier }

// Tile returns the size of the largest tile of C. The bits of C do not depend on how it is shared out over calls, but
// parts of whole tiles are the fastest.
func (k *Kernel) Tile() (rows, cols int) { return k.mr, k.nr }

// Scratch holds the pack buffers of one goroutine.
type Scratch struct {
	t       tile
	a, b, p []float32
}

// NewScratch returns pack buffers for products of the given shapes and any with smaller M or N.
func (k *Kernel) NewScratch(shapes ...Shape) *Scratch {
	var a, b, p int
	for _, s := range shapes {
		na, nb, np := k.bound(s)
		a, b, p = max(a, na), max(b, nb), max(p, np)
	}
	return &Scratch{a: aligned(a), b: aligned(b), p: aligned(p)}
}

// aligned returns n floats that start on a cache line.
func aligned(n int) []float32 {
	const line = 64
	x := make([]float32, n+line/4-1)
	at := uintptr(unsafe.Pointer(unsafe.SliceData(x)))
	return x[(line-at%line)%line/4:][:n]
}

// Mul computes C from A and B as op and ep say, on the caller's goroutine. C must not overlap A, B or the bias. It
// panics, before it writes anything, if sizes do not fit together, a matrix is larger than its data, or the shape needs
// a larger scratch: callers check. A sum over k = 0 steps is the bias or 0. It allocates nothing.
func (k *Kernel) Mul(s *Scratch, op Op, c, a, b Matrix, ep Epilogue) {
	shape := Shape{Op: op, M: c.Rows, N: c.Cols, K: a.Cols}
	am, bk, bn := a.Rows, b.Rows, b.Cols
	switch op {
	case TN:
		am, shape.K = a.Cols, a.Rows
	case NT:
		bk, bn = b.Cols, b.Rows
	}
	if am != shape.M || bn != shape.N || bk != shape.K {
		panic(fmt.Sprintf("gemm: %v: C is %d×%d, A %d×%d, B %d×%d", op, c.Rows, c.Cols, a.Rows, a.Cols, b.Rows, b.Cols))
	}
	c.check("C")
	a.check("A")
	b.check("B")
	if ep.Mode != Store && (ep.Bias != nil || ep.ReLU) {
		panic("gemm: bias and relu are for Store")
	}
	if ep.Bias != nil && len(ep.Bias) < shape.N {
		panic(fmt.Sprintf("gemm: %d biases, want %d", len(ep.Bias), shape.N))
	}
	if shape.M == 0 || shape.N == 0 {
		return
	}
	d := drive{Kernel: k, Scratch: s, plan: k.plan(shape), c: c, a: a, b: b, ep: ep}
	if na, nb, np := d.sizes(k); na > len(s.a) || nb > len(s.b) || np > len(s.p) {
		panic(fmt.Sprintf("gemm: scratch too small for %v", shape))
	}
	d.run()
	t := &s.t
	t.a, t.b, t.c, t.init, t.ahead = nil, nil, nil, nil, nil // the scratch keeps nothing of the caller's alive
}

func (m Matrix) check(name string) {
	if m.Rows < 0 || m.Cols < 0 || m.Stride < m.Cols || m.Rows > 0 && len(m.Data) < (m.Rows-1)*m.Stride+m.Cols {
		panic(fmt.Sprintf("gemm: %s: %d×%d with stride %d in %d values", name, m.Rows, m.Cols, m.Stride, len(m.Data)))
	}
}
