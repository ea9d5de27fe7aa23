package main

import (
	"github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// peakChains is the number of independent sums: more than latency times throughput of a fused multiply-add (4 × 2).
const peakChains = 12

// peak writes a loop of fused multiply-adds on registers.
func (a *asm) peak() {
	a.function("runs n turns of twelve fused multiply-adds of whole vectors.", "peak", "func(n int)", "(n int)")
	n := reg.RAX
	a.Load(a.Param("n"), n)
	for _, r := range a.regs[:peakChains+2] {
		a.zero(r)
	}
	loop := a.fresh("loop")
	a.Label(loop)
	for _, r := range a.regs[:peakChains] {
		a.VFMADD231PS(a.regs[peakChains], a.regs[peakChains+1], r)
	}
	a.DECQ(n)
	a.JNZ(operand.LabelRef(loop))
	a.ret()
}
