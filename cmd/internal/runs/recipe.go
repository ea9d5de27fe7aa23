package runs

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"neuroloupe/engine"
)

// Recipe holds every setting of a training run, under the names of the train command's flags.
type Recipe struct {
	Preset    string              `toml:"preset" json:"preset"`
	Net       string              `toml:"net" json:"net"` // layer sizes, "784-100-10"; "" = the preset's, see Layers
	Hidden    engine.Activation   `toml:"hidden" json:"hidden"`
	Output    engine.Activation   `toml:"output" json:"output"`
	Loss      engine.Loss         `toml:"loss" json:"loss"`
	Init      engine.Init         `toml:"init" json:"init"`
	Optimizer engine.Method       `toml:"optimizer" json:"optimizer"`
	LR        float64             `toml:"lr" json:"lr"`
	Momentum  float64             `toml:"momentum" json:"momentum"`
	Schedule  engine.ScheduleKind `toml:"schedule" json:"schedule"`
	L2        float64             `toml:"l2" json:"l2"` // λ
	L1        float64             `toml:"l1" json:"l1"` // λ
	Dropout   float64             `toml:"dropout" json:"dropout"`
	ZeroDead  bool                `toml:"zero_dead" json:"zero_dead"`
	Epochs    int                 `toml:"epochs" json:"epochs"`
	Batch     int                 `toml:"batch" json:"batch"`
	Seed      uint64              `toml:"seed" json:"seed"`
	// training/validation images, "50000/10000"; "" = five sixths
	Split     string `toml:"split" json:"split"`
	Classes   []int  `toml:"classes,omitempty" json:"classes,omitempty"` // labels to keep; empty = all
	EarlyStop int    `toml:"early_stop" json:"early_stop"`
	Keep      string `toml:"keep" json:"keep"`     // best or last
	Frames    string `toml:"frames" json:"frames"` // epoch, a number of epochs, or none

	hidden []int // sizes of the hidden layers, used when Net is ""
}

// names are the presets, the default first.
var names = []string{"clear", "nielsen1", "nielsen2", "zero-one", "sklearn", "fast"}

// Presets are the names of the presets, the default first.
func Presets() []string { return slices.Clone(names) }

// HiddenSizes are the sizes of the hidden layers that a preset has, where Net does not say them.
func (r Recipe) HiddenSizes() []int { return slices.Clone(r.hidden) }

// WithHidden is the recipe with hidden layers of these sizes in the place of its preset's; for Net to be "".
func (r Recipe) WithHidden(sizes []int) Recipe {
	r.Net, r.hidden = "", slices.Clone(sizes)
	return r
}

// Preset returns the recipe of that name.
//
// clear is Nielsen's regularised network with a small start, whose last six epochs run at a tenth of the learning rate:
// at the full rate the accuracy moves by a quarter of a per cent from one epoch to the next, and the last is luck.
//
// The networks of Nielsen's book "Neural Networks and Deep Learning" (2015) keep its last 10,000 training images for
// validation. sklearn is the network of scikit-learn's "Visualization of MLP weights on MNIST": its MLPClassifier takes
// Nesterov's momentum, Glorot's start, and α/batch as weight decay, so λ = α·n/batch.
func Preset(name string) (Recipe, error) {
	r := Recipe{
		Preset: name, Hidden: engine.Sigmoid, Output: engine.Sigmoid, Loss: engine.CrossEntropy,
		LR: 0.5, Epochs: 30, Batch: 10, Seed: 1, Split: "50000/10000", Keep: "last", Frames: "epoch",
		hidden: []int{100},
	}
	switch name {
	case "clear":
		r.L2, r.Schedule = 5, engine.Step
	case "nielsen1":
		r.Loss, r.Init, r.LR = engine.Quadratic, engine.InitNormal, 3
	case "nielsen2":
		r.Init, r.LR, r.L2, r.Epochs = engine.InitNormal, 0.1, 5, 60
	case "zero-one":
		r.Loss, r.Init, r.LR = engine.Quadratic, engine.InitNormal, 3
		r.Classes, r.hidden = []int{0, 1}, []int{1}
	case "sklearn":
		r.Hidden, r.Output, r.Init = engine.ReLU, engine.Softmax, engine.InitXavier
		r.Optimizer, r.LR, r.Momentum, r.Batch, r.Epochs = engine.Nesterov, 0.1, 0.9, 200, 10
		r.L2, r.Split, r.hidden = 1e-4*60000/200, "60000/0", []int{50}
	case "fast":
		r.Hidden, r.Output, r.Init = engine.ReLU, engine.Softmax, engine.InitHe
		r.Optimizer, r.LR, r.Batch, r.Epochs = engine.Adam, 0.001, 256, 10
	default:
		return Recipe{}, fmt.Errorf("unknown preset %q; want one of %s", name, strings.Join(names, " "))
	}
	return r, nil
}

