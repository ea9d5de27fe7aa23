package cpu

import (
	"unsafe"

	"neuroloupe/engine"
	"neuroloupe/engine/cpu/internal/simd"
)

// layout says how a buffer lies in memory and which part of it a worker owns.
type layout uint8

const (
	batchRows layout = iota // one padded row per example; a worker owns rows of the step or columns, as a stage says
	vector                  // one padded row; a worker owns columns
	weights                 // padded rows; a worker owns rows
	blocks                  // a worker's columns lie together, in blocks of padded rows that fit the sparse kernels
)

// matrix is a buffer of a Program. Rows are padded to a multiple of sixteen float32s, one cache line, so that no kernel
// has a tail; what is in the padding is never used: widths are padded, depths and sums over a row are not.
type matrix struct {
	layout     layout
	rows, cols int
	stride     int // not of blocks
	data       []float32
	blocks     []block
	owned      []int // of blocks: data[owned[w]:owned[w+1]] is what worker w owns
	workers    int
}

// block is columns lo ≤ j < hi, rows×stride.
type block struct {
	lo, hi int
	stride int
	width  int // hi − lo in whole lanes
	at     int // in data
}

const line = 16 // float32s of a cache line

func roundUp(n, to int) int { return (n + to - 1) / to * to }

// aligned allocates float32s at the start of a cache line.
func aligned(n int) []float32 {
	s := make([]float32, n+line)
	skip := 0
	if r := uintptr(unsafe.Pointer(&s[0])) % (4 * line); r != 0 {
		skip = line - int(r)/4
	}
	return s[skip : skip+n : skip+n]
}

func newMatrix(l layout, rows, cols, workers, maxColumns int) *matrix {
	m := &matrix{layout: l, rows: rows, cols: cols, stride: roundUp(cols, line), workers: workers}
	if m.stride%(16*line) == 0 {
		m.stride += line // rows a power of two apart would share a few sets of the caches
	}
	if l != blocks {
		m.data = aligned(rows * m.stride)
		return m
	}
	at := 0
	for w := range workers {
		m.owned = append(m.owned, at)
		lo, hi := share(cols, workers, w)
		for n := (hi - lo + maxColumns - 1) / maxColumns; n > 0; n-- {
			mid := min(hi, lo+roundUp((hi-lo+n-1)/n, simd.Lane))
			b := block{lo: lo, hi: mid, stride: roundUp(mid-lo, line), width: roundUp(mid-lo, simd.Lane), at: at}
			m.blocks = append(m.blocks, b)
			at += rows * b.stride
			lo = mid
		}
	}
	m.owned = append(m.owned, at)
	m.data = aligned(at)
	return m
}

// share cuts n columns into whole lanes (whole cache lines where there are many) and returns those of worker w.
func share(n, workers, w int) (lo, hi int) {
	unit := simd.Lane
	if n >= 16*line {
		unit = line
	}
	units := (n + unit - 1) / unit
	return min(n, units*w/workers*unit), min(n, units*(w+1)/workers*unit)
}

// row returns row i with its padding; not of blocks.
func (m *matrix) row(i int) []float32 { return m.data[i*m.stride : (i+1)*m.stride] }

// own returns what worker w owns, padding included; not of batch rows. Nil of none.
func (m *matrix) own(w int) []float32 {
	if m == &none {
		return nil
	}
	switch m.layout {
	case vector:
		lo, hi := share(m.cols, m.workers, w)
		return m.data[lo:roundUp(hi, simd.Lane)]
	case weights:
		lo, hi := share(m.rows, m.workers, w)
		return m.data[lo*m.stride : hi*m.stride]
	}
	return m.data[m.owned[w]:m.owned[w+1]]
}

// ownBlocks returns the blocks of worker w.
func (m *matrix) ownBlocks(w int) []block {
	lo := 0
	for lo < len(m.blocks) && m.blocks[lo].at < m.owned[w] {
		lo++
	}
	hi := lo
	for hi < len(m.blocks) && m.blocks[hi].at < m.owned[w+1] {
		hi++
	}
	return m.blocks[lo:hi]
}

// write sets m from rows×cols values without padding, and the padding to 0.
func (m *matrix) write(src []float32) {
	clear(m.data)
	for i := range m.rows {
		row := src[i*m.cols : (i+1)*m.cols]
		if m.layout != blocks {
			copy(m.row(i), row)
		}
		for _, b := range m.blocks {
			copy(m.data[b.at+i*b.stride:], row[b.lo:b.hi])
		}
	}
}

// read is the reverse of write.
func (m *matrix) read(dst []float32) {
	for i := range m.rows {
		row := dst[i*m.cols : (i+1)*m.cols]
		if m.layout != blocks {
			copy(row, m.row(i))
		}
		for _, b := range m.blocks {
			copy(row[b.lo:b.hi], m.data[b.at+i*b.stride:])
		}
	}
}

// none stands for the state that a method does not have.
var none matrix

// cut returns data[lo:hi], nil of none.
func (m *matrix) cut(lo, hi int) []float32 {
	if m == &none {
		return nil
	}
	return m.data[lo:hi]
}

// transpose copies rows lo ≤ i < hi of weights r into the columns of their transposed copy.
func (w *worker) transpose(r engine.Ref, lo, hi int) {
	m, t := w.m[r], w.transposed[r]
	for i := lo; i < hi; i++ {
		for j, v := range m.row(i)[:m.cols] {
			t.data[j*t.stride+i] = v
		}
	}
}
