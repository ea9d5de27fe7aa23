package gemm

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"neuroloupe/engine/cpu/internal/isa"
)

// canary surrounds what a product may write and fills the gaps between its rows.
const canary = 12345.678

// place puts a rows×cols matrix of values from f into a larger slice of canaries, offset floats in.
func place(rows, cols, gap, offset int, f func() float32) Matrix {
	stride := cols + gap
	data := make([]float32, offset+rows*stride+offset)
	for i := range data {
		data[i] = canary
	}
	m := Matrix{Data: data[offset : offset+rows*stride], Rows: rows, Cols: cols, Stride: stride}
	for i := range rows {
		for j := range cols {
			m.Data[i*stride+j] = f()
		}
	}
	return m
}

func clone(m Matrix) Matrix {
	all := m.Data[:cap(m.Data)]
	m.Data = append(make([]float32, 0, len(all)), all...)[:len(m.Data)]
	return m
}

// problem is a product with operands.
type problem struct {
	op      Op
	c, a, b Matrix
	ep      Epilogue
}

func newProblem(r *rand.Rand, s Shape, ep Epilogue) problem {
	value := func() float32 { return float32(r.NormFloat64()) }
	ar, ac, br, bc := s.M, s.K, s.K, s.N
	switch s.Op {
	case TN:
		ar, ac = s.K, s.M
	case NT:
		br, bc = s.N, s.K
	}
	gap := func() int { return r.IntN(3) * r.IntN(7) }
	return problem{
		op: s.Op,
		a:  place(ar, ac, gap(), r.IntN(5), value),
		b:  place(br, bc, gap(), r.IntN(5), value),
		c:  place(s.M, s.N, gap(), r.IntN(5), value),
		ep: ep,
	}
}

func (p *problem) shape() Shape {
	s := Shape{Op: p.op, M: p.c.Rows, N: p.c.Cols, K: p.a.Cols}
	if p.op == TN {
		s.K = p.a.Rows
	}
	return s
}

func (p *problem) at(i, j, s int) (x, y float32) {
	switch p.op {
	case NN:
		return p.a.Data[i*p.a.Stride+s], p.b.Data[s*p.b.Stride+j]
	case TN:
		return p.a.Data[s*p.a.Stride+i], p.b.Data[s*p.b.Stride+j]
	}
	return p.a.Data[i*p.a.Stride+s], p.b.Data[j*p.b.Stride+s]
}

// fma32 is a·b + c rounded once: the product is exact in float64; the sum is rounded to odd there, which keeps the
// second rounding from going astray (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums", IEEE TC 57(4),
// 2008).
func fma32(a, b, c float32) float32 {
	x, y := float64(a)*float64(b), float64(c)
	s := x + y
	z := s - x
	e := (x - (s - z)) + (y - z)
	if e != 0 && !math.IsInf(s, 0) && math.Float64bits(s)&1 == 0 {
		s = math.Nextafter(s, s+math.Copysign(math.Inf(1), e))
	}
	return float32(s)
}

// rounding is how a tier multiplies, adds and ends a sum.
type rounding func(a, b, c float32) float32

func separate(a, b, c float32) float32 { return float32(a*b) + c }

func roundingOf(t isa.Tier) rounding {
	if t == isa.Go {
		return separate
	}
	return fma32
}

// want computes C by the definition: the order that the package promises, in float32, rounded as the tier does.
func (p *problem) want(mul rounding) Matrix {
	c := clone(p.c)
	s := p.shape()
	for i := range s.M {
		for j := range s.N {
			var sum float32
			if p.ep.Bias != nil {
				sum = p.ep.Bias[j]
			}
			for q := range s.K {
				x, y := p.at(i, j, q)
				sum = mul(x, y, sum)
			}
			e := &c.Data[i*c.Stride+j]
			switch {
			case p.ep.Mode == Add:
				*e += sum
			case p.ep.Mode == Update && p.ep.L2 != 0:
				*e = mul(-p.ep.LR, mul(p.ep.L2, *e, sum), *e)
			case p.ep.Mode == Update:
				*e = mul(-p.ep.LR, sum, *e)
			case p.ep.ReLU && sum < 0:
				*e = 0
			default:
				*e = sum
			}
		}
		if p.ep.Func != nil {
			p.ep.Func(i, 0, c.Data[i*c.Stride:][:s.N])
		}
	}
	return c
}