// Spec resolves the recipe for images of inputs pixels, so many classes and n training images, and fills in Net.
func (r *Recipe) Spec(inputs, classes, n int) (engine.Spec, error) {
	sizes := append(append([]int{inputs}, r.hidden...), classes)
	if r.Net != "" {
		var err error
		if sizes, err = engine.ParseSizes(r.Net); err != nil {
			return engine.Spec{}, err
		}
		if sizes[0] != inputs {
			return engine.Spec{}, fmt.Errorf("network %s: the first size is %d, but an image has %d pixels; write %s",
				r.Net, sizes[0], inputs, join(append([]int{inputs}, sizes[1:]...)))
		}
		if last := sizes[len(sizes)-1]; last != classes {
			return engine.Spec{}, fmt.Errorf("network %s: the last size is %d, but there are %d classes; write %s",
				r.Net, last, classes, join(append(slices.Clone(sizes[:len(sizes)-1]), classes)))
		}
	}
	r.Net = join(sizes)
	s := engine.Spec{
		Inputs: inputs, Loss: r.Loss, Init: r.Init, L2: r.L2, L1: r.L1, N: n, Dropout: r.Dropout, Seed: r.Seed,
		Update: engine.Update{Method: r.Optimizer, Momentum: r.Momentum},
	}
	for i, units := range sizes[1:] {
		act := r.Hidden
		if i == len(sizes)-2 {
			act = r.Output
		}
		s.Layers = append(s.Layers, engine.Layer{Units: units, Activation: act})
	}
	return s, s.Validate()
}

func join(sizes []int) string {
	var parts []string
	for _, n := range sizes {
		parts = append(parts, strconv.Itoa(n))
	}
	return strings.Join(parts, "-")
}

// Config resolves the recipe's course of training.
func (r Recipe) Config() (engine.Config, error) {
	c := engine.Config{
		Epochs: r.Epochs, Batch: r.Batch, LR: r.LR, Schedule: r.Schedule,
		EarlyStop: r.EarlyStop, KeepBest: r.Keep == "best",
	}
	if r.Keep != "best" && r.Keep != "last" {
		return c, fmt.Errorf("keep %q: want best or last", r.Keep)
	}
	return c, c.Validate()
}

// FrameEvery returns every how many epochs the first layer's weights are kept; 0 = never.
func (r Recipe) FrameEvery() (int, error) {
	switch r.Frames {
	case "epoch":
		return 1, nil
	case "none":
		return 0, nil
	}
	n, err := strconv.Atoi(r.Frames)
	if err != nil || n < 1 {
		return 0, fmt.Errorf("frames %q: want epoch, none, or a number of epochs from 1", r.Frames)
	}
	return n, nil
}

// SplitSizes returns how many of total images are for training and for validation, and fills in Split. The first
// images train, those after them validate.
func (r *Recipe) SplitSizes(total int) (train, validation int, err error) {
	if r.Split == "" {
		if total < 2 {
			return 0, 0, fmt.Errorf("%d training images are too few to split; give --split", total)
		}
		train = total * 5 / 6
		r.Split = fmt.Sprintf("%d/%d", train, total-train)
		return train, total - train, nil
	}
	a, b, ok := strings.Cut(r.Split, "/")
	train, err1 := strconv.Atoi(a)
	validation, err2 := strconv.Atoi(b)
	if !ok || err1 != nil || err2 != nil || train < 1 || validation < 0 {
		return 0, 0, fmt.Errorf("split %q: want training/validation images, as in 50000/10000", r.Split)
	}
	if train > total || validation > total-train {
		return 0, 0, fmt.Errorf("split %s asks for %d images, the training set has %d", r.Split, train+validation,
			total)
	}
	return train, validation, nil
}

// Over sets what a person gave over what a preset says; nil is what nobody gave.
func Over[T any](preset, given *T) {
	if given != nil {
		*preset = *given
	}
}
