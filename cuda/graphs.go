//go:build gpu && linux && cgo && (amd64 || arm64)

package cuda

import (
	"errors"

	"neuroloupe/cuda/internal/driver"
	"neuroloupe/engine"
)

// graphs runs training steps as CUDA graphs: some steps recorded once, and launched as often as a call wants. What
// differs from call to call the kernels read from the Job, and the last kernel of a graph counts its steps there.
type graphs struct {
	flow  *flow
	steps *plan
	room  map[id]driver.Ptr
	cache map[graphKey]*driver.Graph
}

// graphKey says which steps a graph has.
type graphKey struct{ rows, steps int }

const (
	graphSteps = 16 // of the graphs that most steps of a long call run in
	maxGraphs  = 8  // kept: a long and a short one for a full batch and for what is left of an epoch, twice
)

// name names the values of the Program's training step.
func (g *graphs) name(e *executor) {
	f := newFlow(e.p, e.p.Train)
	g.flow, g.room, g.cache = f, map[id]driver.Ptr{}, map[graphKey]*driver.Graph{}
	for i := range f.code {
		if f.code[i].Op == engine.OpUpdate {
			e.pairOf(&f.code[i]) // numbers them before the first call
		}
	}
}

// plan fuses the step.
func (g *graphs) plan(e *executor) {
	g.steps = g.flow.plan(e.floats(e.p.Capacity), g.flow.current(e.p.Loss))
}

// stored returns the values that need room, in order.
func (g *graphs) stored() []id { return stored(g.flow, g.steps) }

// stored returns the values of a plan that need room besides parameters and state, in order.
func stored(f *flow, p *plan) []id {
	var vs []id
	for v := range f.values {
		if p.stored[id(v)] && !resident(f.p, f.values[v].ref) {
			vs = append(vs, id(v))
		}
	}
	return vs
}

// pieces says which graphs a call of n steps runs, in order, and how often each.
func pieces(s engine.Steps, f func(k graphKey, times int) error) error {
	full := s.Count()
	tail := s.Rows(full - 1)
	if tail < s.Batch {
		full--
	}
	if err := f(graphKey{s.Batch, graphSteps}, full/graphSteps); err != nil {
		return err
	}
	if err := f(graphKey{s.Batch, 1}, full%graphSteps); err != nil {
		return err
	}
	if tail < s.Batch {
		return f(graphKey{tail, 1}, 1)
	}
	return nil
}

// prepare records the graphs that a call needs and that are not there.
func (g *graphs) prepare(e *executor, s engine.Steps) error {
	missing := 0
	count := func(k graphKey, times int) error {
		if times > 0 && g.cache[k] == nil {
			missing++
		}
		return nil
	}
	if err := pieces(s, count); err != nil {
		return err
	}
	if len(g.cache)+missing > maxGraphs {
		if err := g.close(); err != nil {
			return err
		}
	}
	return pieces(s, func(k graphKey, times int) error {
		if times == 0 || g.cache[k] != nil {
			return nil
		}
		graph, err := g.record(e, k)
		if err == nil {
			g.cache[k] = graph
		}
		return err
	})
}

// record makes the graph of k.
func (g *graphs) record(e *executor, k graphKey) (*driver.Graph, error) {
	var actions []action
	for step := range k.steps {
		as, err := e.emit(g.flow, g.steps, g.room, k.rows, step)
		if err != nil {
			return nil, err
		}
		if step == 0 {
			if err := e.warm(as); err != nil {
				return nil, err
			}
		}
		actions = append(actions, as...)
	}
	one := [3]int{1, 1, 1}
	actions = append(actions, action{
		launch: driver.NewLaunch(e.runtime.function("advance"), one, [3]int{32, 1, 1}, 0, e.job, k.steps),
	})
	return driver.Capture(e.stream, func() error {
		for i := range actions {
			if err := actions[i].run(e.stream); err != nil {
				return err
			}
		}
		return nil
	})
}

// train gives the steps of a call to the stream.
func (g *graphs) train(e *executor, s engine.Steps, j job) error {
	if err := e.setJob(j); err != nil {
		return err
	}
	return pieces(s, func(k graphKey, times int) error {
		for range times {
			if err := g.cache[k].Launch(e.stream); err != nil {
				return err
			}
		}
		return nil
	})
}

// close forgets the graphs.
func (g *graphs) close() error {
	var errs []error
	for k, graph := range g.cache {
		errs = append(errs, graph.Close())
		delete(g.cache, k)
	}
	return errors.Join(errs...)
}
