package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"
)

// Config says how long and in what steps to train.
type Config struct {
	Epochs    int
	Batch     int     // examples per step, at most Program.Capacity; the last step of an epoch takes what is left
	LR        float64 // learning rate η at the start
	Schedule  ScheduleKind
	EarlyStop int  // stop after this many epochs without a better validation accuracy; 0 = never
	KeepBest  bool // hand out the parameters of the best validation accuracy, not the last
}

// Validate reports the first thing wrong with c.
func (c Config) Validate() error {
	switch {
	case c.Epochs < 1:
		return fmt.Errorf("engine: %d epochs, want 1 or more", c.Epochs)
	case c.Batch < 1:
		return fmt.Errorf("engine: batch of %d, want 1 or more", c.Batch)
	case !(c.LR >= 0) || math.IsInf(c.LR, 0):
		return fmt.Errorf("engine: learning rate %v, want a number from 0", c.LR)
	case int(c.Schedule) >= len(scheduleNames):
		return fmt.Errorf("engine: %v schedule", c.Schedule)
	case c.EarlyStop < 0:
		return fmt.Errorf("engine: early stop after %d epochs, want 0 or more", c.EarlyStop)
	}
	return nil
}

// Metrics is what is known after an epoch.
type Metrics struct {
	Epoch int `json:"epoch"` // counted from 1
	// mean training loss over the epoch's steps, as the weights changed
	Loss               float64  `json:"loss"`
	TrainAccuracy      float64  `json:"train_accuracy"`            // on the first 10,000 training images
	ValidationLoss     *float64 `json:"validation_loss,omitempty"` // absent without validation images
	ValidationAccuracy *float64 `json:"validation_accuracy,omitempty"`
	TestLoss           *float64 `json:"test_loss,omitempty"` // absent without test images
	TestAccuracy       *float64 `json:"test_accuracy,omitempty"`
	Seconds            float64  `json:"seconds"` // training alone
	EvaluationSeconds  float64  `json:"evaluation_seconds"`
	SamplesPerSecond   float64  `json:"samples_per_second"`
	LearningRate       float64  `json:"learning_rate"` // of the last step
	Gamma              float64  `json:"gamma"`         // γ; see Decay
}

// Hooks are called by Run on its own goroutine; a nil hook is not called.
type Hooks struct {
	// Between is called before each call to the Executor, with the progress so far and with what reads the parameters
	// as they then are, by name. It says how many steps that call may take at most; 0 leaves that to Run. It may wait,
	// which is not counted as training. An error ends the run, and nothing is saved.
	Between func(p Progress, read func(tensors ...Tensor) error) (most int, err error)
	// Steps tells the progress within an epoch, many times an epoch.
	Steps func(epoch, done, of int, loss float64)
	// Epoch is called after each epoch, with the state after it; it must not keep st. An error ends the run.
	Epoch func(m Metrics, st *State) error
	// Save is called with the state between two steps, when the context has ended and every saveTime of a long epoch;
	// it must not keep st. An error ends the run.
	Save func(st *State) error
}

// Trainer trains a compiled Program. Validation and Test may be empty.
type Trainer struct {
	Program                 *Program
	Executor                Executor // whoever made it closes it
	Config                  Config
	Train, Validation, Test Data
	Hooks                   Hooks
	CallTime                time.Duration // that one call to the Executor should take; 0 is 100 ms

	bound []bound
	pace  int // steps of the next call; 0 = not known yet
}

// bound is a data set that lies on the device.
type bound struct {
	Data
	ref DataRef
}

// Ref makes a data set resident in the Executor, and returns where it is when it is there already: the same arrays are
// sent to a device once.
func (t *Trainer) Ref(d Data) (DataRef, error) {
	for _, b := range t.bound {
		if b.Same(d) {
			return b.ref, nil
		}
	}
	ref, err := t.Executor.Bind(d)
	if err == nil {
		t.bound = append(t.bound, bound{d, ref})
	}
	return ref, err
}

// Score is how well the parameters that lie in the Executor do on a data set: after Run, those of its last epoch.
func (t *Trainer) Score(d Data) (Score, error) {
	ref, err := t.Ref(d)
	if err != nil {
		return Score{}, err
	}
	return Evaluate(t.Executor, t.Program, ref, d)
}

