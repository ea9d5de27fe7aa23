package engine

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
)

// State is everything that a run needs to go on where it stopped.
type State struct {
	Progress
	Params  Params
	Moments []Tensor // the optimiser's state, as Spec.StateInfo
	Best    Params   // parameters after epoch BestEpoch; nil unless Config.KeepBest
}

// Progress is the part of a State that is not arrays.
type Progress struct {
	Epoch     int     `json:"epoch"`         // epochs done
	Step      int     `json:"step"`          // steps done in the epoch that has begun
	Steps     uint64  `json:"steps"`         // steps done since the start
	RNG       []byte  `json:"rng"`           // shuffling generator at the start of the epoch that has begun
	LossSum   float64 `json:"loss_sum"`      // of the examples seen in the epoch that has begun
	Seconds   float64 `json:"seconds"`       // training time of the epoch that has begun
	Decay     Decay   `json:"decay"`         // γ after Steps
	BestEpoch int     `json:"best_epoch"`    // epoch of the best validation accuracy; 0 = none yet
	BestScore float64 `json:"best_accuracy"` // that accuracy
	BestDecay Decay   `json:"best_decay"`    // γ after BestEpoch
	Stopped   bool    `json:"stopped"`       // early stopping has ended the run
}

// NewState returns the state before the first step, with start parameters params, which it takes over.
func (s Spec) NewState(params Params) *State {
	rng, err := rand.NewPCG(s.Seed, streamShuffle).MarshalBinary()
	if err != nil {
		panic(err) // documented never to happen
	}
	return &State{
		Progress: Progress{RNG: rng, Decay: Decay{Gamma: 1}, BestDecay: Decay{Gamma: 1}},
		Params:   params,
		Moments:  alloc(s.StateInfo()),
	}
}

// Kept returns the parameters that the run would hand out now, and their γ: the best or the last.
func (st *State) Kept() (Params, float64) {
	if st.Best != nil {
		return st.Best, st.BestDecay.Gamma
	}
	return st.Params, st.Decay.Gamma
}

const bestPrefix = "best."

// ProgressKey is where the metadata of a checkpoint holds its Progress.
const ProgressKey = "progress"

// Encode returns st as the tensors and the metadata of a file; the tensors share st's memory.
func (st *State) Encode() ([]Tensor, map[string]string, error) {
	text, err := json.Marshal(st.Progress)
	if err != nil {
		return nil, nil, fmt.Errorf("engine: checkpoint: %w", err)
	}
	tensors := append(append([]Tensor(nil), st.Params...), st.Moments...)
	for _, t := range st.Best {
		t.Name = bestPrefix + t.Name
		tensors = append(tensors, t)
	}
	return tensors, map[string]string{ProgressKey: string(text)}, nil
}

// DecodeState returns the state that Encode gave for the same Spec; it takes the tensors over.
func (s Spec) DecodeState(tensors []Tensor, meta map[string]string) (*State, error) {
	fail := func(err error) (*State, error) { return nil, fmt.Errorf("engine: checkpoint: %w", err) }
	st := &State{}
	err := json.Unmarshal([]byte(meta[ProgressKey]), &st.Progress)
	if err != nil {
		return fail(fmt.Errorf("progress: %w", err))
	}
	if err := st.validate(); err != nil {
		return fail(err)
	}
	if st.Params, err = s.MatchParams(tensors); err != nil {
		return fail(err)
	}
	if st.Moments, err = match(s.StateInfo(), tensors); err != nil {
		return fail(err)
	}
	var best []Tensor
	for _, t := range tensors {
		if len(t.Name) > len(bestPrefix) && t.Name[:len(bestPrefix)] == bestPrefix {
			t.Name = t.Name[len(bestPrefix):]
			best = append(best, t)
		}
	}
	if best != nil {
		if st.Best, err = s.MatchParams(best); err != nil {
			return fail(err)
		}
	}
	return st, nil
}

func (p Progress) validate() error {
	if p.Epoch < 0 || p.Step < 0 || p.Steps < uint64(p.Step) || p.BestEpoch < 0 || p.BestEpoch > p.Epoch {
		return fmt.Errorf("progress: epoch %d, step %d of it, %d steps in all, best epoch %d", p.Epoch, p.Step, p.Steps,
			p.BestEpoch)
	}
	if math.IsNaN(p.LossSum) || math.IsInf(p.LossSum, 0) {
		return fmt.Errorf("progress: loss sum %v", p.LossSum)
	}
	if err := new(rand.PCG).UnmarshalBinary(p.RNG); err != nil {
		return fmt.Errorf("progress: random generator: %w", err)
	}
	return nil
}
