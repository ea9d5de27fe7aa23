package enginetest

import (
	"math"
	"slices"
	"strings"
	"testing"

	"neuroloupe/engine"
	"neuroloupe/engine/kernel"
)

// defect is one way of being wrong; the zero value is right.
type defect struct {
	lower   func(*engine.Program)
	device  func(*engine.Device)
	compile func(*engine.Program)
	call    func(*interpreted)                                // before the steps of a call
	step    func(c *current, s *engine.Steps, i int)          // before step i
	query   func(*interpreted, *engine.Query)                 // before an inference
	before  func(c *current, in *engine.Instr)                // before an instruction, of which in is a copy
	after   func(c *current, in *engine.Instr, out []float32) // after it
	start   float32                                           // instead of 0

	bindAnything, compileAnything, closeOnce, firstTile, flush, halfExchange, keepSlices bool
	lateErrors, namelessErrors, oneDataSet, useAfterClose                                bool

	share *[][]float32 // weights of layer 1, the same in all executors of one size
}

// scaled multiplies what an operation puts out.
func scaled(op engine.Op, by float32) defect {
	return defect{after: func(c *current, in *engine.Instr, out []float32) {
		if in.Op == op {
			for i := range out {
				out[i] *= by
			}
		}
	}}
}

// changed changes an operation's instructions.
func changed(op engine.Op, change func(c *current, in *engine.Instr)) defect {
	return defect{before: func(c *current, in *engine.Instr) {
		if in.Op == op {
			change(c, in)
		}
	}}
}

// rewritten changes what an operation has put out.
func rewritten(op engine.Op, rewrite func(c *current, in *engine.Instr, out []float32)) defect {
	return defect{after: func(c *current, in *engine.Instr, out []float32) {
		if in.Op == op {
			rewrite(c, in, out)
		}
	}}
}

func stepped(step func(c *current, s *engine.Steps, i int)) defect { return defect{step: step} }

func queried(query func(e *interpreted, q *engine.Query)) defect { return defect{query: query} }

func isBias(c *current, in *engine.Instr) bool {
	return strings.HasSuffix(c.e.p.Buffers[in.Out].Name, ".bias")
}

