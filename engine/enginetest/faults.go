package enginetest

import (
	"fmt"
	"slices"
	"strings"

	"neuroloupe/engine"
)

const (
	faultExamples = 24
	faultCapacity = 6
)

// fault is a call that must fail with an error in which the words stand, and change nothing.
type fault struct {
	name  string
	call  func(r *rig) error
	words []string
}

func faultSpec() engine.Spec {
	s := network([]int{7, 5, 3}, engine.Sigmoid, engine.Softmax, engine.CrossEntropy)
	s.Update = engine.Update{Method: engine.Momentum, Momentum: 0.9}
	return s
}

func faultChecks() []check {
	var all []fault
	all = append(all, exchangeFaults()...)
	all = append(all, stepFaults()...)
	all = append(all, queryFaults()...)
	all = append(all, dataFaults()...)
	all = append(all, programFaults()...)
	return each("", all, func(f fault) string { return f.name }, (*bench).fault)
}

// exchangeFaults are calls of Write and Read.
func exchangeFaults() []fault {
	weight := func(n int) engine.Tensor {
		return engine.Tensor{Name: engine.WeightName(2), Shape: []int{n}, Data: make([]float32, n)}
	}
	bias := engine.Tensor{Name: engine.BiasName(1), Shape: []int{5}, Data: make([]float32, 5)}
	unknown := engine.Tensor{Name: "layer3.weight", Shape: []int{1}, Data: make([]float32, 1)}
	state := engine.Tensor{Name: engine.BiasName(1) + ".m", Shape: []int{5}, Data: make([]float32, 5)}
	short, long := weight(14), weight(16)
	scratch := func(r *rig) engine.Tensor {
		loss := r.program.Buffers[r.program.Loss]
		return engine.Tensor{Name: loss.Name, Shape: []int{1}, Data: make([]float32, loss.Len(1))}
	}
	return []fault{
		{"write/unknown-name", func(r *rig) error { return r.Write(unknown) }, []string{"layer3.weight"}},
		{"write/no-name", func(r *rig) error { return r.Write(engine.Tensor{}) }, nil},
		{"write/state-of-another-method", func(r *rig) error { return r.Write(state) }, []string{"layer1.bias.m"}},
		{"write/scratch", func(r *rig) error { return r.Write(scratch(r)) }, nil},
		{"write/too-short", func(r *rig) error { return r.Write(short) }, []string{"layer2.weight", "14"}},
		{"write/too-long", func(r *rig) error { return r.Write(long) }, []string{"layer2.weight", "16"}},
		{"write/good-then-unknown", func(r *rig) error { return r.Write(bias, unknown) }, []string{"layer3.weight"}},
		{"write/good-then-short", func(r *rig) error { return r.Write(bias, short) }, []string{"layer2.weight"}},
		{"read/unknown-name", func(r *rig) error { return r.Read(unknown) }, []string{"layer3.weight"}},
		{"read/state-of-another-method", func(r *rig) error { return r.Read(state) }, []string{"layer1.bias.m"}},
		{"read/scratch", func(r *rig) error { return r.Read(scratch(r)) }, nil},
		{"read/too-short", func(r *rig) error { return r.Read(short) }, []string{"layer2.weight", "14"}},
		{"read/too-long", func(r *rig) error { return r.Read(long) }, []string{"layer2.weight", "16"}},
		{"read/good-then-unknown", func(r *rig) error { return r.Read(bias, unknown) }, []string{"layer3.weight"}},
	}
}