// same compares every float of two matrices and of what surrounds them; any NaN is like any other.
func same(t *testing.T, got, want Matrix) {
	t.Helper()
	g, w := got.Data[:cap(got.Data)], want.Data[:cap(want.Data)]
	for i := range g {
		if math.Float32bits(g[i]) != math.Float32bits(w[i]) && (g[i] == g[i] || w[i] == w[i]) {
			row, col := i/got.Stride, i%got.Stride
			t.Fatalf("element %d, %d of %d×%d: got %v, want %v", row, col, got.Rows, got.Cols, g[i], w[i])
		}
	}
}

func eachTier(t *testing.T, f func(t *testing.T, k *Kernel)) {
	for _, tier := range isa.All() {
		t.Run(tier.String(), func(t *testing.T) { f(t, New(tier)) })
	}
}

func (p *problem) mul(k *Kernel) { k.Mul(k.NewScratch(p.shape()), p.op, p.c, p.a, p.b, p.ep) }

func bias(n int) []float32 {
	b := make([]float32, n)
	for i := range b {
		b[i] = float32(i%13) - 6.3
	}
	return b
}

func double(_, _ int, z []float32) {
	for i := range z {
		z[i] *= 2
	}
}

func epilogues(n int) map[string]Epilogue {
	return map[string]Epilogue{
		"store":     {},
		"add":       {Mode: Add},
		"bias":      {Bias: bias(n)},
		"relu":      {ReLU: true},
		"bias relu": {Bias: bias(n), ReLU: true},
		"sgd":       {Mode: Update, LR: 0.37},
		"decay":     {Mode: Update, LR: 0.37, L2: 0.011},
		"func":      {Bias: bias(n), Func: double},
		"add func":  {Mode: Add, Func: double},
	}
}

// TestOrder holds the package's promise to the bit, for all numbers of rows and columns of a tile and around them, with
// every epilogue; nothing outside C may change.
func TestOrder(t *testing.T) {
	eachTier(t, func(t *testing.T, k *Kernel) {
		r := rand.New(rand.NewPCG(1, uint64(k.tier)))
		for _, op := range []Op{NN, TN, NT} {
			for n := 1; n <= 2*k.nr+k.lanes+1; n += 1 + n/k.nr*3 {
				for name, ep := range epilogues(n) {
					s := Shape{op, 1 + r.IntN(2*k.mr+1), n, r.IntN(40)}
					t.Run(fmt.Sprintf("%v %v", s, name), func(t *testing.T) {
						p := newProblem(r, s, ep)
						want := p.want(roundingOf(k.tier))
						p.mul(k)
						same(t, p.c, want)
					})
				}
			}
			for m := 1; m <= 3*k.mr; m++ {
				s := Shape{op, m, 1 + r.IntN(3*k.nr), 1 + r.IntN(20)}
				t.Run(fmt.Sprint(s), func(t *testing.T) {
					p := newProblem(r, s, Epilogue{})
					want := p.want(roundingOf(k.tier))
					p.mul(k)
					same(t, p.c, want)
				})
			}
		}
	})
}

// TestBlocks takes sizes at and around the limits where a product is cut or packed in another way.
func TestBlocks(t *testing.T) {
	sizes := [][3]int{
		{1, 1, 0},
		{3, 40, 0},
		{1, 1, maxSteps + 1},
		{70, 5, 2*maxSteps + 3},
		{131, 33, 1021},
		{57, 140, 700},
		{15, maxCols + 67, 67},
		{partRows + 1, 3, maxSteps + 1},
		{2, maxCols + 1, maxSteps + 1},
		{10, 784, 100},
		{784, 10, 10},
	}
	names := []string{"bias relu", "add func", "decay", "func", "sgd"}
	eachTier(t, func(t *testing.T, k *Kernel) {
		r := rand.New(rand.NewPCG(2, uint64(k.tier)))
		for i, z := range sizes {
			for _, op := range []Op{NN, TN, NT} {
				name := names[(i+int(op))%len(names)]
				s := Shape{op, z[0], z[1], z[2]}
				t.Run(fmt.Sprintf("%v %v", s, name), func(t *testing.T) {
					p := newProblem(r, s, epilogues(s.N)[name])
					want := p.want(roundingOf(k.tier))
					p.mul(k)
					same(t, p.c, want)
				})
			}
		}
	})
}

