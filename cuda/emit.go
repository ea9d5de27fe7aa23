//go:build gpu && linux && cgo && (amd64 || arm64)

package cuda

import (
	"fmt"

	"neuroloupe/cuda/internal/driver"
	"neuroloupe/engine"
)

// action is one thing that a stream is given: a launch, or a product by cuBLAS.
type action struct {
	launch  driver.Launch
	product func(s *driver.Stream) error
}

func (a *action) run(s *driver.Stream) error {
	if a.product != nil {
		return a.product(s)
	}
	return a.launch.Run(s)
}

// emitter turns the nodes of a plan into actions for steps of so many rows.
type emitter struct {
	*executor
	f       *flow
	room    map[id]driver.Ptr // of values that are not resident
	rows    int
	narrow  map[id]bool // values that lie there as bfloat16
	step    int         // of the graph
	actions []action
	rounded map[driver.Ptr]driver.Ptr // factors of the step that are rounded already
	err     error
}

// emit returns the actions of step number step of a graph.
func (e *executor) emit(f *flow, p *plan, room map[id]driver.Ptr, rows, step int) ([]action, error) {
	m := &emitter{
		executor: e, f: f, room: room, rows: rows, narrow: e.findNarrow(f, p, rows), step: step,
		rounded: map[driver.Ptr]driver.Ptr{},
	}
	for _, n := range p.nodes {
		switch n := n.(type) {
		case *denseNode:
			m.dense(n)
		case *deltaNode:
			m.delta(n)
		case *gradientNode:
			m.gradient(n)
		case *lossNode:
			m.loss(n)
		case *reportNode:
			m.launch("report_loss", [2]int{1, 1}, 32, m.job, m.step, m.at(n.mean))
		case *instrNode:
			if err := m.instr(n); err != nil {
				return nil, err
			}
		}
	}
	return m.actions, m.err
}

// at returns where a value lies; 0 for none.
func (m *emitter) at(v id) driver.Ptr {
	if v == none {
		return 0
	}
	if p, ok := m.resident[m.f.values[v].ref]; ok {
		return p
	}
	return m.room[v]
}

func (m *emitter) cols(v id) int { return m.f.buffer(v).Cols }

// len returns the number of elements of a value in the step.
func (m *emitter) len(v id) int { return m.f.buffer(v).Len(m.rows) }

func (m *emitter) launch(name string, grid [2]int, threads int, args ...any) {
	l := driver.NewLaunch(m.runtime.function(name), [3]int{grid[0], grid[1], 1}, [3]int{threads, 1, 1}, 0, args...)
	m.actions = append(m.actions, action{launch: l})
}

const threads = 256 // of a block of every kernel of the graph mode

// perElement launches a kernel for n elements, with a thread for four.
func (m *emitter) perElement(name string, n int, args ...any) {
	m.launch(name, [2]int{ceil(n, 4*threads), 1}, threads, args...)
}

// perRow launches a kernel with a warp for each row.
func (m *emitter) perRow(name string, args ...any) {
	m.launch(name, [2]int{ceil(m.rows, threads/32), 1}, threads, args...)
}

func ceil(n, d int) int { return (n + d - 1) / d }

// tile is one of the sizes of a block's share of a product; see dense.cu.
type tile struct {
	name string
	m, n int
}

var tiles = [...]tile{{"large", 128, 128}, {"medium", 64, 64}, {"small", 16, 32}}

// tileFor picks the tile of an M×N product of k terms for a device with so many multiprocessors: the largest that gives
// each something to do. The small one shares out the terms; few of them are not worth it.
func tileFor(m, n, k, multiprocessors int) tile {
	blocks := func(t tile) int { return ceil(m, t.m) * ceil(n, t.n) }
	switch {
	case blocks(tiles[0]) >= multiprocessors:
		return tiles[0]
	case blocks(tiles[1]) >= multiprocessors/2 || k <= 64 && m > 16:
		return tiles[1]
	default:
		return tiles[2]
	}
}

