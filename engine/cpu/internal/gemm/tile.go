package gemm

// tile is a run of tiles of C that one call of a microkernel computes, each at a fixed distance from the one before.
// Distances are in bytes. The assembly knows the offsets of the fields; gen/tile.go repeats them.
type tile struct {
	a, b  []float32 // from the first tile's first element of A and B on
	c     []float32
	init  []float32 // where the sums start; nil means 0
	ahead []float32 // what is fetched into the cache meanwhile, a row of B a step

	k                   int // steps
	aRow, aStep         int // from a row of the tile to the next, from a step to the next
	bStep               int
	cRow, initRow       int
	aheadStep           int
	count               int // tiles, at least 1; 0 afterwards
	aNext, bNext, cNext int // from a tile to the next
	initNext, aheadNext int
	end                 int // what is done with the sums: endStore …
	last                int // lanes that count of the last vector of a row
	lr, l2              float32

	at [5]uintptr // the assembly's notes: where a, b, c, init and ahead are

	rows, cols int // of each tile; the assembly has them in its name
}

// What is done with a tile's sums s.
const (
	endStore = iota // c ← s
	endReLU         // c ← max(s, 0), NaN stays
	endSGD          // c ← c − lr·s
	endDecay        // c ← c − lr·(s + l2·c)
)

// Kinds of microkernels.
const (
	narrow = iota // up to one vector of columns
	wide          // up to two
	full          // two
	kinds
)

// tileGo is the microkernel of the Go tier, of at most goRows×goCols.
func tileGo(t *tile) {
	var a, b, c, init int
	for ; t.count > 0; t.count-- {
		var s [goRows][goCols]float32
		if t.init != nil {
			for i := range t.rows {
				copy(s[i][:t.cols], t.init[init+i*t.initRow/4:])
			}
		}
		if t.rows == goRows && t.cols == goCols && t.k > 0 {
			sumGo(t, &s, t.a[a:], t.b[b:])
		} else {
			for i := range t.rows {
				for j := range t.cols {
					v := s[i][j]
					for p := range t.k {
						v += float32(t.a[a+i*t.aRow/4+p*t.aStep/4] * t.b[b+j+p*t.bStep/4])
					}
					s[i][j] = v
				}
			}
		}
		for i := range t.rows {
			t.endGo(t.c[c+i*t.cRow/4:][:t.cols], s[i][:t.cols])
		}
		a += t.aNext / 4
		b += t.bNext / 4
		c += t.cNext / 4
		init += t.initNext / 4
	}
}

// sumGo is the loop over k of a whole tile.
func sumGo(t *tile, s *[goRows][goCols]float32, a0, b []float32) {
	a1 := a0[t.aRow/4:]
	aStep, bStep := t.aStep/4, t.bStep/4
	s00, s01, s02 := s[0][0], s[0][1], s[0][2]
	s10, s11, s12 := s[1][0], s[1][1], s[1][2]
	for p, ia, ib := t.k, 0, 0; p > 0; p, ia, ib = p-1, ia+aStep, ib+bStep {
		x, y, r := a0[ia], a1[ia], b[ib:ib+goCols:ib+goCols]
		s00 += float32(x * r[0])
		s10 += float32(y * r[0])
		s01 += float32(x * r[1])
		s11 += float32(y * r[1])
		s02 += float32(x * r[2])
		s12 += float32(y * r[2])
	}
	s[0], s[1] = [goCols]float32{s00, s01, s02}, [goCols]float32{s10, s11, s12}
}

// endGo ends the sums s of a row of a tile.
func (t *tile) endGo(c, s []float32) {
	switch t.end {
	case endStore:
		copy(c, s)
	case endReLU:
		for j, v := range s {
			if v < 0 {
				v = 0
			}
			c[j] = v
		}
	case endSGD:
		for j, v := range s {
			c[j] -= float32(t.lr * v) // rounded, also where the compiler could fuse the two
		}
	case endDecay:
		for j, v := range s {
			c[j] -= float32(t.lr * (v + float32(t.l2*c[j])))
		}
	}
}
