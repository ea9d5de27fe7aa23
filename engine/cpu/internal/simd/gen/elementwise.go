package main

import (
	"fmt"
	"math"

	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	. "github.com/mmcloughlin/avo/reg"
)

// each makes a kernel over n elements, n a multiple of eight. body is given a maker of registers and the offset.
func (t target) each(name, signature string, pointers []string, setup func(),
	body func(new func() VecVirtual, at func(p string) Mem),
) {
	TEXT(name+t.name, NOSPLIT, signature)
	ptr := map[string]GPVirtual{}
	for _, p := range pointers {
		ptr[p] = base(p)
	}
	n, i := Load(Param(pointers[0]).Len(), GP64()), GP64()
	setup()
	XORQ(i, i)
	at := func(p string) Mem { return Mem{Base: ptr[p], Index: i, Scale: 4} }
	if t.evex {
		SUBQ(Imm(16), n)
		JLT(LabelRef("tail"))
		Label("wide")
		body(ZMM, at)
		ADDQ(Imm(16), i)
		CMPQ(i, n)
		JLE(LabelRef("wide"))
		Label("tail")
		ADDQ(Imm(16), n)
		CMPQ(i, n)
		JGE(LabelRef("end"))
		body(YMM, at)
	} else {
		Label("wide")
		CMPQ(i, n)
		JGE(LabelRef("end"))
		body(YMM, at)
		ADDQ(Imm(8), i)
		JMP(LabelRef("wide"))
	}
	Label("end")
	VZEROUPPER()
	RET()
}

var constants = map[uint32]Mem{}

// single returns a constant in memory.
func single(bits uint32) Mem {
	m, ok := constants[bits]
	if !ok {
		m = ConstData(fmt.Sprintf("single%08x", bits), U32(bits))
		constants[bits] = m
	}
	return m
}

// constant broadcasts v.
func (t target) constant(v float64) VecVirtual {
	r := t.widest()
	VBROADCASTSS(single(math.Float32bits(float32(v))), r)
	return r
}

func (t target) scalar(name string) VecVirtual {
	r := t.widest()
	VBROADCASTSS(slot(name), r)
	return r
}

// operand is a constant in a register, or in memory where there are too few of them.
type operand struct {
	reg VecVirtual
	mem Mem
}

// as returns the operand for an instruction on v.
func (o operand) as(v VecVirtual) Op {
	if o.reg == nil {
		return o.mem
	}
	return like(o.reg, v)
}

// operand makes a constant from its bits.
func (t target) operand(name string, bits uint32) operand {
	if t.evex {
		r := t.widest()
		VPBROADCASTD(single(bits), r)
		return operand{reg: r}
	}
	m, ok := wide[name]
	if !ok {
		m = GLOBL(name, RODATA|NOPTR)
		for i := range 8 {
			DATA(4*i, U32(bits))
		}
		wide[name] = m
	}
	return operand{mem: m}
}

func (t target) float(name string, v float64) operand {
	return t.operand(name, math.Float32bits(float32(v)))
}

var wide = map[string]Mem{}

// exponential holds the constants of exp.
type exponential struct {
	t                   target
	lo, hi              VecVirtual
	log2e, ln2hi, ln2lo operand
	poly                []operand // 1/7! … 1/2!, 1
	bias                operand   // 127 as an integer
}

// newExponential: 2ⁿ·eʳ with n = ⌊x·log₂e⌉, r = x − n·ln 2 in two parts (Cody and Waite), |r| ≤ ½ ln 2, Taylor to r⁷.
func (t target) newExponential() exponential {
	e := exponential{
		t: t, lo: t.constant(-105), hi: t.constant(89),
		log2e: t.float("log2e", math.Log2E),
		ln2hi: t.float("ln2hi", 0.693359375), ln2lo: t.float("ln2lo", math.Ln2-0.693359375),
	}
	for k, f := 7, 5040.0; k >= 2; k-- {
		e.poly = append(e.poly, t.float(fmt.Sprintf("inverse%dfactorial", k), 1/f))
		f /= float64(k)
	}
	e.poly = append(e.poly, t.float("one", 1))
	if !t.evex {
		e.bias = t.operand("bias", 127)
	}
	return e
}

