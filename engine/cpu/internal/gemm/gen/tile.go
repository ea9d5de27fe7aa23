package main

import (
	"fmt"

	"github.com/mmcloughlin/avo/build"
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Offsets of the fields of gemm's tile struct; a test of gemm compares them with the compiler's.
const (
	offA         = 0
	offB         = 24
	offC         = 48
	offInit      = 72
	offAhead     = 96
	offK         = 120
	offARow      = 128
	offAStep     = 136
	offBStep     = 144
	offCRow      = 152
	offInitRow   = 160
	offAheadStep = 168
	offCount     = 176
	offANext     = 184
	offBNext     = 192
	offCNext     = 200
	offInitNext  = 208
	offAheadNext = 216
	offEnd       = 224
	offLast      = 232
	offLR        = 240
	offL2        = 244
	offAt        = 248 // five words: where a, b, c, init and ahead are now
)

// Values of tile.end.
const (
	endStore = iota
	endReLU
	endSGD
	endDecay
)

// unroll is the number of k steps in a turn of the loop.
const unroll = 2

func tileName(rows, nv int, masked bool) string {
	if masked {
		return fmt.Sprintf("tile%dx%dm", rows, nv)
	}
	return fmt.Sprintf("tile%dx%d", rows, nv)
}

// tailMasks holds, for AVX2, eight words of ones and then eight of zeros: 8−n words in starts the mask of n lanes.
func (a *asm) tailMasks() operand.Mem {
	if a.lanes == 16 {
		return operand.Mem{}
	}
	m := a.StaticGlobal("tailMasks")
	a.DataAttributes(build.RODATA | build.NOPTR)
	for i := range 16 {
		v := operand.U32(0)
		if i < 8 {
			v = 0xffffffff
		}
		a.AddDatum(4*i, v)
	}
	return m
}

// lanesMask makes the mask of n lanes, 0 ≤ n ≤ lanes: k for AVX-512, y for AVX2. n is kept, CX and tmp are not; n must
// be neither of them.
func (a *asm) lanesMask(tail operand.Mem, n, tmp reg.GPPhysical, k reg.OpmaskPhysical, y reg.VecPhysical) {
	a.MOVQ(n, reg.RCX)
	if a.lanes == 16 {
		a.MOVQ(operand.U32(1), tmp)
		a.SHLQ(reg.CL, tmp)
		a.DECQ(tmp)
		a.KMOVW(tmp.As32(), k)
		return
	}
	a.NEGQ(reg.RCX)
	a.LEAQ(tail.Offset(32), tmp)
	a.VMOVUPS(operand.Mem{Base: tmp, Index: reg.RCX, Scale: 4}, y)
}

// load and store move a vector, all of it or the lanes of the mask; a load sets the others to zero.
func (a *asm) load(m operand.Mem, masked bool, k reg.OpmaskPhysical, y, v reg.VecPhysical) {
	switch {
	case !masked:
		a.VMOVUPS(m, v)
	case a.lanes == 16:
		a.VMOVUPS_Z(m, k, v)
	default:
		a.VMASKMOVPS(m, y, v)
	}
}

func (a *asm) store(v reg.VecPhysical, masked bool, k reg.OpmaskPhysical, y reg.VecPhysical, m operand.Mem) {
	switch {
	case !masked:
		a.VMOVUPS(v, m)
	case a.lanes == 16:
		a.VMOVUPS(v, k, m)
	default:
		a.VMASKMOVPS(v, y, m)
	}
}

// zero clears a vector.
func (a *asm) zero(v reg.VecPhysical) {
	if a.lanes == 16 {
		a.VPXORD(v, v, v)
	} else {
		a.VXORPS(v, v, v)
	}
}

// tile writes the microkernel of rows rows and nv vectors of columns; masked means that only tile.last lanes of the
// last vector count.
//
// A is read by broadcasts through pointers to every third row, the two between by an index: any distance between rows
// and between steps costs the same, so that A need not be packed.
func (a *asm) tile(rows, nv int, masked bool, tail operand.Mem) {
	a.function("computes a run of tiles; see tile.", tileName(rows, nv, masked), "func(t *byte)", "(t *tile)")
	var (
		t, b, bStep, k   = reg.RDI, reg.RSI, reg.RDX, reg.RCX
		aRow, aStep      = reg.RAX, reg.RBX
		ap               = []reg.GPPhysical{reg.R8, reg.R9, reg.R10, reg.R11, reg.R12}[:(rows+2)/3]
		ahead, aheadStep = reg.R13, reg.R15
		at               = func(off int) operand.Mem { return operand.Mem{Base: t, Disp: off} }
		acc              = func(i, v int) reg.VecPhysical { return a.regs[i*nv+v] }
		free             = a.regs[rows*nv:]
		mask             = a.regs[len(a.regs)-1] // AVX2 only
		size             = 4 * a.lanes
		isMasked         = func(v int) bool { return masked && v == nv-1 }
	)
	a.Load(a.Param("t"), t)
	if masked {
		a.MOVQ(at(offLast), b)
		a.lanesMask(tail, b, aRow, reg.K1, mask)
	}
	for i, off := range []int{offA, offB, offC, offInit, offAhead} {
		a.MOVQ(at(off), aRow)
		a.MOVQ(aRow, at(offAt+8*i))
	}

	next := a.fresh("next")
	a.Label(next)
	// C into the cache while k runs.
	a.MOVQ(at(offAt+16), ahead)
	a.MOVQ(at(offCRow), aheadStep)
	for i := range rows {
		for v := 0; v < nv*size; v += 64 {
			a.PREFETCHT0(operand.Mem{Base: ahead, Disp: v})
		}
		if i < rows-1 {
			a.ADDQ(aheadStep, ahead)
		}
	}

	zero, started := a.fresh("zero"), a.fresh("started")
	a.MOVQ(at(offAt+24), ahead)
	a.MOVQ(at(offInitRow), aheadStep)
	a.TESTQ(ahead, ahead)
	a.JZ(operand.LabelRef(zero))
	for i := range rows {
		for v := range nv {
			a.load(operand.Mem{Base: ahead, Disp: v * size}, isMasked(v), reg.K1, mask, acc(i, v))
		}
		a.ADDQ(aheadStep, ahead)
	}
	a.JMP(operand.LabelRef(started))
	a.Label(zero)
	for _, v := range a.regs[:rows*nv] {
		a.zero(v)
	}
	a.Label(started)

	a.MOVQ(at(offARow), aRow)
	a.MOVQ(at(offAStep), aStep)
	a.MOVQ(at(offBStep), bStep)
	a.MOVQ(at(offAt+8), b)
	a.MOVQ(at(offAt+32), ahead)
	a.MOVQ(at(offAheadStep), aheadStep)
	a.MOVQ(at(offAt), ap[0])
	for i := 1; i < len(ap); i++ {
		a.LEAQ(operand.Mem{Base: ap[i-1], Index: aRow, Scale: 1}, ap[i])
		a.LEAQ(operand.Mem{Base: ap[i], Index: aRow, Scale: 2}, ap[i])
	}
	step := func() {
		for v := range nv {
			a.load(operand.Mem{Base: b, Disp: v * size}, isMasked(v), reg.K1, mask, free[v])
		}
		for v := 0; v < nv*size; v += 64 {
			a.PREFETCHT0(operand.Mem{Base: ahead, Disp: v})
		}
		for i := range rows {
			m := operand.Mem{Base: ap[i/3]}
			if i%3 > 0 {
				m.Index, m.Scale = aRow, uint8(i%3)
			}
			if a.lanes == 16 && nv == 1 {
				a.VFMADD231PS_BCST(m, free[0], acc(i, 0))
				continue
			}
			x := free[nv]
			if a.lanes == 16 {
				x = free[nv+i%2]
			}
			a.VBROADCASTSS(m, x)
			for v := range nv {
				a.VFMADD231PS(free[v], x, acc(i, v))
			}
		}
		a.ADDQ(bStep, b)
		a.ADDQ(aheadStep, ahead)
		for _, p := range ap {
			a.ADDQ(aStep, p)
		}
	}
	turn, rest, one, done := a.fresh("turn"), a.fresh("rest"), a.fresh("one"), a.fresh("done")
	a.MOVQ(at(offK), k)
	a.SUBQ(operand.U8(unroll), k)
	a.JL(operand.LabelRef(rest))
	a.Label(turn)
	for range unroll {
		step()
	}
	a.SUBQ(operand.U8(unroll), k)
	a.JGE(operand.LabelRef(turn))
	a.Label(rest)
	a.ADDQ(operand.U8(unroll), k)
	a.JZ(operand.LabelRef(done))
	a.Label(one)
	step()
	a.DECQ(k)
	a.JNZ(operand.LabelRef(one))
	a.Label(done)

	// All of C is read before any of it is written: a load close to an earlier store that overlaps it in masked lanes
	// waits.
	c, cRow := reg.R8, reg.R9
	start := func() {
		a.MOVQ(at(offAt+16), c)
		a.MOVQ(at(offCRow), cRow)
	}
	each := func(f func(v reg.VecPhysical, m operand.Mem, masked bool)) {
		for i := range rows {
			for v := range nv {
				f(acc(i, v), operand.Mem{Base: c, Disp: v * size}, isMasked(v))
			}
			if i < rows-1 {
				a.ADDQ(cRow, c)
			}
		}
	}
	lr, l2, w := free[0], free[1], free[2]
	relu, sgd, store := a.fresh("relu"), a.fresh("sgd"), a.fresh("store")
	a.MOVQ(at(offEnd), aRow)
	a.CMPQ(aRow, operand.U8(endStore))
	a.JEQ(operand.LabelRef(store))
	a.CMPQ(aRow, operand.U8(endReLU))
	a.JEQ(operand.LabelRef(relu))
	a.VBROADCASTSS(at(offLR), lr)
	a.CMPQ(aRow, operand.U8(endSGD))
	a.JEQ(operand.LabelRef(sgd))
	a.VBROADCASTSS(at(offL2), l2)
	start()
	each(func(v reg.VecPhysical, m operand.Mem, masked bool) {
		a.load(m, masked, reg.K1, mask, w)
		a.VFMADD231PS(w, l2, v)
		a.VFNMADD213PS(w, lr, v)
	})
	a.JMP(operand.LabelRef(store))

	a.Label(sgd)
	start()
	each(func(v reg.VecPhysical, m operand.Mem, masked bool) {
		a.load(m, masked, reg.K1, mask, w)
		a.VFNMADD213PS(w, lr, v)
	})
	a.JMP(operand.LabelRef(store))

	a.Label(relu)
	a.zero(w)
	for _, v := range a.regs[:rows*nv] {
		a.VMAXPS(v, w, v) // of two operands of which one is NaN or both are 0, MAX returns the one written first here
	}

	a.Label(store)
	start()
	each(func(v reg.VecPhysical, m operand.Mem, masked bool) { a.store(v, masked, reg.K1, mask, m) })

	for i, off := range []int{offANext, offBNext, offCNext, offInitNext, offAheadNext} {
		a.MOVQ(at(off), aRow)
		a.ADDQ(aRow, at(offAt+8*i))
	}
	a.DECQ(at(offCount))
	a.JNZ(operand.LabelRef(next))
	a.ret()
}