// product launches kernel name in the tile for an M×N product of k terms.
func (m *emitter) product(name string, M, N, k int, args ...any) {
	t := tileFor(M, N, k, m.runtime.ctx.Info().SMs)
	m.launch(name+"_"+t.name, [2]int{ceil(N, t.n), ceil(M, t.m)}, threads, args...)
}

func (m *emitter) dense(n *denseNode) {
	w := m.f.buffer(n.w)
	in, out := w.Rows, w.Cols
	if m.byBLAS(m.f, n, m.rows) {
		z := result{p: m.at(n.z)}
		if z.p == 0 {
			z = result{m.scratch, m.narrow[n.a] || m.narrow[n.h]}
		}
		m.gemm(operand{n.x, false}, operand{n.w, false}, z, m.rows, out, in)
		m.perElement("finish_dense", m.rows*out, m.rows, out, z.p, m.job, m.step, m.at(n.b), m.at(n.z), m.at(n.a),
			m.at(n.h), m.at(n.mask),
			int(n.act), n.keep, m.p.Spec.Seed, n.layer, m.flags(z.narrow, n.a, n.h))
		return
	}
	name := "dense"
	if n.x == none {
		name = "dense_bytes"
	}
	m.product(name, m.rows, out, in, m.rows, in, out, m.at(n.x), m.job, m.step, m.at(n.w), m.at(n.b), m.at(n.z),
		m.at(n.a), m.at(n.h),
		m.at(n.mask), int(n.act), n.keep, m.p.Spec.Seed, n.layer)
}

func (m *emitter) delta(n *deltaNode) {
	w := m.f.buffer(n.w)
	in, out := w.Rows, w.Cols
	if m.byBLAS(m.f, n, m.rows) {
		dx := result{m.at(n.out), m.narrow[n.out]}
		m.gemm(operand{n.delta, false}, operand{n.w, true}, dx, m.rows, in, out)
		if n.mask != none || n.a != none {
			m.perElement("finish_delta", m.rows*in, int64(m.rows*in), dx.p, m.at(n.mask), m.at(n.a), int(n.act), dx.p,
				m.flags(dx.narrow, n.a, n.out))
		}
		return
	}
	m.product("dense_dx", m.rows, in, out, m.rows, in, out, m.at(n.delta), m.at(n.w), m.at(n.mask), m.at(n.a),
		int(n.act), m.at(n.out))
}

func (m *emitter) gradient(n *gradientNode) {
	in, out := m.p.Spec.Inputs, m.cols(n.delta)
	if n.x != none {
		in = m.cols(n.x)
	}
	if m.byBLAS(m.f, n, m.rows) {
		grad := m.at(n.grad)
		if grad == 0 {
			grad = m.scratch
		}
		m.gemm(operand{n.x, true}, operand{n.delta, false}, result{p: grad}, in, out, m.rows)
		if n.weights != nil {
			m.update(n.weights, grad, 1)
		}
		if n.biases != nil {
			parts := min(ceil(m.rows, rowsOfPart), mostParts)
			m.columnSums(n.delta, parts, m.scratch)
			m.update(n.biases, m.scratch, parts)
		}
		return
	}
	name := "dense_dw"
	if n.x == none {
		name = "dense_dw_bytes"
	}
	var rule engine.Instr
	var w, b [3]driver.Ptr
	pair := 0
	if n.weights != nil {
		rule, pair = n.weights.Instr, m.pairOf(n.weights)
		w = m.parameter(n.weights)
	}
	if n.biases != nil {
		b = m.parameter(n.biases)
	}
	m.product(name, in, out, m.rows, m.rows, in, out, m.at(n.x), m.job, m.step, m.at(n.delta), m.at(n.grad), w[0], w[1],
		w[2], b[0], b[1], b[2],
		int(rule.Method), rule.Momentum, rule.Beta1, rule.Beta2, rule.Epsilon, rule.L2, rule.L1, pair)
}