// reduce makes x the rest r and returns n, and q = eʳ − 1 when minusOne, else eʳ. NaN stays.
func (e exponential) reduce(x VecVirtual, new func() VecVirtual, minusOne bool) (n, q VecVirtual) {
	VMINPS(x, like(e.hi, x), x) // the second source, x, is what comes out for NaN
	VMAXPS(x, like(e.lo, x), x)
	n = new()
	VMULPS(e.log2e.as(x), x, n)
	if e.t.evex {
		VRNDSCALEPS(Imm(8), n, n)
	} else {
		VROUNDPS(Imm(8), n, n)
	}
	VFNMADD231PS(e.ln2hi.as(x), n, x)
	VFNMADD231PS(e.ln2lo.as(x), n, x)
	q = new()
	VMOVUPS(e.poly[0].as(x), q)
	for _, c := range e.poly[1:] {
		VFMADD213PS(c.as(x), x, q)
	}
	if minusOne {
		VMULPS(x, q, q) // r + r²/2 + …
		return n, q
	}
	VFMADD213PS(e.poly[len(e.poly)-1].as(x), x, q)
	return n, q
}

// power multiplies q by 2ⁿ.
func (e exponential) power(q, n VecVirtual, new func() VecVirtual) {
	if e.t.evex {
		VSCALEFPS(n, q, q)
		return
	}
	// 2ⁿ may be too large or too small for a float32 where the product is not: two factors.
	half, rest := new(), new()
	VCVTPS2DQ(n, rest)
	VPSRAD(Imm(1), rest, half)
	VPSUBD(half, rest, rest)
	for _, k := range []VecVirtual{half, rest} {
		VPADDD(e.bias.as(k), k, k)
		VPSLLD(Imm(23), k, k)
		VMULPS(k, q, q)
	}
}

func (e exponential) exp(x VecVirtual, new func() VecVirtual) VecVirtual {
	n, q := e.reduce(x, new, false)
	e.power(q, n, new)
	return q
}