// TestStrides takes rows of C, A and B that all fall on the same cache set, where tiles are smaller.
func TestStrides(t *testing.T) {
	eachTier(t, func(t *testing.T, k *Kernel) {
		r := rand.New(rand.NewPCG(3, 0))
		for _, op := range []Op{NN, TN, NT} {
			p := newProblem(r, Shape{op, 61, 70, 23}, Epilogue{Mode: Update, LR: 0.1})
			for _, m := range []*Matrix{&p.a, &p.b, &p.c} {
				wide := place(m.Rows, m.Cols, wayStride-m.Cols, 0, r.Float32)
				*m = wide
			}
			want := p.want(roundingOf(k.tier))
			p.mul(k)
			same(t, p.c, want)
		}
	})
}

// part returns rows i0 ≤ i < i1 and columns j0 ≤ j < j1 of m.
func part(m Matrix, i0, i1, j0, j1 int) Matrix {
	return Matrix{Data: m.Data[i0*m.Stride+j0 : (i1-1)*m.Stride+j1], Rows: i1 - i0, Cols: j1 - j0, Stride: m.Stride}
}

// mulParts is mul in four calls, with C cut before row i and before column j.
func (p *problem) mulParts(k *Kernel, i, j int) {
	s := p.shape()
	scratch := k.NewScratch(s)
	for _, rows := range [][2]int{{0, i}, {i, s.M}} {
		for _, cols := range [][2]int{{0, j}, {j, s.N}} {
			a, b, ep := p.a, p.b, p.ep
			if p.op == TN {
				a = part(a, 0, s.K, rows[0], rows[1])
			} else {
				a = part(a, rows[0], rows[1], 0, s.K)
			}
			if p.op == NT {
				b = part(b, cols[0], cols[1], 0, s.K)
			} else {
				b = part(b, 0, s.K, cols[0], cols[1])
			}
			if ep.Bias != nil {
				ep.Bias = ep.Bias[cols[0]:]
			}
			k.Mul(scratch, p.op, part(p.c, rows[0], rows[1], cols[0], cols[1]), a, b, ep)
		}
	}
}

// TestSplit shares C out over calls at random places: the same bits as in one call.
func TestSplit(t *testing.T) {
	eachTier(t, func(t *testing.T, k *Kernel) {
		r := rand.New(rand.NewPCG(4, 0))
		for _, op := range []Op{NN, TN, NT} {
			for name, ep := range epilogues(150) {
				t.Run(fmt.Sprintf("%v %v", op, name), func(t *testing.T) {
					p := newProblem(r, Shape{op, 70, 150, 90 + r.IntN(50)}, ep)
					parts := p
					parts.c = clone(p.c)
					p.mul(k)
					parts.mulParts(k, 1+r.IntN(69), 1+r.IntN(149))
					same(t, parts.c, p.c)
				})
			}
		}
	})
}

// TestSplitBlocks takes a product of several blocks of rows and of columns, and the same in parts of one block.
func TestSplitBlocks(t *testing.T) {
	eachTier(t, func(t *testing.T, k *Kernel) {
		for _, op := range []Op{NN, TN, NT} {
			p := newProblem(rand.New(rand.NewPCG(9, 0)), Shape{op, 150, maxCols + 10, 1000}, Epilogue{Mode: Add})
			if l := k.plan(p.shape()); l.rows >= l.M || l.cols >= l.N {
				t.Fatalf("%v: blocks of %d×%d: not several of each", l.Shape, l.rows, l.cols)
			}
			parts := p
			parts.c = clone(p.c)
			p.mul(k)
			parts.mulParts(k, 75, maxCols)
			same(t, parts.c, p.c)
		}
	})
}