// DivergedError says that the loss stopped being a number. The state after the last whole epoch is untouched.
type DivergedError struct {
	Epoch, Step int // counted from 1
	Loss        float64
}

func (e *DivergedError) Error() string {
	return fmt.Sprintf("engine: loss is %v at epoch %d, step %d: training has diverged; lower the learning rate",
		e.Loss, e.Epoch, e.Step)
}

// ErrInterrupted is returned by Run when its context ended; it wraps the context's cause beside it.
var ErrInterrupted = errors.New("engine: interrupted")

// callTime is how long one call to an Executor takes unless others are asked for: often enough for a progress
// bar and ctrl-C, seldom enough
// to cost nothing.
const callTime = 100 * time.Millisecond

// TrainSample is how many training images the accuracy on them is measured with: as many as most test sets have, so
// that the two compare, and few enough not to show in the time of a run.
const TrainSample = 10_000

// saveTime is how much work a kill may cost in an epoch of any length.
const saveTime = 30 * time.Second

// Run trains from st until Config.Epochs epochs are done or early stopping ends it, and leaves the state after the last
// whole epoch, or the last one saved, in st.
// The same Program, Config, data and start state give the same parameters, byte for byte, on the same kind of backend,
// however often the run was interrupted and taken up again between.
func (t *Trainer) Run(ctx context.Context, st *State) error {
	if err := t.Config.Validate(); err != nil {
		return err
	}
	if (t.Config.KeepBest || t.Config.EarlyStop > 0) && len(t.Validation.Labels) == 0 {
		return errors.New("engine: keeping the best parameters and stopping early need validation images")
	}
	train, err := t.Ref(t.Train)
	if err != nil {
		return err
	}
	if err := t.Executor.Write(append(append([]Tensor(nil), st.Params...), st.Moments...)...); err != nil {
		return err
	}
	for st.Epoch < t.Config.Epochs && !st.Stopped {
		if err := t.epoch(ctx, st, train); err != nil {
			return err
		}
	}
	return nil
}

// epoch runs the rest of the epoch that has begun.
func (t *Trainer) epoch(ctx context.Context, st *State, train DataRef) (err error) {
	var pcg rand.PCG
	if err := pcg.UnmarshalBinary(st.RNG); err != nil {
		return fmt.Errorf("engine: random generator: %w", err)
	}
	n := len(t.Train.Labels)
	order := make([]int32, n)
	for i := range order {
		order[i] = int32(i)
	}
	rand.New(&pcg).Shuffle(n, func(i, j int) { order[i], order[j] = order[j], order[i] })

	steps := (n + t.Config.Batch - 1) / t.Config.Batch
	lr, loss := make([]float32, steps), make([]float32, steps)
	total := float64(t.Config.Epochs) * float64(steps)
	for i := range lr {
		lr[i] = t.Config.Schedule.rate(t.Config.LR, (float64(st.Epoch)*float64(steps)+float64(i))/total)
	}
	saved := time.Now()
	for st.Step < steps {
		most := 0
		if t.Hooks.Between != nil {
			if most, err = t.Hooks.Between(st.Progress, t.Executor.Read); err != nil {
				return err
			}
		}
		if ctx.Err() != nil {
			if err := t.save(st); err != nil {
				return err
			}
			return fmt.Errorf("%w in epoch %d, after %d of its %d steps: %w", ErrInterrupted, st.Epoch+1, st.Step,
				steps, context.Cause(ctx))
		}
		if time.Since(saved) > saveTime {
			if err := t.save(st); err != nil {
				return err
			}
			saved = time.Now()
		}
		lo := st.Step
		hi := min(lo+max(1, t.pace), steps)
		if most > 0 {
			hi = min(hi, lo+most)
		}
		began := time.Now()
		err := t.Executor.Train(Steps{
			Data: train, Order: order[lo*t.Config.Batch : min(hi*t.Config.Batch, n)], Batch: t.Config.Batch,
			First: st.Steps, LR: lr[lo:hi], Loss: loss[lo:hi],
		})
		took := time.Since(began)
		if err != nil {
			return err
		}
		st.Seconds += took.Seconds()
		for i := lo; i < hi; i++ {
			l := float64(loss[i])
			if !finite(l) {
				return &DivergedError{Epoch: st.Epoch + 1, Step: i + 1, Loss: l}
			}
			st.LossSum += l * float64(min(t.Config.Batch, n-i*t.Config.Batch))
			st.Decay.step(t.Program.Spec, lr[i])
		}
		st.Step, st.Steps = hi, st.Steps+uint64(hi-lo)
		if t.Hooks.Steps != nil {
			t.Hooks.Steps(st.Epoch+1, hi, steps, st.LossSum/float64(min(hi*t.Config.Batch, n)))
		}
		t.pace = min(max(1, int(float64(hi-lo)*float64(cmp.Or(t.CallTime, callTime))/float64(took+1))),
			4*max(1, t.pace))
	}
	return t.endEpoch(&pcg, st, float64(lr[steps-1]))
}