func (t target) elementwise() {
	unary := "func(dst, x []float32)"
	var e exponential
	var one VecVirtual
	var sign operand
	load := func(new func() VecVirtual, m Mem) VecVirtual {
		v := new()
		VMOVUPS(m, v)
		return v
	}
	signs := func() operand { return t.operand("sign", 1<<31) }
	t.each("sigmoid", unary, []string{"dst", "x"}, func() {
		e, one, sign = t.newExponential(), t.constant(1), signs()
	}, func(new func() VecVirtual, at func(string) Mem) {
		x := load(new, at("x"))
		VXORPS(sign.as(x), x, x)
		q := e.exp(x, new)
		VADDPS(like(one, x), q, q)
		VDIVPS(q, like(one, x), q)
		VMOVUPS(q, at("dst"))
	})
	t.each("expNegAbs", unary, []string{"dst", "x"}, func() {
		e, sign = t.newExponential(), signs()
	}, func(new func() VecVirtual, at func(string) Mem) {
		x := load(new, at("x"))
		VORPS(sign.as(x), x, x)
		VMOVUPS(e.exp(x, new), at("dst"))
	})
	var shift VecVirtual
	t.each("expShift", "func(dst, x []float32, shift float32)", []string{"dst", "x"}, func() {
		e, shift = t.newExponential(), t.scalar("shift")
	}, func(new func() VecVirtual, at func(string) Mem) {
		x := load(new, at("x"))
		VSUBPS(like(shift, x), x, x)
		VMOVUPS(e.exp(x, new), at("dst"))
	})
	var limit, two VecVirtual
	t.each("tanh", unary, []string{"dst", "x"}, func() {
		e, one, two, limit, sign = t.newExponential(), t.constant(1), t.constant(2), t.constant(20), signs()
	}, func(new func() VecVirtual, at func(string) Mem) {
		x := load(new, at("x"))
		s := new()
		VANDPS(sign.as(x), x, s)
		VXORPS(s, x, x) // |x|
		VADDPS(x, x, x)
		VMINPS(x, like(limit, x), x)
		n, q := e.reduce(x, new, true)
		p := new() // 2ⁿ
		VMOVAPS(like(one, x), p)
		e.power(p, n, new)
		m := new()
		VSUBPS(like(one, x), p, m)
		VFMADD213PS(m, p, q) // e^2|x| − 1
		VADDPS(like(two, x), q, m)
		VDIVPS(m, q, q)
		VORPS(s, q, q)
		VMOVUPS(q, at("dst"))
	})
	var zero VecVirtual
	t.each("relu", unary, []string{"dst", "x"}, func() { zero = t.constant(0) },
		func(new func() VecVirtual, at func(string) Mem) {
			x := load(new, at("x"))
			VMAXPS(x, like(zero, x), x)
			VMOVUPS(x, at("dst"))
		})
	grad := "func(dst, a, g []float32)"
	three := []string{"dst", "a", "g"}
	t.each("sigmoidGrad", grad, three, func() { one = t.constant(1) },
		func(new func() VecVirtual, at func(string) Mem) {
			a := load(new, at("a"))
			d := new()
			VSUBPS(a, like(one, a), d)
			VMULPS(a, d, d)
			VMULPS(at("g"), d, d)
			VMOVUPS(d, at("dst"))
		})
	t.each("tanhGrad", grad, three, func() { one = t.constant(1) }, func(new func() VecVirtual, at func(string) Mem) {
		a := load(new, at("a"))
		VFNMADD213PS(like(one, a), a, a)
		VMULPS(at("g"), a, a)
		VMOVUPS(a, at("dst"))
	})
	t.each("reluGrad", grad, three, func() { zero = t.constant(0) }, func(new func() VecVirtual, at func(string) Mem) {
		a := load(new, at("a"))
		g := load(new, at("g"))
		if t.evex {
			k := K()
			VCMPPS(Imm(6), like(zero, a), a, k) // not a ≤ 0: true for NaN
			VMOVAPS_Z(g, k, g)
		} else {
			VCMPPS(Imm(6), like(zero, a), a, a)
			VANDPS(a, g, g)
		}
		VMOVUPS(g, at("dst"))
	})
	t.each("mul", grad, three, func() {}, func(new func() VecVirtual, at func(string) Mem) {
		a := load(new, at("a"))
		VMULPS(at("g"), a, a)
		VMOVUPS(a, at("dst"))
	})
	t.each("add", grad, three, func() {}, func(new func() VecVirtual, at func(string) Mem) {
		a := load(new, at("a"))
		VADDPS(at("g"), a, a)
		VMOVUPS(a, at("dst"))
	})
	var alpha, beta VecVirtual
	t.each("fade", "func(v, w []float32, mu, c float32)", []string{"v", "w"}, func() {
		alpha, beta = t.scalar("mu"), t.scalar("c")
	}, func(new func() VecVirtual, at func(string) Mem) {
		v, w := new(), load(new, at("w"))
		VMULPS(at("v"), like(alpha, v), v)
		VFNMADD231PS(like(beta, v), w, v)
		VMOVUPS(v, at("v"))
	})
	t.each("scale", "func(dst, x []float32, alpha float32)", []string{"dst", "x"}, func() { alpha = t.scalar("alpha") },
		func(new func() VecVirtual, at func(string) Mem) {
			x := new()
			VMULPS(at("x"), like(alpha, x), x)
			VMOVUPS(x, at("dst"))
		})
	t.each("shrink", "func(x []float32, c float32)", []string{"x"}, func() { alpha = t.scalar("c") },
		func(new func() VecVirtual, at func(string) Mem) {
			x := load(new, at("x"))
			VFNMADD231PS(like(alpha, x), x, x)
			VMOVUPS(x, at("x"))
		})
}