// TestDefects: each defect is found, by a check of the name that stands with it.
func TestDefects(t *testing.T) {
	for _, tc := range []struct {
		name   string
		found  string // start of the name of a check that must fail
		defect defect
	}{
		{
			"weight gradient off by a thousandth", "train/functions/sigmoid,sigmoid,cross-entropy",
			scaled(engine.OpDenseDW, 1.001),
		},
		{"weight gradient off by a thousandth", "train/presets/clear", scaled(engine.OpDenseDW, 1.001)},
		{"weight gradient off by a thousandth", "train/presets/fast", scaled(engine.OpDenseDW, 0.999)},
		{"weight gradient off by a thousandth", "train/methods/adam/plain", scaled(engine.OpDenseDW, 1.001)},
		{
			"bias gradient off by a thousandth", "train/functions/relu,softmax,cross-entropy",
			scaled(engine.OpDenseDB, 1.001),
		},
		{"hidden error off by a thousandth", "train/sizes/17-9-8-7-3", scaled(engine.OpDenseDX, 0.999)},
		{"pixels divided by 256", "train/sizes/2-2", scaled(engine.OpImages, 255.0/256)},
		{
			"products in half precision", "infer/784-100-10",
			rewritten(engine.OpDense, func(_ *current, _ *engine.Instr, out []float32) {
				for i, v := range out {
					out[i] = math.Float32frombits((math.Float32bits(v) + 1<<12) &^ (1<<13 - 1))
				}
			}),
		},
		{
			"gradient without the activation's derivative", "train/functions/tanh",
			changed(engine.OpActivateGrad, func(_ *current, in *engine.Instr) {
				in.Activation = engine.Identity
			}),
		},
		{
			"gradient of the next example's pixels", "train/functions",
			changed(engine.OpDenseDW, func(c *current, in *engine.Instr) {
				if images := c.e.p.Train[0].Out; in.In[0] == images {
					next := append(slices.Clone(c.order[1:]), c.order[0])
					kernel.Images(c.e.bufs[images], c.data.Images, next, c.e.p.Spec.Inputs)
				}
			}),
		},
		{
			"gradients added up over steps", "train/functions",
			rewritten(engine.OpDenseDB, func(c *current, in *engine.Instr, out []float32) {
				kept := &c.e.bufs[c.e.p.Loss]
				*kept = append(*kept, out...)
				kernel.Add(out, out, (*kept)[1:])
			}),
		},
		{
			"weights changed before the error went through them", "train/functions",
			defect{lower: func(p *engine.Program) {
				isUpdate := func(in engine.Instr) bool { return in.Op == engine.OpUpdate }
				first := slices.IndexFunc(p.Train, isUpdate)
				updates := slices.Clone(p.Train[first:])
				var code []engine.Instr
				for _, in := range p.Train[:first] {
					code = append(code, in)
					for _, u := range updates {
						if in.Op != engine.OpUpdate && u.In[0] == in.Out {
							code = append(code, u)
						}
					}
				}
				p.Train = code
			}},
		},
		{
			"tail batch divided by the batch size", "train/batches/64-of-64-over-150",
			rewritten(engine.OpLossGrad, func(c *current, _ *engine.Instr, out []float32) {
				for i := range out {
					out[i] *= float32(len(c.order)) / float32(c.batch)
				}
			}),
		},
		{
			"tail batch of one divided by the batch size", "train/batches/10-of-16-over-31",
			rewritten(engine.OpLossGrad, func(c *current, _ *engine.Instr, out []float32) {
				for i := range out {
					out[i] *= float32(len(c.order)) / float32(c.batch)
				}
			}),
		},
		{
			"tail batch with rows of the batch before", "train/batches/10-of-16-over-31",
			rewritten(engine.OpDenseDB, func(c *current, in *engine.Instr, out []float32) {
				kernel.DenseDB(out, c.e.bufs[in.In[0]], c.batch, len(out))
			}),
		},
		{
			"tail's loss divided by the batch size", "train/batches/17-of-64-over-18",
			rewritten(engine.OpLoss, func(c *current, _ *engine.Instr, out []float32) {
				out[0] *= float32(len(c.order)) / float32(c.batch)
			}),
		},
		{
			"loss summed over the batch", "train/functions",
			rewritten(engine.OpLoss, func(c *current, _ *engine.Instr, out []float32) {
				out[0] *= float32(len(c.order))
			}),
		},
		{
			"penalty in the loss", "train/methods/sgd/l2",
			rewritten(engine.OpLoss, func(c *current, _ *engine.Instr, out []float32) {
				spec := c.e.p.Spec
				if spec.N > 0 {
					out[0] += kernel.Penalty(c.e.bufs[c.e.p.Params[0]], float32(spec.L2/float64(spec.N)), 0)
				}
			}),
		},
		{"L2 on the biases", "train/methods/sgd/l2", changed(engine.OpUpdate, func(c *current, in *engine.Instr) {
			if isBias(c, in) {
				in.L2 = float32(c.e.p.Spec.L2 / float64(c.e.p.Spec.N))
			}
		})},
		{
			"L2 twice as strong", "train/presets/clear",
			changed(engine.OpUpdate, func(_ *current, in *engine.Instr) { in.L2 *= 2 }),
		},
		{
			"L1 pulls at zero weights", "train/sizes/zeros-6-4-3",
			changed(engine.OpUpdate, func(c *current, in *engine.Instr) {
				for i, w := range c.e.bufs[in.Out] {
					if w == 0 {
						c.e.bufs[in.In[0]][i] += in.L1
					}
				}
			}),
		},
		{
			"no momentum in the tail", "train/methods/momentum/plain",
			changed(engine.OpUpdate, func(c *current, in *engine.Instr) {
				if len(c.order) < c.batch {
					in.Momentum = 0
				}
			}),
		},
		{
			"nesterov is momentum", "train/methods/nesterov/plain",
			changed(engine.OpUpdate, func(_ *current, in *engine.Instr) {
				if in.Method == engine.Nesterov {
					in.Method = engine.Momentum
				}
			}),
		},
		{
			"state of every step forgotten", "train/methods/momentum/plain",
			stepped(func(c *current, _ *engine.Steps, _ int) {
				for _, r := range c.e.p.State {
					clear(c.e.bufs[r])
				}
			}),
		},
		{"state of every call forgotten", "bytes/cutting/nesterov", defect{call: func(e *interpreted) {
			for _, r := range e.p.State {
				clear(e.bufs[r])
			}
		}}},
		{
			"adam's t off by one", "train/methods/adam/plain",
			stepped(func(c *current, _ *engine.Steps, _ int) { c.step++ }),
		},
		{
			"adam's t counted in the call", "train/clock/adam-first-1",
			stepped(func(c *current, _ *engine.Steps, i int) { c.step = uint64(i) }),
		},
		{
			"adam's t counted in the call", "bytes/cutting/adam-dropout",
			stepped(func(c *current, _ *engine.Steps, i int) { c.step = uint64(i) }),
		},
		{
			"adam's defaults for its constants", "train/methods/adam-constants/plain",
			changed(engine.OpUpdate, func(_ *current, in *engine.Instr) {
				in.Beta1, in.Beta2, in.Epsilon = 0.9, 0.999, 1e-8
			}),
		},
		{
			"dropout mask of another step", "train/methods/sgd/dropout",
			stepped(func(c *current, _ *engine.Steps, _ int) { c.maskStep++ }),
		},
		{
			"dropout mask of the first step", "train/methods/sgd/dropout",
			stepped(func(c *current, s *engine.Steps, _ int) { c.maskStep = s.First }),
		},
		{
			"dropout step in 32 bits", "train/clock/dropout-first-2^32",
			stepped(func(c *current, _ *engine.Steps, _ int) { c.maskStep &= 1<<32 - 1 }),
		},
		{
			"dropout seed in 32 bits", "train/clock/dropout-first-3",
			rewritten(engine.OpMask, func(c *current, in *engine.Instr, out []float32) {
				n := len(c.order) * c.e.p.Buffers[in.Out].Cols
				kernel.Mask(out[:n], in.Keep, c.e.p.Spec.Seed&(1<<32-1), c.maskStep, in.Layer)
			}),
		},
		{
			"dropout mask of another layer", "train/methods/sgd/dropout",
			changed(engine.OpMask, func(_ *current, in *engine.Instr) { in.Layer = 1 }),
		},
		{"dropout without 1/keep", "train/methods/sgd/dropout", scaled(engine.OpMask, 0.6)},
		{
			"dropout in inference", "infer/without-dropout",
			rewritten(engine.OpActivate, func(c *current, in *engine.Instr, out []float32) {
				if spec := c.e.p.Spec; c.infer && spec.Dropout > 0 && in.Activation == engine.Tanh {
					m := make([]float32, len(out))
					kernel.Mask(m, float32(1-spec.Dropout), spec.Seed, 0, 1)
					kernel.Mul(out, out, m)
				}
			}),
		},
		{
			"learning rate of the call's first step", "train/clock/falling-rate",
			stepped(func(c *current, s *engine.Steps, _ int) { c.lr = s.LR[0] }),
		},
		{
			"learning rate of the call's first step", "train/clock/rate-of-zero",
			stepped(func(c *current, s *engine.Steps, _ int) { c.lr = s.LR[0] }),
		},
		{"examples in their own order", "train/functions", stepped(func(c *current, _ *engine.Steps, i int) {
			c.order = slices.Clone(c.order)
			for k := range c.order {
				c.order[k] = int32(i*c.batch + k)
			}
		})},
		{"labels off by one example", "train/functions", changed(engine.OpLabels, func(c *current, _ *engine.Instr) {
			c.data.Labels = append(slices.Clone(c.data.Labels[1:]), 0)
		})},

		{"inference of the first tile only", "infer/ranges", defect{firstTile: true}},
		{
			"inference from example 0", "infer/ranges",
			queried(func(_ *interpreted, q *engine.Query) { q.Hi -= q.Lo; q.Lo = 0 }),
		},
		{
			"activations instead of z", "infer/functions/sigmoid",
			queried(func(_ *interpreted, q *engine.Query) { q.Z = false }),
		},
		{
			"z instead of activations", "infer/large-weights/tanh",
			queried(func(_ *interpreted, q *engine.Query) { q.Z = true }),
		},
		{
			"softmax without the largest taken off", "infer/large-weights/sigmoid,softmax,cross-entropy",
			rewritten(engine.OpActivate, func(c *current, in *engine.Instr, out []float32) {
				if in.Activation == engine.Softmax && c.infer {
					z, cols := c.e.bufs[in.In[0]], c.e.p.Buffers[in.Out].Cols
					for lo := 0; lo < len(c.order)*cols; lo += cols {
						sum := float32(0)
						for i := lo; i < lo+cols; i++ {
							out[i] = float32(math.Exp(float64(z[i])))
							sum += out[i]
						}
						for i := lo; i < lo+cols; i++ {
							out[i] /= sum
						}
					}
				}
			}),
		},
		{"z found back from the output", "infer/answers/high/sigmoid,sigmoid", fromOutputs(func(a float64) float64 {
			return math.Log(a / (1 - a))
		})},
		{"z found back from the output", "infer/answers/near/relu,softmax", fromOutputs(math.Log)},
		{
			"inference disturbs training", "bytes/cutting/sgd",
			queried(func(e *interpreted, _ *engine.Query) { e.bufs[e.p.Params[1]][0]++ }),
		},

		{"no two runs alike", "bytes/again", restless()},
		{"executors share weights", "bytes/together", defect{share: new([][]float32)}},
		{"executors share weights", "lifetime/others-live-on", defect{share: new([][]float32)}},
		{"backends share weights", "lifetime/two-backends", defect{share: new([][]float32)}},
		{"one data set at a time", "bytes/data-sets", defect{oneDataSet: true}},
		{"program changed", "bytes/program", defect{compile: func(p *engine.Program) { p.Capacity++ }}},
		{"parameters that start with 1", "exchange/zero-at-the-start", defect{start: 1}},
		{"NaN read as 0", "exchange/every-bit", defect{flush: true}},
		{"the caller's slices kept", "exchange/copies", defect{keepSlices: true}},
		{"writes as far as it goes", "faults/write/good-then-short", defect{halfExchange: true}},
		{"errors without a name", "faults/write/unknown-name", defect{namelessErrors: true}},
		{"errors without a name", "faults/read/too-short", defect{namelessErrors: true}},
		{"errors after the first step", "faults/train/losses-too-many", defect{lateErrors: true}},
		{"any label", "faults/bind/label-past-the-outputs", defect{bindAnything: true}},
		{"any length", "faults/bind/images-too-long", defect{bindAnything: true}},
		{"any program", "faults/compile/unknown-operation", defect{compileAnything: true}},
		{"any program", "faults/compile/operand-not-yet-written", defect{compileAnything: true}},
		{"relu without NaN", "nonfinite/relu", rewritten(engine.OpActivate,
			func(_ *current, in *engine.Instr, out []float32) {
				for i, v := range out {
					if v != v && in.Activation == engine.ReLU {
						out[i] = 0
					}
				}
			})},
		{
			"loss without NaN", "nonfinite/sigmoid,softmax,cross-entropy/nan",
			rewritten(engine.OpLoss, func(_ *current, _ *engine.Instr, out []float32) {
				if out[0] != out[0] {
					out[0] = 0
				}
			}),
		},
		{"close works once", "lifetime/closed-executor", defect{closeOnce: true}},
		{"close works once", "lifetime/closed-backend", defect{closeOnce: true}},
		{"works when closed", "lifetime/closed-executor", defect{useAfterClose: true}},
		{"works when closed", "lifetime/closed-backend", defect{useAfterClose: true}},
		{"device without a name", "lifetime/device", defect{device: func(d *engine.Device) { d.Name = "" }}},
	} {
		t.Run(tc.name+"/"+tc.found, func(t *testing.T) {
			b := newBench(tc.defect)
			if tc.defect.lower != nil {
				b.lower = func(s engine.Spec, capacity int) (*engine.Program, error) {
					p, err := Textbook(s, capacity)
					tc.defect.lower(p)
					return p, err
				}
			}
			ran := 0
			for _, g := range groups() {
				for _, c := range g.checks {
					if !strings.HasPrefix(g.name+"/"+c.name, tc.found) {
						continue
					}
					ran++
					if err := c.run(b); err != nil {
						t.Logf("%s/%s: %v", g.name, c.name, err)
						return
					}
				}
			}
			t.Errorf("not found by any of %d checks", ran)
		})
	}
}

// fromOutputs gives as z of the output layer what its activations allow to say of it.
func fromOutputs(inverse func(a float64) float64) defect {
	return rewritten(engine.OpActivate, func(c *current, in *engine.Instr, out []float32) {
		if last := c.e.p.Layers[len(c.e.p.Layers)-1]; c.infer && in.Out == last.A {
			for i, a := range out {
				c.e.bufs[last.Z][i] = float32(inverse(float64(a)))
			}
		}
	})
}

// restless rounds otherwise in every other run: what a reduction in no fixed order does.
func restless() defect {
	runs := 0
	return defect{call: func(e *interpreted) {
		runs++
		w := &e.bufs[e.p.Params[0]][0]
		*w = math.Nextafter32(*w, float32(1-2*(runs%2)))
	}}
}