func finite(x float64) bool { return !math.IsNaN(x) && !math.IsInf(x, 0) }

// sync copies the device's parameters and moments into st.
func (t *Trainer) sync(st *State) error {
	return t.Executor.Read(append(append([]Tensor(nil), st.Params...), st.Moments...)...)
}

func (t *Trainer) save(st *State) error {
	if t.Hooks.Save == nil {
		return nil
	}
	if err := t.sync(st); err != nil {
		return err
	}
	return t.Hooks.Save(st)
}

func (t *Trainer) endEpoch(pcg *rand.PCG, st *State, lr float64) error {
	m := Metrics{
		Epoch: st.Epoch + 1, Loss: st.LossSum / float64(len(t.Train.Labels)),
		Seconds: st.Seconds, SamplesPerSecond: float64(len(t.Train.Labels)) / max(st.Seconds, 1e-9),
		LearningRate: lr, Gamma: st.Decay.Gamma,
	}
	began := time.Now()
	ref, err := t.Ref(t.Train)
	if err != nil {
		return err
	}
	train, err := Evaluate(t.Executor, t.Program, ref, t.Train.first(TrainSample))
	if err != nil {
		return err
	}
	if !finite(train.Loss) {
		return &DivergedError{Epoch: m.Epoch, Step: st.Step, Loss: train.Loss}
	}
	m.TrainAccuracy = train.Accuracy()
	for _, b := range []struct {
		d              Data
		loss, accuracy **float64
	}{
		{t.Validation, &m.ValidationLoss, &m.ValidationAccuracy},
		{t.Test, &m.TestLoss, &m.TestAccuracy},
	} {
		if len(b.d.Labels) == 0 {
			continue
		}
		s, err := t.Score(b.d)
		if err != nil {
			return err
		}
		if !finite(s.Loss) {
			return &DivergedError{Epoch: m.Epoch, Step: st.Step, Loss: s.Loss}
		}
		accuracy := s.Accuracy()
		*b.loss, *b.accuracy = &s.Loss, &accuracy
	}
	m.EvaluationSeconds = time.Since(began).Seconds()
	if err := t.sync(st); err != nil {
		return err
	}
	if st.RNG, err = pcg.MarshalBinary(); err != nil {
		return err
	}
	st.Epoch, st.Step, st.LossSum, st.Seconds = st.Epoch+1, 0, 0, 0
	t.keepBest(m, st)
	if t.Hooks.Epoch != nil {
		return t.Hooks.Epoch(m, st)
	}
	return nil
}

// keepBest notes the epoch of the best validation accuracy, and ends the run when it lies too far back.
func (t *Trainer) keepBest(m Metrics, st *State) {
	if m.ValidationAccuracy == nil {
		return
	}
	if accuracy := *m.ValidationAccuracy; st.BestEpoch == 0 || accuracy > st.BestScore {
		st.BestEpoch, st.BestScore, st.BestDecay = st.Epoch, accuracy, st.Decay
		if t.Config.KeepBest {
			st.Best = st.Params.Clone()
		}
	}
	st.Stopped = t.Config.EarlyStop > 0 && st.Epoch-st.BestEpoch >= t.Config.EarlyStop
}
