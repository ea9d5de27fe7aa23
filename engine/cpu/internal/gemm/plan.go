package gemm

// Sizes of blocks. They are chosen for 32 KiB of L1 and 1 MiB of L2 per core.
const (
	maxSteps   = 1024    // steps of k in one block
	maxCols    = 1024    // columns of C in one block
	partRows   = 256     // rows of C in one block when k is cut
	blockA     = 1 << 17 // elements of A that are to stay in L2 while panels of B pass
	blockB     = 3 << 15 // elements of B that are to stay in L2 while tiles of A pass
	byRowB     = 2 * blockB
	funcPanels = 8  // panels of C after which they are given to Epilogue.Func
	line       = 16 // elements of a cache line

	// Rows of C that are a multiple of 4 KiB apart share a set of the L1 cache, which holds eight lines. Where k is so
	// short that reading and writing C takes the time, a tile has fewer rows than that.
	wayStride = 1024
	shortTile = 7
	fewSteps  = 128
)

// Ways to read an operand.
const (
	direct    = iota // as it is
	packPanel        // a copy of a panel (B) or tile (A) is made just before it is used
	packBlock        // a copy of a block is made, for all of the other operand
)

// plan says how a product is cut up. k is the innermost cut: a block's partial sums wait in the scratch for the next.
type plan struct {
	Shape
	rows, cols, steps int  // of a block
	byRow             bool // tiles side by side follow each other, not tiles one below the other
	packA, packB      int
	strideA           int // elements from a row to the next of a packed A
}

func (k *Kernel) plan(s Shape) plan {
	l := plan{Shape: s, steps: even(s.K, maxSteps)}
	l.rows, l.cols = s.M, min(s.N, maxCols)
	switch {
	case s.Op == NN && s.M <= k.mr: // one tile high: B is read once
		l.byRow = true
		if s.N > 4*k.nr {
			l.packA = packBlock
			l.strideA = padded(l.steps)
		}
	case s.Op == TN && s.N > 4*k.nr && l.steps*s.N <= byRowB: // C is large and k short: along the rows of C
		l.byRow = true
		l.packA = packPanel
		l.strideA = roundUp(k.mr, k.lanes)
		l.cols = min(l.cols, max(blockB/max(l.steps, 1)/k.nr, 1)*k.nr)
		if s.M > 4*k.mr {
			l.packB = packBlock
		}
	default:
		most := k.rowsOfA(l.steps)
		l.rows = even(s.M, most)
		switch small := l.steps*s.N <= blockA; {
		case k.nr < line || l.rows < s.M && !small:
			l.packB = packBlock
		case s.Op == NT || !small && (k.nr < 2*line || s.M > 5*k.mr):
			l.packB = packPanel
		}
		if s.N > k.nr {
			l.packA = packBlock
			l.strideA = padded(l.steps)
			if s.Op == TN {
				l.strideA = padded(l.rows)
			}
		}
	}
	if l.steps < s.K {
		l.rows = min(l.rows, partRows)
	}
	return l
}

// sizes returns the elements that the pack buffers for A, B and partial sums must have.
func (l *plan) sizes(k *Kernel) (a, b, p int) {
	switch {
	case l.packA != direct && l.Op == TN:
		a = l.steps * l.strideA
	case l.packA != direct:
		a = l.rows * l.strideA
	}
	switch l.packB {
	case packPanel:
		b = l.steps * k.nr
	case packBlock:
		b = l.steps * roundUp(l.cols, k.nr)
	}
	if l.steps < l.K {
		p = l.rows * l.cols
	}
	return a, b, p
}

// bound returns sizes for a product and all with smaller M or N, which may be planned in another way.
func (k *Kernel) bound(s Shape) (a, b, p int) {
	steps := even(s.K, maxSteps)
	rows, cols := min(s.M, k.rowsOfA(steps)), min(s.N, maxCols)
	a = rows * padded(steps)
	if s.Op == TN {
		a = steps * padded(rows)
	}
	b = steps * roundUp(cols, k.nr)
	if steps < s.K {
		p = min(s.M, partRows) * cols
	}
	return a, b, p
}

// rowsOfA is the most rows of a block of A with that many steps.
func (k *Kernel) rowsOfA(steps int) int { return max(blockA/max(steps, 1)/k.mr, 1) * k.mr }

// even returns the size of the blocks when n is cut into as few as possible of at most limit, of about the same size.
func even(n, limit int) int {
	blocks := max((n+limit-1)/limit, 1)
	return (n + blocks - 1) / blocks
}

func roundUp(n, unit int) int { return (n + unit - 1) / unit * unit }

// padded is the distance of rows of n elements in a packed block: an odd number of cache lines, so that neighbouring
// rows lie in different sets of the cache.
func padded(n int) int { return roundUp(n, 2*line) + line }