// stepFaults are calls of Train. The first steps of most would be good: none of them may be done.
func stepFaults() []fault {
	train := func(change func(s *engine.Steps)) func(r *rig) error {
		return func(r *rig) error {
			s := steps(shuffled(source("faults"), faultExamples, 20), 5, 0, runRate)
			s.Data = r.ref
			change(&s)
			return r.Train(s)
		}
	}
	return []fault{
		{"train/batch-0", train(func(s *engine.Steps) { s.Batch = 0 }), []string{"batch", "0"}},
		{"train/batch-negative", train(func(s *engine.Steps) { s.Batch = -5 }), []string{"batch", "-5"}},
		{"train/batch-over-capacity", train(func(s *engine.Steps) {
			s.Batch, s.LR, s.Loss = faultCapacity+1, s.LR[:3], s.Loss[:3]
		}), []string{"batch", "7", "6"}},
		{"train/batch-over-capacity-on-few-examples", train(func(s *engine.Steps) {
			s.Batch, s.Order, s.LR, s.Loss = faultCapacity+1, s.Order[:3], s.LR[:1], s.Loss[:1]
		}), []string{"batch", "7", "6"}},
		{"train/rates-too-few", train(func(s *engine.Steps) { s.LR = s.LR[:3] }), []string{"learning rate", "3", "4"}},
		{
			"train/rates-too-many", train(func(s *engine.Steps) { s.LR = append(s.LR, 1) }),
			[]string{"learning rate", "5", "4"},
		},
		{"train/rates-none", train(func(s *engine.Steps) { s.LR = nil }), []string{"learning rate", "0", "4"}},
		{"train/losses-too-few", train(func(s *engine.Steps) { s.Loss = s.Loss[:3] }), []string{"loss", "3", "4"}},
		{
			"train/losses-too-many", train(func(s *engine.Steps) { s.Loss = append(s.Loss, 0) }),
			[]string{"loss", "5", "4"},
		},
		{"train/example-negative", train(func(s *engine.Steps) { s.Order[19] = -1 }), []string{"19", "-1"}},
		{
			"train/example-past-the-end", train(func(s *engine.Steps) { s.Order[19] = faultExamples }),
			[]string{"19", "24"},
		},
		{
			"train/example-far-past-the-end", train(func(s *engine.Steps) { s.Order[0] = 1<<31 - 1 }),
			[]string{"2147483647"},
		},
		{"train/data-set-unknown", train(func(s *engine.Steps) { s.Data += 7 }), []string{"data"}},
		{"train/data-set-negative", train(func(s *engine.Steps) { s.Data = -1 }), []string{"data", "-1"}},
	}
}

// queryFaults are calls of Infer.
func queryFaults() []fault {
	infer := func(change func(q *engine.Query)) func(r *rig) error {
		return func(r *rig) error {
			q := engine.Query{Data: r.ref, Lo: 2, Hi: 6, Layer: 1, Dst: make([]float32, 4*3)}
			change(&q)
			return r.Infer(q)
		}
	}
	return []fault{
		{"infer/layer-negative", infer(func(q *engine.Query) { q.Layer = -1 }), []string{"layer", "-1"}},
		{"infer/layer-past-the-last", infer(func(q *engine.Query) { q.Layer = 2 }), []string{"layer", "2"}},
		{"infer/examples-negative", infer(func(q *engine.Query) { q.Lo = -1 }), []string{"-1"}},
		{"infer/examples-past-the-end", infer(func(q *engine.Query) {
			q.Hi, q.Dst = faultExamples+1, make([]float32, 23*3)
		}), []string{"25", "24"}},
		{
			"infer/examples-backwards", infer(func(q *engine.Query) { q.Lo, q.Hi, q.Dst = 6, 2, nil }),
			[]string{"6", "2"},
		},
		{"infer/room-too-small", infer(func(q *engine.Query) { q.Dst = q.Dst[:11] }), []string{"11", "12"}},
		{"infer/room-too-large", infer(func(q *engine.Query) { q.Dst = append(q.Dst, 0) }), []string{"13", "12"}},
		{"infer/room-none", infer(func(q *engine.Query) { q.Dst = nil }), []string{"12"}},
		{"infer/room-of-another-layer", infer(func(q *engine.Query) { q.Layer = 0 }), []string{"12", "20"}},
		{"infer/data-set-unknown", infer(func(q *engine.Query) { q.Data += 7 }), []string{"data"}},
		{"infer/data-set-negative", infer(func(q *engine.Query) { q.Data = -1 }), []string{"data", "-1"}},
	}
}

// dataFaults are calls of Bind.
func dataFaults() []fault {
	bind := func(change func(d *engine.Data)) func(r *rig) error {
		return func(r *rig) error {
			d := digits(source("faults"), 9, 7, 3)
			change(&d)
			_, err := r.Bind(d)
			return err
		}
	}
	return []fault{
		{"bind/label-past-the-outputs", bind(func(d *engine.Data) { d.Labels[8] = 3 }), []string{"label", "8", "3"}},
		{"bind/label-255", bind(func(d *engine.Data) { d.Labels[4] = 255 }), []string{"label", "4", "255"}},
		{"bind/images-too-short", bind(func(d *engine.Data) { d.Images = d.Images[:62] }), []string{"62", "63"}},
		{"bind/images-too-long", bind(func(d *engine.Data) { d.Images = append(d.Images, 0) }), []string{"64", "63"}},
		{"bind/images-none", bind(func(d *engine.Data) { d.Images = nil }), []string{"63"}},
		{"bind/nothing", bind(func(d *engine.Data) { *d = engine.Data{} }), []string{"examples"}},
	}
}

