package gemm

// drive is one product under way. A block is rows i0 ≤ i < i1 of C, columns j0 ≤ j < j1, and steps p0 ≤ p < p1 of k.
type drive struct {
	*Kernel
	*Scratch
	plan
	c, a, b Matrix
	ep      Epilogue

	i0, i1, j0, j1, p0, p1 int
	most                   int // rows of a tile
}

func (d *drive) run() {
	d.most = d.mr
	if d.K <= fewSteps && d.c.Stride%wayStride == 0 || d.packA == direct && d.Op != TN && d.a.Stride%wayStride == 0 {
		d.most = min(d.mr, shortTile)
	}
	for d.j0 = 0; d.j0 < d.N; d.j0 = d.j1 {
		d.j1 = min(d.j0+d.cols, d.N)
		for d.i0 = 0; d.i0 < d.M; d.i0 = d.i1 {
			d.i1 = min(d.i0+d.rows, d.M)
			for d.p0 = 0; ; d.p0 = d.p1 {
				d.p1 = min(d.p0+d.steps, d.K)
				d.block()
				if d.p1 == d.K {
					break
				}
			}
		}
	}
}

func (d *drive) block() {
	cut := d.steps < d.K
	if d.packB == packBlock && (d.i0 == 0 || cut) {
		d.packBlockB()
	}
	if d.packA == packBlock && d.K > 0 && (d.j0 == 0 || cut || d.rows < d.M) {
		src, rows, cols := d.i0*d.a.Stride+d.p0, d.i1-d.i0, d.p1-d.p0
		if d.Op == TN {
			src, rows, cols = d.p0*d.a.Stride+d.i0, cols, rows
		}
		copyPanelGo(d.Scratch.a, d.a.Data[src:], d.strideA, d.a.Stride, rows, cols)
	}
	d.start()
	if d.byRow {
		d.eachRow()
	} else {
		d.eachPanel()
	}
}

// start sets what is the same for all tiles of a block.
func (d *drive) start() {
	t := &d.t
	t.k = d.p1 - d.p0
	t.lr, t.l2 = d.ep.LR, d.ep.L2
	t.end = endStore
	switch {
	case d.p1 < d.K:
	case d.ep.ReLU:
		t.end = endReLU
	case d.ep.Mode == Add:
		t.end, t.lr = endSGD, -1
	case d.ep.Mode == Update && d.ep.L2 == 0:
		t.end = endSGD // 0 times an infinite weight would be NaN
	case d.ep.Mode == Update:
		t.end = endDecay
	}
	t.cRow = 4 * d.c.Stride
	if d.p1 < d.K {
		t.cRow = 4 * d.cols
	}
	t.initRow = 0
	if d.p0 > 0 {
		t.initRow = 4 * d.cols
	}
	t.aRow, t.aStep = 4*d.a.Stride, 4
	if d.packA != direct {
		t.aRow = 4 * d.strideA
	}
	if d.Op == TN {
		t.aRow, t.aStep = t.aStep, t.aRow
	}
	t.bStep = 4 * d.nr
	if d.packB == direct {
		t.bStep = 4 * d.b.Stride
	}
	t.aheadStep = t.bStep
}

// eachPanel goes over the panels of C's columns, and within one over its tiles.
func (d *drive) eachPanel() {
	done := d.j0
	for j := d.j0; j < d.j1; j += d.nr {
		d.setB(j)
		lo := d.i0
		for _, g := range groups(d.i1-d.i0, d.most) {
			if g.count == 0 {
				continue
			}
			if lo == d.i0 && d.aheadOf(j+d.nr) {
				d.setA(lo)
				d.tiles(lo, j, group{g.rows, 1}, 0)
				d.t.ahead, d.t.aheadStep = d.t.b, d.t.bStep
				lo += g.rows
				if g.count--; g.count == 0 {
					continue
				}
			}
			d.setA(lo)
			d.tiles(lo, j, g, 0)
			lo += g.rows * g.count
		}
		if end := min(j+d.nr, d.j1); end == d.j1 || end-done >= funcPanels*d.nr {
			d.final(d.i0, d.i1, done, end)
			done = end
		}
	}
}

// aheadOf has the next tile fetch the panel of column j into the cache, if that has yet to be packed. Rows of a B to be
// transposed are long enough for the hardware to see ahead.
func (d *drive) aheadOf(j int) bool {
	if d.packB != packPanel || d.Op == NT || j >= d.j1 || d.K == 0 {
		return false
	}
	d.t.ahead, d.t.aheadStep = d.b.Data[d.p0*d.b.Stride+j:], 4*d.b.Stride
	return true
}

// eachRow goes over the tiles of C's rows, and within one over the panels.
func (d *drive) eachRow() {
	lo := d.i0
	for _, g := range groups(d.i1-d.i0, d.most) {
		for range g.count {
			if d.packA == packPanel && d.K > 0 {
				d.copyPanel(d.Scratch.a, d.a.Data[d.p0*d.a.Stride+lo:], d.strideA, d.a.Stride, d.p1-d.p0, g.rows)
			}
			d.setA(lo)
			one := group{rows: g.rows, count: 1}
			whole := (d.j1 - d.j0) / d.nr
			if whole > 0 {
				d.setB(d.j0)
				d.tiles(lo, d.j0, one, whole)
			}
			if j := d.j0 + whole*d.nr; j < d.j1 {
				d.setB(j)
				d.tiles(lo, j, one, 0)
			}
			d.final(lo, lo+g.rows, d.j0, d.j1)
			lo += g.rows
		}
	}
}