// updates are the optimisation methods with an L2 penalty.
func (t target) updates() {
	var lr, l2, mu VecVirtual
	// gradient returns g + l2·w, and w.
	gradient := func(new func() VecVirtual, at func(string) Mem) (g, w VecVirtual) {
		w, g = new(), new()
		VMOVUPS(at("w"), w)
		VMULPS(like(l2, w), w, g)
		VADDPS(at("g"), g, g)
		return g, w
	}
	t.each("sgd", "func(w, g []float32, lr, l2 float32)", []string{"w", "g"}, func() {
		lr, l2 = t.scalar("lr"), t.scalar("l2")
	}, func(new func() VecVirtual, at func(string) Mem) {
		g, w := gradient(new, at)
		VFNMADD231PS(g, like(lr, w), w)
		VMOVUPS(w, at("w"))
	})
	t.each("momentum", "func(w, g, v []float32, lr, l2, mu float32)", []string{"w", "g", "v"}, func() {
		lr, l2, mu = t.scalar("lr"), t.scalar("l2"), t.scalar("mu")
	}, func(new func() VecVirtual, at func(string) Mem) {
		g, w := gradient(new, at)
		v := new()
		VMULPS(at("v"), like(mu, w), v)
		VFNMADD231PS(g, like(lr, w), v)
		VMOVUPS(v, at("v"))
		VADDPS(v, w, w)
		VMOVUPS(w, at("w"))
	})
	t.each("nesterov", "func(w, g, v []float32, lr, l2, mu float32)", []string{"w", "g", "v"}, func() {
		lr, l2, mu = t.scalar("lr"), t.scalar("l2"), t.scalar("mu")
	}, func(new func() VecVirtual, at func(string) Mem) {
		g, w := gradient(new, at)
		v := new()
		VMULPS(like(lr, w), g, g)
		VMOVUPS(at("v"), v)
		VFMSUB213PS(g, like(mu, w), v) // μv − ηg
		VMOVUPS(v, at("v"))
		VFMSUB213PS(g, like(mu, w), v)
		VADDPS(v, w, w)
		VMOVUPS(w, at("w"))
	})
	var b1, a1, b2, a2, c1, c2, eps VecVirtual
	t.each("adam", "func(w, g, m, v []float32, lr, l2, b1, a1, b2, a2, c1, c2, eps float32)",
		[]string{"w", "g", "m", "v"}, func() {
			lr, l2, b1, a1, b2, a2 = t.scalar("lr"), t.scalar("l2"), t.scalar("b1"), t.scalar("a1"), t.scalar("b2"),
				t.scalar("a2")
			c1, c2, eps = t.scalar("c1"), t.scalar("c2"), t.scalar("eps")
		}, func(new func() VecVirtual, at func(string) Mem) {
			g, w := gradient(new, at)
			m, v := new(), new()
			VMULPS(at("m"), like(b1, w), m)
			VFMADD231PS(g, like(a1, w), m)
			VMOVUPS(m, at("m"))
			VMULPS(g, g, g)
			VMULPS(at("v"), like(b2, w), v)
			VFMADD231PS(g, like(a2, w), v)
			VMOVUPS(v, at("v"))
			VMULPS(like(c2, w), v, v)
			VSQRTPS(v, v)
			VADDPS(like(eps, w), v, v)
			VMULPS(like(c1, w), m, m)
			VMULPS(like(lr, w), m, m)
			VDIVPS(v, m, m)
			VSUBPS(m, w, w)
			VMOVUPS(w, at("w"))
		})
}