// parameter returns where the parameter of an update and its state lie; 0 for state that the method does not keep.
func (m *emitter) parameter(u *step) [3]driver.Ptr {
	delete(m.rounded, m.at(u.out)) // it is about to change
	return [3]driver.Ptr{m.at(u.out), m.at(u.in[1]), m.at(u.in[2])}
}

// update changes a parameter by the sum of `parts` gradients, one behind the other.
func (m *emitter) update(u *step, grad driver.Ptr, parts int) {
	p := m.parameter(u)
	n := m.len(u.out)
	m.perElement("apply_update", n, int64(n), grad, parts, m.job, m.step, p[0], p[1], p[2],
		int(u.Method), u.Momentum, u.Beta1, u.Beta2, u.Epsilon, u.L2, u.L1, m.pairOf(u))
}

// The rows of δ are summed in parts side by side, of at least so many rows; a few parts are enough to fill a device.
const (
	rowsOfPart = 128
	mostParts  = 16
)

func (m *emitter) columnSums(delta id, parts int, out driver.Ptr) {
	cols := m.cols(delta)
	m.launch("column_sums", [2]int{ceil(cols, 128), parts}, threads, m.rows, cols, ceil(m.rows, parts), m.at(delta),
		m.flags(m.narrow[delta], none, none), out)
}

func (m *emitter) loss(n *lossNode) {
	report := 0
	if n.report {
		report = 1
	}
	m.perRow("loss", m.rows, m.cols(n.p), m.at(n.p), m.at(n.y), m.job, m.step, int(n.in.Loss), int(n.act), m.at(n.dp),
		m.at(n.dz),
		m.at(n.mean), report, m.rowLoss, m.count)
}

func (m *emitter) instr(n *instrNode) error {
	out, count := m.at(n.out), m.len(n.out)
	var in [3]driver.Ptr
	for k, v := range n.in {
		in[k] = m.at(v)
	}
	elements := func(name string, args ...any) { m.perElement(name, count, append([]any{int64(count)}, args...)...) }
	switch n.Op {
	case engine.OpImages:
		m.perElement("images", count, m.rows, m.cols(n.out), m.job, m.step, out, m.flags(false, none, n.out))
	case engine.OpLabels:
		m.perElement("labels", count, m.rows, m.cols(n.out), m.job, m.step, out)
	case engine.OpMask:
		elements("mask", m.job, m.step, n.Keep, m.p.Spec.Seed, n.Layer, out)
	case engine.OpDenseDB:
		m.columnSums(n.in[0], 1, out)
	case engine.OpActivate:
		if n.Activation == engine.Softmax {
			m.perRow("softmax", m.rows, m.cols(n.out), in[0], out)
		} else {
			null := driver.Ptr(0)
			m.perElement("finish_dense", count, m.rows, m.cols(n.out), in[0], m.job, m.step, null, null, out, null,
				null,
				int(n.Activation), float32(0), uint64(0), 0, 0)
		}
	case engine.OpActivateGrad:
		if n.Activation == engine.Softmax {
			m.perRow("softmax_grad", m.rows, m.cols(n.out), in[0], in[1], out)
		} else {
			elements("finish_delta", in[1], driver.Ptr(0), in[0], int(n.Activation), out, 0)
		}
	case engine.OpMul:
		elements("finish_delta", in[0], in[1], driver.Ptr(0), 0, out, 0)
	case engine.OpAdd:
		elements("add", in[0], in[1], out)
	case engine.OpPenaltyGrad:
		elements("penalty_grad", in[0], n.L2, n.L1, out)
	case engine.OpUpdate:
		m.update(&n.step, in[0], 1)
	default:
		return fmt.Errorf("cuda: instruction %v by itself", n.Op) // a fault of the fuser
	}
	return nil
}
