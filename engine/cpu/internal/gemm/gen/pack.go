package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const panelSig = "func(dst, src []float32, dstStride, srcStride, rows, cols int)"

// copyPanel writes the function that copies a narrow panel, one or two vectors wide.
func (a *asm) copyPanel(tail operand.Mem) {
	a.function("is copyPanelGo for at most two vectors of columns.", "copyPanel", panelSig, panelSig[4:])
	var (
		dst, src             = reg.RDI, reg.RSI
		dstStride, srcStride = reg.R8, reg.R9
		rows, cols, tmp, far = reg.RDX, reg.RBX, reg.RAX, reg.R10
		size                 = 4 * a.lanes
		mask                 = a.regs[len(a.regs)-1]
	)
	a.Load(a.Param("dst").Base(), dst)
	a.Load(a.Param("src").Base(), src)
	a.Load(a.Param("dstStride"), dstStride)
	a.Load(a.Param("srcStride"), srcStride)
	a.Load(a.Param("rows"), rows)
	a.Load(a.Param("cols"), cols)
	a.SHLQ(operand.U8(2), dstStride)
	a.SHLQ(operand.U8(2), srcStride)
	a.LEAQ(operand.Mem{Base: src, Index: srcStride, Scale: 8}, far) // the hardware does not prefetch across pages
	narrow, end := a.fresh("narrow"), a.fresh("end")
	a.CMPQ(cols, operand.U8(uint8(a.lanes)))
	a.JLE(operand.LabelRef(narrow))
	a.SUBQ(operand.U8(uint8(a.lanes)), cols)
	for nv := 2; nv >= 1; nv-- {
		a.lanesMask(tail, cols, tmp, reg.K1, mask)
		loop := a.fresh("loop")
		a.Label(loop)
		for v := range nv {
			a.load(operand.Mem{Base: src, Disp: v * size}, v == nv-1, reg.K1, mask, a.regs[v])
		}
		for v := 0; v < nv*size; v += 64 {
			a.PREFETCHT0(operand.Mem{Base: far, Disp: v})
		}
		for v := range nv {
			a.VMOVUPS(a.regs[v], operand.Mem{Base: dst, Disp: v * size})
		}
		a.ADDQ(srcStride, src)
		a.ADDQ(srcStride, far)
		a.ADDQ(dstStride, dst)
		a.DECQ(rows)
		a.JNZ(operand.LabelRef(loop))
		if nv == 2 {
			a.JMP(operand.LabelRef(end))
			a.Label(narrow)
		}
	}
	a.Label(end)
	a.ret()
}

// transposePanel writes the function that transposes up to one vector of rows, in square blocks.
func (a *asm) transposePanel(tail operand.Mem) {
	a.function("is transposePanelGo for at most one vector of rows.", "transposePanel", panelSig, panelSig[4:])
	var (
		dst, src, p          = reg.RDI, reg.RSI, reg.R10
		dstStride, srcStride = reg.R8, reg.R9
		rows, cols, tmp, n   = reg.RDX, reg.RBX, reg.RAX, reg.R11
		lanes                = a.lanes
		mask                 = a.regs[len(a.regs)-1]
	)
	a.Load(a.Param("dst").Base(), dst)
	a.Load(a.Param("src").Base(), src)
	a.Load(a.Param("dstStride"), dstStride)
	a.Load(a.Param("srcStride"), srcStride)
	a.Load(a.Param("rows"), rows)
	a.Load(a.Param("cols"), cols)
	a.SHLQ(operand.U8(2), dstStride)
	a.SHLQ(operand.U8(2), srcStride)
	block, whole, shuffle, end := a.fresh("block"), a.fresh("whole"), a.fresh("shuffle"), a.fresh("end")
	a.Label(block)
	a.MOVQ(operand.U32(uint32(lanes)), n)
	a.CMPQ(cols, n)
	a.JGE(operand.LabelRef(whole))
	a.MOVQ(cols, n)
	a.Label(whole)
	a.lanesMask(tail, n, tmp, reg.K1, mask)
	a.MOVQ(src, p)
	for i := range lanes {
		// The mask's register is that of the last row: it is overwritten when it is needed no more.
		a.load(operand.Mem{Base: p}, true, reg.K1, mask, a.regs[i])
		if i < lanes-1 {
			a.CMPQ(rows, operand.U8(uint8(i+1)))
			a.JLE(operand.LabelRef(shuffle))
			a.ADDQ(srcStride, p)
		}
	}
	a.Label(shuffle)
	out := a.transpose()
	for i := range lanes {
		a.VMOVUPS(out[i], operand.Mem{Base: dst})
		a.ADDQ(dstStride, dst)
		a.DECQ(cols)
		a.JZ(operand.LabelRef(end))
	}
	a.ADDQ(operand.U8(uint8(4*lanes)), src)
	a.JMP(operand.LabelRef(block))
	a.Label(end)
	a.ret()
}

// transpose transposes the square block whose rows are the first registers, and returns the registers of its columns.
func (a *asm) transpose() []reg.VecPhysical {
	r, t := a.regs[:a.lanes], a.regs[a.lanes:2*a.lanes]
	for i := 0; i < a.lanes; i += 2 {
		a.VUNPCKLPS(r[i+1], r[i], t[i])
		a.VUNPCKHPS(r[i+1], r[i], t[i+1])
	}
	// Then r[4g+q], 128-bit lane l, holds rows 4g to 4g+3 of column 4l+q.
	for g := 0; g < a.lanes; g += 4 {
		for q := range 2 {
			a.VUNPCKLPD(t[g+2+q], t[g+q], r[g+2*q])
			a.VUNPCKHPD(t[g+2+q], t[g+q], r[g+2*q+1])
		}
	}
	if a.lanes == 8 {
		for q := range 4 {
			a.VPERM2F128(operand.U8(0x20), r[4+q], r[q], t[q])
			a.VPERM2F128(operand.U8(0x31), r[4+q], r[q], t[4+q])
		}
		return t
	}
	const even, odd = 0x88, 0xdd // lanes 0 and 2, lanes 1 and 3 of either source
	for q := range 4 {
		for h := range 2 {
			a.VSHUFF32X4(operand.U8(even), r[8*h+4+q], r[8*h+q], t[8*h+q])
			a.VSHUFF32X4(operand.U8(odd), r[8*h+4+q], r[8*h+q], t[8*h+4+q])
		}
		for l := range 2 {
			a.VSHUFF32X4(operand.U8(even), t[8+4*l+q], t[4*l+q], r[4*l+q])
			a.VSHUFF32X4(operand.U8(odd), t[8+4*l+q], t[4*l+q], r[8+4*l+q])
		}
	}
	return r
}
