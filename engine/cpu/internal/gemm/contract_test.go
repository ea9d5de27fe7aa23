package gemm

import (
	"fmt"
	"math/rand/v2"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unsafe"
)

// TestOffsets compares what the assembly's generator believes about the tile struct with the compiler.
func TestOffsets(t *testing.T) {
	src, err := os.ReadFile("gen/tile.go")
	if err != nil {
		t.Fatal(err)
	}
	var x tile
	fields := map[string]uintptr{
		"A": unsafe.Offsetof(x.a), "B": unsafe.Offsetof(x.b), "C": unsafe.Offsetof(x.c),
		"Init":  unsafe.Offsetof(x.init),
		"Ahead": unsafe.Offsetof(x.ahead), "K": unsafe.Offsetof(x.k), "ARow": unsafe.Offsetof(x.aRow),
		"AStep": unsafe.Offsetof(x.aStep), "BStep": unsafe.Offsetof(x.bStep), "CRow": unsafe.Offsetof(x.cRow),
		"InitRow": unsafe.Offsetof(x.initRow), "AheadStep": unsafe.Offsetof(x.aheadStep),
		"Count": unsafe.Offsetof(x.count),
		"ANext": unsafe.Offsetof(x.aNext), "BNext": unsafe.Offsetof(x.bNext), "CNext": unsafe.Offsetof(x.cNext),
		"InitNext": unsafe.Offsetof(x.initNext), "AheadNext": unsafe.Offsetof(x.aheadNext),
		"End":  unsafe.Offsetof(x.end),
		"Last": unsafe.Offsetof(x.last), "LR": unsafe.Offsetof(x.lr), "L2": unsafe.Offsetof(x.l2),
		"At": unsafe.Offsetof(x.at),
	}
	if unsafe.Sizeof(x.k) != 8 {
		t.Skip("no 64-bit int: no assembly")
	}
	found := regexp.MustCompile(`\toff([A-Z]\w*) +=\s+(\d+)`).FindAllStringSubmatch(string(src), -1)
	if len(found) != len(fields) {
		t.Errorf("the generator has %d offsets, want %d", len(found), len(fields))
	}
	for _, m := range found {
		want, ok := fields[m[1]]
		if got, _ := strconv.Atoi(m[2]); !ok || uintptr(got) != want {
			t.Errorf("off%s is %d, want %d (known: %v)", m[1], got, want, ok)
		}
	}
}

// TestNoAllocation: a product allocates nothing, with any epilogue.
func TestNoAllocation(t *testing.T) {
	eachTier(t, func(t *testing.T, k *Kernel) {
		r := rand.New(rand.NewPCG(1, 1))
		for _, op := range []Op{NN, TN, NT} {
			for name, ep := range epilogues(40) {
				p := newProblem(r, Shape{op, 30, 40, 20}, ep)
				s := k.NewScratch(p.shape())
				if n := testing.AllocsPerRun(10, func() { k.Mul(s, op, p.c, p.a, p.b, ep) }); n != 0 {
					t.Errorf("%v %s: %v allocations", op, name, n)
				}
			}
		}
	})
}

// TestScratchOfLarger: a scratch serves every product with smaller M or N.
func TestScratchOfLarger(t *testing.T) {
	eachTier(t, func(t *testing.T, k *Kernel) {
		r := rand.New(rand.NewPCG(2, 2))
		for range 20000 {
			s := Shape{Op(r.IntN(3)), 1 + r.IntN(3000), 1 + r.IntN(3000), r.IntN(4000)}
			less := Shape{s.Op, 1 + r.IntN(s.M), 1 + r.IntN(s.N), s.K}
			small := k.plan(less)
			a, b, p := k.bound(s)
			if la, lb, lp := small.sizes(k); la > a || lb > b || lp > p {
				t.Fatalf("%v needs %d, %d, %d, more than %v: %d, %d, %d", less, la, lb, lp, s, a, b, p)
			}
		}
	})
}

// TestMisuse: what does not fit together panics, naming what is wrong, before anything is written.
func TestMisuse(t *testing.T) {
	matrix := func(rows, cols int) Matrix {
		return Matrix{Data: make([]float32, rows*cols), Rows: rows, Cols: cols, Stride: cols}
	}
	short := matrix(4, 5)
	short.Data = short.Data[:19]
	narrow := matrix(4, 5)
	narrow.Stride = 4
	cases := map[string]struct {
		op      Op
		c, a, b Matrix
		ep      Epilogue
		want    string
	}{
		"inner size": {NN, matrix(4, 5), matrix(4, 3), matrix(2, 5), Epilogue{}, "C is 4×5, A 4×3, B 2×5"},
		"rows":       {TN, matrix(4, 5), matrix(3, 6), matrix(3, 5), Epilogue{}, "C is 4×5, A 3×6, B 3×5"},
		"columns":    {NT, matrix(4, 5), matrix(4, 3), matrix(6, 3), Epilogue{}, "C is 4×5, A 4×3, B 6×3"},
		"short C":    {NN, short, matrix(4, 3), matrix(3, 5), Epilogue{}, "C: 4×5 with stride 5 in 19 values"},
		"short A":    {NN, matrix(4, 2), short, matrix(5, 2), Epilogue{}, "A: 4×5 with stride 5 in 19 values"},
		"narrow B":   {NN, matrix(2, 5), matrix(2, 4), narrow, Epilogue{}, "B: 4×5 with stride 4 in 20 values"},
		"bias":       {NN, matrix(4, 5), matrix(4, 3), matrix(3, 5), Epilogue{Bias: bias(4)}, "4 biases, want 5"},
		"bias and update": {
			NN, matrix(4, 5), matrix(4, 3), matrix(3, 5),
			Epilogue{Mode: Update, Bias: bias(5)},
			"are for Store",
		},
		"scratch": {
			NT, matrix(40, 50), matrix(40, 30), matrix(50, 30),
			Epilogue{},
			"scratch too small for NT 40×50×30",
		},
	}
	eachTier(t, func(t *testing.T, k *Kernel) {
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				defer func() {
					if got := fmt.Sprint(recover()); !strings.Contains(got, c.want) {
						t.Errorf("panic %q, want %q in it", got, c.want)
					}
				}()
				k.Mul(new(Scratch), c.op, c.c, c.a, c.b, c.ep)
			})
		}
	})
}

// TestEmpty: nothing is done for no rows or no columns.
func TestEmpty(t *testing.T) {
	eachTier(t, func(t *testing.T, k *Kernel) {
		for _, op := range []Op{NN, TN, NT} {
			for _, s := range []Shape{{op, 0, 5, 3}, {op, 5, 0, 3}, {op, 0, 0, 0}} {
				p := newProblem(rand.New(rand.NewPCG(1, 0)), s, Epilogue{})
				want := clone(p.c)
				p.mul(k)
				same(t, p.c, want)
			}
		}
	})
}
