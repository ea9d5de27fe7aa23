package cpu

import (
	"fmt"

	"neuroloupe/engine"
	"neuroloupe/engine/cpu/internal/gemm"
	"neuroloupe/engine/cpu/internal/simd"
)

// executor runs a Program's stages.
type executor struct {
	p         *engine.Program
	backend   *backend
	k         *simd.Kernels
	gemm      *gemm.Kernel
	m         []*matrix           // by Ref; of buffers with copies worker 0's
	split     engine.Ref          // weights of which the workers keep their own rows and add up what these give; None
	copies    map[engine.Ref]bool // of which every worker has its own
	parts     parts
	byName    map[string]engine.Ref
	data      []*dataset
	plans     map[bool]stages // for data sets with and without a sparse form
	chunkRows int             // pixels of a chunk of the sparse form; 0 = no weights lie in blocks
	workers   int             // that take part
	crew      []*worker
	barrier   *barrier
	closed    bool

	// of the call that runs
	set   *dataset
	steps engine.Steps
	query engine.Query

	trainJob, inferJob func(id int)
}

// stages are those of a step, and of inference by what is asked for.
type stages struct {
	train []stage
	infer map[engine.Ref][]stage
}

// dataset is a bound data set.
type dataset struct {
	engine.Data
	sparse *simd.Sparse // nil where it does not pay
	whole  []int32      // 0, 1, … for inference
}

var _ engine.Executor = (*executor)(nil)

// sparseShare is the share of nonzero pixels up to which the sparse form wins; see the package's documentation.
const sparseShare = 0.6

func (e *executor) Bind(d engine.Data) (engine.DataRef, error) {
	if e.ended() {
		return 0, engine.ErrClosed
	}
	if err := d.Validate(e.p.Spec); err != nil {
		return 0, err
	}
	e.data = append(e.data, e.newDataset(d))
	return engine.DataRef(len(e.data) - 1), nil
}

// newDataset makes of a data set what steps and inference read. It serves every executor of the same layers.
func (e *executor) newDataset(d engine.Data) *dataset {
	s := &dataset{Data: d, whole: make([]int32, len(d.Labels))}
	for i := range s.whole {
		s.whole[i] = int32(i)
	}
	// A pixel inked takes two bytes: at most the bytes of the images again, and what the records' offsets take.
	if memory := e.backend.device.Memory; e.chunkRows > 0 && (memory == 0 || int64(len(d.Images)) < memory/4) {
		s.sparse = simd.NewSparse(d.Images, e.p.Spec.Inputs, e.chunkRows, sparseShare)
	}
	return s
}

func (e *executor) ended() bool { return e.closed || e.backend.closed }

func (e *executor) bound(r engine.DataRef) (*dataset, error) {
	if r < 0 || int(r) >= len(e.data) {
		return nil, fmt.Errorf("cpu: data set %d of %d", r, len(e.data))
	}
	return e.data[r], nil
}

// resident checks names and sizes of all tensors before any is touched.
func (e *executor) resident(tensors []engine.Tensor) error {
	if e.ended() {
		return engine.ErrClosed
	}
	for _, t := range tensors {
		r, ok := e.byName[t.Name]
		if !ok {
			return fmt.Errorf("cpu: the program has no parameter or state %q", t.Name)
		}
		if want := e.buffer(r).Len(0); len(t.Data) != want {
			return fmt.Errorf("cpu: %s: %d values, want %d", t.Name, len(t.Data), want)
		}
	}
	return nil
}

func (e *executor) Write(tensors ...engine.Tensor) error {
	if err := e.resident(tensors); err != nil {
		return err
	}
	for _, t := range tensors {
		r := e.byName[t.Name]
		for _, w := range e.crew {
			if w.id > 0 && !e.copies[r] {
				break
			}
			w.m[r].write(t.Data)
			if w.transposed[r] != nil {
				w.transpose(r, 0, e.m[r].rows)
			}
		}
	}
	return nil
}

func (e *executor) Read(tensors ...engine.Tensor) error {
	if err := e.resident(tensors); err != nil {
		return err
	}
	for _, t := range tensors {
		e.m[e.byName[t.Name]].read(t.Data)
	}
	return nil
}

func (e *executor) Close() error {
	e.closed = true
	e.m, e.data, e.set, e.crew = nil, nil, nil, nil
	e.steps, e.query = engine.Steps{}, engine.Query{}
	return nil
}

func (e *executor) Train(s engine.Steps) error {
	if e.ended() {
		return engine.ErrClosed
	}
	d, err := e.bound(s.Data)
	if err != nil {
		return err
	}
	if err := s.Validate(e.p, len(d.Labels)); err != nil {
		return err
	}
	if s.Count() > 0 {
		e.set, e.steps = d, s
		e.backend.pool.run(e.workers, e.trainJob)
		e.steps = engine.Steps{}
	}
	return nil
}

// trainWorker runs one worker's part of all steps.
func (e *executor) trainWorker(id int) {
	w := e.crew[id]
	s := &e.steps
	train := e.plans[e.set.sparse != nil].train
	for i := range s.Count() {
		n := s.Rows(i)
		order := s.Order[i*s.Batch:][:n]
		next := order
		if i+1 < s.Count() && s.Rows(i+1) == n {
			next = s.Order[(i+1)*s.Batch:][:n]
		}
		w.begin(i, e.set, order, next)
		w.lr, w.step, w.loss = s.LR[i], s.First+uint64(i), &s.Loss[i]
		w.runStages(train)
	}
}

func (e *executor) Infer(q engine.Query) error {
	if e.ended() {
		return engine.ErrClosed
	}
	d, err := e.bound(q.Data)
	if err != nil {
		return err
	}
	if err := q.Validate(e.p, len(d.Labels)); err != nil {
		return err
	}
	e.set, e.query = d, q
	e.backend.pool.run(e.workers, e.inferJob)
	e.query = engine.Query{}
	return nil
}

// inferWorker runs one worker's part of an inference.
func (e *executor) inferWorker(id int) {
	w := e.crew[id]
	q := &e.query
	want := e.p.Layers[q.Layer].A
	if q.Z {
		want = e.p.Layers[q.Layer].Z
	}
	infer := e.plans[e.set.sparse != nil].infer[want]
	for i, lo := 0, q.Lo; lo < q.Hi; i, lo = i+1, lo+inferRows {
		order := e.set.whole[lo:min(lo+inferRows, q.Hi)]
		w.begin(i, e.set, order, order)
		w.dst = q.Dst[(lo-q.Lo)*e.m[want].cols:]
		w.runStages(infer)
	}
}
