package simd

import "math"

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

// NewSparse returns the sparse form of images, n×inputs, or nil when it does not pay or does not fit: more than share of
// the pixels are not 0, or a record or all of them are too long for their offsets.
func NewSparse(images []byte, inputs, chunkRows int, share float64) *Sparse {
	if chunkRows < 1 || chunkRows > 256 {
		return nil
	}
	n := len(images) / inputs
	chunks := (inputs + chunkRows - 1) / chunkRows
	nonzero := 0
	for _, b := range images {
		if b != 0 {
			nonzero++
		}
	}
	total := nonzero + n*(chunks+1)
	if inputs+chunks+1 > math.MaxUint16 || uint64(total) > math.MaxUint32 ||
		float64(nonzero) > share*float64(len(images)) {
		return nil
	}
	s := &Sparse{
		Inputs: inputs, ChunkRows: chunkRows, Chunks: chunks,
		recs: make([]uint16, 0, total), start: make([]uint32, n), tab: NewPixels(),
	}
	for i := range n {
		at := len(s.recs)
		s.start[i] = uint32(at)
		s.recs = s.recs[:at+chunks+1]
		image := images[i*inputs : (i+1)*inputs]
		for c := range chunks {
			s.recs[at+c] = uint16(len(s.recs) - at)
			for k, b := range image[c*chunkRows : min((c+1)*chunkRows, inputs)] {
				if b != 0 {
					s.recs = append(s.recs, uint16(k)<<8|uint16(b))
				}
			}
		}
		s.recs[at+chunks] = uint16(len(s.recs) - at)
	}
	return s
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
func (k *Kernels) Accumulate(g []float32, gs int, d []float32, ds int, s *Sparse, order, next []int32, chunk, cols int) {
	lo := chunk * s.ChunkRows
	rows := min(s.ChunkRows, s.Inputs-lo)
	_, _, _ = d[(len(order)-1)*ds+cols-1], g[(rows-1)*gs+cols-1], next[len(order)-1]
	k.update[cols/Lane](g, gs, d, ds, s.recs, s.start, order, next, chunk, (*[256]float32)(s.tab))
}

func (s *Sparse) check(z []float32, zs int, w []float32, ws int, order []int32, chunk, cols int) {
	_, _ = z[(len(order)-1)*zs+cols-1], w[(min((chunk+1)*s.ChunkRows, s.Inputs)-1)*ws+cols-1]
}