// group is a number of tiles with the same number of rows.
type group struct{ rows, count int }

// groups cuts n rows into as few tiles of at most limit rows as possible, of about the same size, the larger ones
// first.
func groups(n, limit int) [2]group {
	count := (n + limit - 1) / limit
	more := n % count
	return [2]group{{n/count + 1, more}, {n / count, count - more}}
}

func (d *drive) setA(i int) {
	t := &d.t
	switch {
	case d.K == 0:
		t.a = nil
	case d.packA == direct:
		t.a = d.a.Data[(i*t.aRow+d.p0*t.aStep)/4:]
	case d.packA == packPanel:
		t.a = d.Scratch.a
	default:
		t.a = d.Scratch.a[(i-d.i0)*t.aRow/4:]
	}
}

// panelB returns where the packed panel of column j is.
func (d *drive) panelB(j int) []float32 {
	if d.packB == packPanel {
		return d.Scratch.b
	}
	return d.Scratch.b[(j-d.j0)*(d.p1-d.p0):]
}

func (d *drive) setB(j int) {
	if d.K == 0 {
		d.t.b, d.t.ahead = nil, nil
		return
	}
	switch d.packB {
	case direct:
		d.t.b = d.b.Data[d.p0*d.b.Stride+j:]
	case packPanel:
		d.packPanelB(j, d.p0, d.p1, d.Scratch.b)
		d.t.b = d.Scratch.b
	case packBlock:
		d.t.b = d.panelB(j)
	}
	d.t.ahead = d.t.b
	if d.packB == direct {
		d.t.ahead = d.t.b[min(8*d.b.Stride, len(d.t.b)-1):]
	}
}

// packBlockB copies all panels of a block. If panels are narrower than a cache line it goes over them a few steps at a
// time, so that a line is fetched once and not once for each panel.
func (d *drive) packBlockB() {
	steps := d.p1 - d.p0
	if d.nr < line && d.Op != NT {
		steps = line
	}
	for p := d.p0; p < d.p1; p += steps {
		for j := d.j0; j < d.j1; j += d.nr {
			d.packPanelB(j, p, min(p+steps, d.p1), d.panelB(j)[(p-d.p0)*d.nr:])
		}
	}
}

// packPanelB copies steps p0 ≤ p < p1 of columns j … of op(B) to dst, nr elements a step.
func (d *drive) packPanelB(j, p0, p1 int, dst []float32) {
	cols := min(d.nr, d.j1-j)
	if d.Op != NT {
		d.copyPanel(dst, d.b.Data[p0*d.b.Stride+j:], d.nr, d.b.Stride, p1-p0, cols)
		return
	}
	for v := 0; v < cols; v += d.lanes {
		d.transposePanel(dst[v:], d.b.Data[(j+v)*d.b.Stride+p0:], d.nr, d.b.Stride, min(d.lanes, cols-v), p1-p0)
	}
}

// tiles runs the microkernel on tiles that start with element (i, j) of C: g.count tiles one below the other, or, if
// panels is not 0, that many side by side.
func (d *drive) tiles(i, j int, g group, panels int) {
	t := &d.t
	t.c = d.c.Data[i*d.c.Stride+j:]
	partial := d.p
	if d.steps < d.K {
		partial = d.p[(i-d.i0)*d.cols+j-d.j0:]
	}
	if d.p1 < d.K {
		t.c = partial
	}
	t.init = nil
	switch {
	case d.p0 > 0:
		t.init = partial
	case d.ep.Bias != nil:
		t.init = d.ep.Bias[j:]
	}
	t.rows, t.cols = g.rows, min(d.nr, d.j1-j)
	kind := full
	t.last = d.lanes
	if t.cols < d.nr {
		kind = narrow
		t.last = t.cols
		if t.cols > d.lanes {
			kind = wide
			t.last -= d.lanes
		}
	}
	if panels > 0 {
		t.count = panels
		t.aNext, t.cNext, t.initNext = 0, 4*d.nr, 4*d.nr
		t.bNext = 4 * d.nr
		if d.packB != direct {
			t.bNext *= d.p1 - d.p0
		}
	} else {
		t.count = g.count
		t.aNext, t.bNext, t.cNext, t.initNext = g.rows*t.aRow, 0, g.rows*t.cRow, g.rows*t.initRow
	}
	t.aheadNext = t.bNext
	if t.init == nil {
		t.initNext = 0
	}
	d.Kernel.tiles[kind][g.rows](t)
}

// final gives a part of C that is done to the caller's function.
func (d *drive) final(i0, i1, j0, j1 int) {
	if d.ep.Func == nil || d.p1 < d.K {
		return
	}
	for i := i0; i < i1; i++ {
		d.ep.Func(i, j0, d.c.Data[i*d.c.Stride+j0:i*d.c.Stride+j1])
	}
}
