// Command gen writes the assembly of package simd.
package main

import (
	"fmt"

	. "github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/gotypes"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// target is an instruction set; its name ends the names of its kernels.
type target struct {
	name    string
	lanes   int // float32s of the widest vector
	groups  int // most groups of eight columns that the sparse kernels keep in registers
	evex    bool
	tiles   []int // widths of the dense kernel's tiles, in groups of eight
	widest  func() VecVirtual
	scratch int // registers that the sparse update turns over
}

var (
	avx512 = target{"AVX512", 16, 16, true, []int{1, 2, 4, 8}, ZMM, 8}
	avx2   = target{"AVX2", 8, 12, false, []int{1, 2, 4}, YMM, 2}
)

func main() {
	ConstraintExpr("!noasm")
	for _, t := range []target{avx512, avx2} {
		for g := 1; g <= t.groups; g++ {
			t.sparseForward(g)
			t.sparseUpdate(g)
		}
		for _, g := range t.tiles {
			t.multiply(g)
		}
		t.elementwise()
		t.updates()
	}
	TEXT("pause", NOSPLIT, "func()")
	Doc("pause tells the core that it spins.")
	PAUSE()
	RET()
	Generate()
}

// vectors returns registers for g groups of eight columns, and the byte offset of each.
func (t target) vectors(g int) (v []VecVirtual, at []int) {
	for i := 0; i < g; {
		if t.evex && g-i >= 2 {
			v, at = append(v, ZMM()), append(at, 32*i)
			i += 2
			continue
		}
		v, at = append(v, YMM()), append(at, 32*i)
		i++
	}
	return v, at
}

// like returns register r in the width of v.
func like(r, v VecVirtual) Register {
	if v.Size() == 64 {
		return r.AsZ()
	}
	return r.AsY()
}

// param loads an integer or a pointer, base the address of a slice.
func param(name string) GPVirtual { return Load(Param(name), GP64()).(GPVirtual) }
func base(name string) GPVirtual  { return Load(Param(name).Base(), GP64()).(GPVirtual) }

// stride loads a number of float32s as bytes.
func stride(name string) GPVirtual {
	r := param(name)
	SHLQ(Imm(2), r)
	return r
}

// memory is where an argument lies, for what there is no register for.
func memory(c gotypes.Component) Mem {
	m, err := c.Resolve()
	if err != nil {
		panic(err)
	}
	return m.Addr
}

func slot(name string) Mem   { return memory(Param(name)) }
func length(name string) Mem { return memory(Param(name).Len()) }

// record makes p and end the first and past the last nonzero pixel of the next example's chunk, and skips to none when
// there is none.
func record(recs, start, order, chunk GPVirtual, none string) (p, end GPVirtual) {
	p, end = GP64(), GP64()
	rec := GP64()
	MOVLQSX(Mem{Base: order}, rec)
	MOVL(Mem{Base: start, Index: rec, Scale: 4}, rec.As32())
	LEAQ(Mem{Base: recs, Index: rec, Scale: 2}, rec)
	MOVWLZX(Mem{Base: rec, Index: chunk, Scale: 2}, p.As32())
	MOVWLZX(Mem{Base: rec, Index: chunk, Scale: 2, Disp: 2}, end.As32())
	LEAQ(Mem{Base: rec, Index: p, Scale: 2}, p)
	LEAQ(Mem{Base: rec, Index: end, Scale: 2}, end)
	CMPQ(p, end)
	JEQ(LabelRef(none))
	return p, end
}

// pixel makes row the byte offset of the weights of the pixel at p and value its value.
func (t target) pixel(p, ws, tab GPVirtual, value VecVirtual) (row GPVirtual) {
	row = GP64()
	byteValue := GP64()
	MOVWLZX(Mem{Base: p}, row.As32())
	MOVBLZX(Mem{Base: p}, byteValue.As32())
	SHRL(Imm(8), row.As32())
	IMULQ(ws, row)
	VBROADCASTSS(Mem{Base: tab, Index: byteValue, Scale: 4}, value)
	ADDQ(Imm(2), p)
	return row
}

func (t target) sparseForward(g int) {
	TEXT(fmt.Sprintf("sparseForward%dx%s", g, t.name), NOSPLIT,
		"func(z []float32, zs int, w []float32, ws int, recs []uint16, start []uint32, order []int32, chunk int, tab "+
			"*[256]float32)")
	z, w, ws := base("z"), base("w"), stride("ws")
	recs, start, order, chunk, tab := base("recs"), base("start"), base("order"), param("chunk"), param("tab")
	SHLQ(Imm(2), slot("zs"))
	acc, at := t.vectors(g)
	value := t.widest()
	Label("example")
	p, end := record(recs, start, order, chunk, "none")
	for i, v := range acc {
		VMOVUPS(Mem{Base: z, Disp: at[i]}, v)
	}
	Label("pixel")
	row := t.pixel(p, ws, tab, value)
	for i, v := range acc {
		VFMADD231PS(Mem{Base: w, Index: row, Scale: 1, Disp: at[i]}, like(value, v), v)
	}
	CMPQ(p, end)
	JB(LabelRef("pixel"))
	for i, v := range acc {
		VMOVUPS(v, Mem{Base: z, Disp: at[i]})
	}
	Label("none")
	ADDQ(slot("zs"), z)
	ADDQ(Imm(4), order)
	DECQ(length("order"))
	JNE(LabelRef("example"))
	VZEROUPPER()
	RET()
}

func (t target) sparseUpdate(g int) {
	TEXT(fmt.Sprintf("sparseUpdate%dx%s", g, t.name), NOSPLIT,
		"func(w []float32, ws int, d []float32, ds int, recs []uint16, start []uint32, order, next []int32, chunk "+
			"int, tab *[256]float32)")
	w, ws, d := base("w"), stride("ws"), base("d")
	recs, start, order, chunk, tab := base("recs"), base("start"), base("order"), param("chunk"), param("tab")
	SHLQ(Imm(2), slot("ds"))
	ahead := GP64()
	MOVQ(chunk, ahead)
	SHLQ(Imm(6), ahead)
	MOVQ(ahead, length("next"))
	delta, at := t.vectors(g)
	value := t.widest()
	temps := make([]VecVirtual, min(g, t.scratch))
	for i := range temps {
		temps[i] = t.widest()
	}
	Label("example")
	soon := GP64()
	MOVQ(memory(Param("next").Base()), soon)
	MOVLQSX(Mem{Base: soon}, soon)
	MOVL(Mem{Base: start, Index: soon, Scale: 4}, soon.As32())
	LEAQ(Mem{Base: recs, Index: soon, Scale: 2}, soon)
	ADDQ(length("next"), soon)
	PREFETCHT0(Mem{Base: soon})
	p, end := record(recs, start, order, chunk, "none")
	for i, v := range delta {
		VMOVUPS(Mem{Base: d, Disp: at[i]}, v)
	}
	Label("pixel")
	row := t.pixel(p, ws, tab, value)
	ADDQ(w, row)
	for lo := 0; lo < len(delta); lo += len(temps) {
		n := min(len(temps), len(delta)-lo)
		for i := range n {
			VMOVUPS(Mem{Base: row, Disp: at[lo+i]}, like(temps[i], delta[lo+i]))
		}
		for i := range n {
			VFMADD231PS(delta[lo+i], like(value, delta[lo+i]), like(temps[i], delta[lo+i]))
		}
		for i := range n {
			VMOVUPS(like(temps[i], delta[lo+i]), Mem{Base: row, Disp: at[lo+i]})
		}
	}
	CMPQ(p, end)
	JB(LabelRef("pixel"))
	Label("none")
	ADDQ(slot("ds"), d)
	ADDQ(Imm(4), order)
	ADDQ(Imm(4), memory(Param("next").Base()))
	DECQ(length("order"))
	JNE(LabelRef("example"))
	VZEROUPPER()
	RET()
}

// multiply: four rows at a time, then two, then one.
func (t target) multiply(g int) {
	TEXT(fmt.Sprintf("multiply%dx%s", g, t.name), NOSPLIT, "func(c []float32, cs int, a []float32, ars, acs int, b "+
		"[]float32, bs int, rows, k, add int)")
	c, cs, a, ars, acs, b, bs := base("c"), stride("cs"), base("a"), stride("ars"), stride("acs"), base("b"),
		stride("bs")
	ars3 := GP64()
	LEAQ(Mem{Base: ars, Index: ars, Scale: 2}, ars3)
	most := 4
	if !t.evex && g > 2 {
		most = 2
	}
	for r := most; r >= 1; r /= 2 {
		t.multiplyRows(g, r, c, cs, a, ars, acs, b, bs, ars3)
	}
	VZEROUPPER()
	RET()
}

func (t target) multiplyRows(g, r int, c, cs, a, ars, acs, b, bs, ars3 GPVirtual) {
	label := func(s string) string { return fmt.Sprintf("%s%d", s, r) }
	acc := make([][]VecVirtual, r)
	var at []int
	Label(label("rows"))
	CMPQ(slot("rows"), Imm(uint64(r)))
	JLT(LabelRef(label("done")))
	for q := range acc {
		acc[q], at = t.vectors(g)
		for _, v := range acc[q] {
			VXORPS(v, v, v)
		}
	}
	CMPQ(slot("add"), Imm(0))
	JEQ(LabelRef(label("start")))
	cp := GP64()
	MOVQ(c, cp)
	for q := range acc {
		for i, v := range acc[q] {
			VMOVUPS(Mem{Base: cp, Disp: at[i]}, v)
		}
		ADDQ(cs, cp)
	}
	Label(label("start"))
	ap, bp, left := GP64(), GP64(), GP64()
	MOVQ(a, ap)
	MOVQ(b, bp)
	MOVQ(slot("k"), left)
	row, _ := t.vectors(g)
	x := t.widest()
	rows := []Mem{
		{Base: ap},
		{Base: ap, Index: ars, Scale: 1},
		{Base: ap, Index: ars, Scale: 2},
		{Base: ap, Index: ars3, Scale: 1},
	}
	Label(label("inner"))
	for i, v := range row {
		VMOVUPS(Mem{Base: bp, Disp: at[i]}, v)
	}
	for q := range acc {
		VBROADCASTSS(rows[q], x)
		for i, v := range acc[q] {
			VFMADD231PS(row[i], like(x, v), v)
		}
	}
	ADDQ(bs, bp)
	ADDQ(acs, ap)
	DECQ(left)
	JNE(LabelRef(label("inner")))
	for q := range acc {
		for i, v := range acc[q] {
			VMOVUPS(v, Mem{Base: c, Disp: at[i]})
		}
		ADDQ(cs, c)
		ADDQ(ars, a)
	}
	SUBQ(Imm(uint64(r)), slot("rows"))
	JMP(LabelRef(label("rows")))
	Label(label("done"))
}