// programFaults are calls of Compile with a Program that is wrong. It must be refused before a kernel reaches past an
// end.
func programFaults() []fault {
	compile := func(change func(p *engine.Program)) func(r *rig) error {
		return func(r *rig) error {
			p, err := Textbook(r.program.Spec, r.program.Capacity)
			if err != nil {
				return err
			}
			change(p)
			e, err := r.backend.Compile(p)
			if err == nil {
				err = e.Close()
			}
			return err
		}
	}
	at := func(p *engine.Program, op engine.Op) *engine.Instr {
		return &p.Train[slices.IndexFunc(p.Train, func(in engine.Instr) bool { return in.Op == op })]
	}
	return []fault{
		{"compile/no-rows", compile(func(p *engine.Program) { p.Capacity = 0 }), []string{"0"}},
		{"compile/no-layers", compile(func(p *engine.Program) { p.Spec.Layers = nil }), []string{"layer"}},
		{"compile/unknown-operation", compile(func(p *engine.Program) { p.Train[3].Op = 200 }), []string{"op(200)"}},
		{
			"compile/operand-missing", compile(func(p *engine.Program) { at(p, engine.OpDense).In[2] = engine.None }),
			[]string{"dense", "3"},
		},
		{
			"compile/operand-that-is-not-there", compile(func(p *engine.Program) { at(p, engine.OpDense).In[0] = 999 }),
			[]string{"999"},
		},
		{
			"compile/operand-of-another-shape", compile(func(p *engine.Program) { p.Buffers[p.Params[2]].Cols++ }),
			[]string{"layer2.weight"},
		},
		{"compile/operand-not-yet-written", compile(func(p *engine.Program) {
			p.Train[0], p.Train[2] = p.Train[2], p.Train[0]
		}), []string{"operand 1, x,", "before"}},
		{
			"compile/result-that-is-not-there", compile(func(p *engine.Program) { at(p, engine.OpLoss).Out = 999 }),
			[]string{"999"},
		},
		{"compile/result-of-another-shape", compile(func(p *engine.Program) {
			at(p, engine.OpDenseDW).Out = at(p, engine.OpDenseDB).Out
		}), []string{"dense-dw", "fit"}},
		{"compile/a-parameter-overwritten", compile(func(p *engine.Program) {
			at(p, engine.OpActivate).Out = p.Params[0]
		}), []string{"layer1.weight"}},
		{"compile/scratch-updated", compile(func(p *engine.Program) {
			u := at(p, engine.OpUpdate)
			u.Out = u.In[0]
		}), []string{"update"}},
		{"compile/state-missing", compile(func(p *engine.Program) { p.State = p.State[1:] }), []string{"state"}},
		{"compile/parameters-exchanged", compile(func(p *engine.Program) {
			p.Params[0], p.Params[2] = p.Params[2], p.Params[0]
		}), []string{"layer"}},
		{
			"compile/two-of-a-name", compile(func(p *engine.Program) { p.Buffers[p.Params[1]].Name = "layer1.weight" }),
			[]string{"layer1.weight"},
		},
		{"compile/nothing-to-infer", compile(func(p *engine.Program) { p.Infer = p.Infer[:1] }), []string{"layer"}},
		{"compile/loss-not-computed", compile(func(p *engine.Program) { p.Loss = p.Params[1] }), []string{"loss"}},
	}
}

// fault makes the call in the middle of training, and looks that nothing has changed then and at the end.
func (b *bench) fault(f fault) error {
	spec := faultSpec()
	r := source("faults of a run")
	data := digits(r, faultExamples, spec.Inputs, spec.Classes())
	order := shuffled(r, faultExamples, 22)
	run := func(between func(r *rig) error) (ts []engine.Tensor, err error) {
		err = b.with(spec, faultCapacity, data, func(r *rig) error {
			if _, err := r.train(order[:10], 5, 0, runRate); err != nil {
				return err
			}
			if err := between(r); err != nil {
				return err
			}
			if _, err := r.train(order[10:], 5, 2, runRate); err != nil {
				return err
			}
			ts, err = r.read()
			return err
		})
		return ts, err
	}
	want, err := run(func(*rig) error { return nil })
	if err != nil {
		return err
	}
	got, err := run(func(r *rig) error {
		before, err := r.read()
		if err != nil {
			return err
		}
		text := ""
		if err := f.call(r); err != nil {
			text = err.Error()
		} else {
			return fmt.Errorf("no error")
		}
		for _, w := range f.words {
			if !strings.Contains(text, w) {
				return fmt.Errorf("error %q, want %q in it", text, w)
			}
		}
		after, err := r.read()
		if err != nil {
			return err
		}
		if err := same(before, after); err != nil {
			return fmt.Errorf("the call failed (%s), but changed something: %w", text, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := same(want, got); err != nil {
		return fmt.Errorf("training after the failed call: %w", err)
	}
	return nil
}
