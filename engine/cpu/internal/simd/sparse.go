package simd

import (
	"encoding/binary"
	"math"
	"runtime"
	"sync"
)

// Sparse is a data set's images as their nonzero pixels, cut into chunks of pixels so that the weights of a chunk stay
// in the innermost cache while a batch passes over them.
//
// The record of an image is Chunks+1 offsets, counted from the record's start, of where each chunk's nonzero pixels
// begin and the last ends, then for each nonzero pixel its number within the chunk in the high byte and its value in
// the low one: two bytes per pixel inked, in one stretch of memory.
type Sparse struct {
	Inputs    int // pixels per image
	ChunkRows int // pixels per chunk, at most 256
	Chunks    int
	recs      []uint16
	start     []uint32 // of each record
	tab       *Pixels
}

// NewSparse returns the sparse form of images, n×inputs, or nil when it does not pay or does not fit: more than share
// of the pixels are not 0, or a record or all of them are too long for their offsets.
func NewSparse(images []byte, inputs, chunkRows int, share float64) *Sparse {
	if chunkRows < 1 || chunkRows > 256 {
		return nil
	}
	n := len(images) / inputs
	chunks := (inputs + chunkRows - 1) / chunkRows
	s := &Sparse{Inputs: inputs, ChunkRows: chunkRows, Chunks: chunks, start: make([]uint32, n), tab: NewPixels()}
	inRanges(n, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			s.start[i] = uint32(countInk(images[i*inputs : (i+1)*inputs]))
		}
	})
	nonzero, total := 0, uint64(0)
	for i, k := range s.start {
		s.start[i] = uint32(total)
		nonzero += int(k)
		total += uint64(k) + uint64(chunks+1)
	}
	if inputs+chunks+1 > math.MaxUint16 || total > math.MaxUint32 || float64(nonzero) > share*float64(len(images)) {
		return nil
	}
	s.recs = make([]uint16, total)
	inRanges(n, func(lo, hi int) {
		for i := lo; i < hi; i++ {
			s.record(s.recs[s.start[i]:], images[i*inputs:(i+1)*inputs])
		}
	})
	return s
}

// inRanges calls f for ranges that make up 0 ≤ i < n, side by side.
func inRanges(n int, f func(lo, hi int)) {
	var wg sync.WaitGroup
	parts := runtime.GOMAXPROCS(0)
	for k := range parts {
		wg.Go(func() { f(n*k/parts, n*(k+1)/parts) })
	}
	wg.Wait()
}

// countInk counts the pixels that are not 0; images are mostly paper, so eight are looked at together.
func countInk(image []byte) (n int) {
	for ; len(image) >= 8; image = image[8:] {
		if word := binary.NativeEndian.Uint64(image); word != 0 {
			n += inkedBytes(image[:8])
		}
	}
	return n + inkedBytes(image)
}

func inkedBytes(image []byte) (n int) {
	for _, b := range image {
		if b != 0 {
			n++
		}
	}
	return n
}

// record writes an image's record.
func (s *Sparse) record(rec []uint16, image []byte) {
	at := s.Chunks + 1
	for c := range s.Chunks {
		rec[c] = uint16(at)
		part := image[c*s.ChunkRows : min((c+1)*s.ChunkRows, s.Inputs)]
		for k := 0; k < len(part); {
			if k+8 <= len(part) && binary.NativeEndian.Uint64(part[k:]) == 0 {
				k += 8
				continue
			}
			for end := min(k+8, len(part)); k < end; k++ {
				if b := part[k]; b != 0 {
					rec[at] = uint16(k)<<8 | uint16(b)
					at++
				}
			}
		}
	}
	rec[s.Chunks] = uint16(at)
}

// Bytes returns the memory that s takes.
func (s *Sparse) Bytes() int64 { return 2*int64(cap(s.recs)) + 4*int64(len(s.start)) }

// MaxColumns returns the most columns of Forward and Accumulate.
func (k *Kernels) MaxColumns() int { return k.groups * Lane }

// Forward adds x·W over the pixels of one chunk to z, for the images of order. z: len(order)×cols, row r at z[r·zs];
// w: the weights of all pixels, Inputs×cols, row i at w[i·ws]. cols is a multiple of [Lane], at most MaxColumns.
func (k *Kernels) Forward(z []float32, zs int, w []float32, ws int, s *Sparse, order []int32, chunk, cols int) {
	s.check(z, zs, w, ws, order, chunk, cols)
	k.forward[cols/Lane](z, zs, w[chunk*s.ChunkRows*ws:], ws, s.recs, s.start, order, chunk, (*[256]float32)(s.tab))
}

// Accumulate adds xᵀ·δ over the images of order to the rows of one chunk. g: the rows of this chunk, ChunkRows×cols (or
// what is left in the last chunk), row i at g[i·gs]; d: len(order)×cols, row r at d[r·ds]. The images of next, of the
// same number, are fetched into the cache on the way. cols is a multiple of [Lane], at most MaxColumns.
func (k *Kernels) Accumulate(g []float32, gs int, d []float32, ds int, s *Sparse, order, next []int32, chunk,
	cols int,
) {
	lo := chunk * s.ChunkRows
	rows := min(s.ChunkRows, s.Inputs-lo)
	_, _, _ = d[(len(order)-1)*ds+cols-1], g[(rows-1)*gs+cols-1], next[len(order)-1]
	k.update[cols/Lane](g, gs, d, ds, s.recs, s.start, order, next, chunk, (*[256]float32)(s.tab))
}

func (s *Sparse) check(z []float32, zs int, w []float32, ws int, order []int32, chunk, cols int) {
	_, _ = z[(len(order)-1)*zs+cols-1], w[(min((chunk+1)*s.ChunkRows, s.Inputs)-1)*ws+cols-1]
}
