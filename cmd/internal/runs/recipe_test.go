package runs

import (
	"strings"
	"testing"

	"neuroloupe/engine"
)

// The presets against the recipes they are named after.
func TestPresets(t *testing.T) {
	for _, c := range []struct {
		name, net, split string
		want             engine.Spec
		config           engine.Config
	}{
		{
			"clear", "784-100-10", "50000/10000",
			engine.Spec{Loss: engine.CrossEntropy, Init: engine.InitScaled, L2: 5},
			engine.Config{Epochs: 30, Batch: 10, LR: 0.5, Schedule: engine.Step},
		},
		{
			"nielsen1", "784-100-10", "50000/10000",
			engine.Spec{Loss: engine.Quadratic, Init: engine.InitNormal},
			engine.Config{Epochs: 30, Batch: 10, LR: 3},
		},
		{
			"nielsen2", "784-100-10", "50000/10000",
			engine.Spec{Loss: engine.CrossEntropy, Init: engine.InitNormal, L2: 5},
			engine.Config{Epochs: 60, Batch: 10, LR: 0.1},
		},
		{
			"zero-one", "784-1-2", "50000/10000",
			engine.Spec{Loss: engine.Quadratic, Init: engine.InitNormal},
			engine.Config{Epochs: 30, Batch: 10, LR: 3},
		},
		{
			"sklearn", "784-50-10", "60000/0",
			// α·n/batch: the penalty's gradient is α·w/batch
			engine.Spec{
				Loss: engine.CrossEntropy, Init: engine.InitXavier, L2: 0.03,
				Update: engine.Update{Method: engine.Nesterov, Momentum: 0.9},
			},
			engine.Config{Epochs: 10, Batch: 200, LR: 0.1},
		},
		{
			"fast", "784-100-10", "50000/10000",
			engine.Spec{Loss: engine.CrossEntropy, Init: engine.InitHe, Update: engine.Update{Method: engine.Adam}},
			engine.Config{Epochs: 10, Batch: 256, LR: 0.001},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := Preset(c.name)
			if err != nil {
				t.Fatal(err)
			}
			classes := 10
			if len(r.Classes) > 0 {
				classes = len(r.Classes)
			}
			s, err := r.Spec(784, classes, 50000)
			if err != nil {
				t.Fatal(err)
			}
			if r.Net != c.net || s.String() != c.net || r.Split != c.split {
				t.Errorf("net %s, %v, split %s", r.Net, s, r.Split)
			}
			if s.Loss != c.want.Loss || s.Init != c.want.Init || s.Update != c.want.Update || s.L1 != 0 ||
				s.Dropout != 0 ||
				s.L2 < c.want.L2*0.9999 || s.L2 > c.want.L2*1.0001 {
				t.Errorf("spec %+v, want %+v", s, c.want)
			}
			hidden, out := engine.Sigmoid, engine.Sigmoid
			if c.name == "sklearn" || c.name == "fast" {
				hidden, out = engine.ReLU, engine.Softmax
			}
			if s.Layers[0].Activation != hidden || s.Layers[1].Activation != out {
				t.Errorf("activations %v %v", s.Layers[0].Activation, s.Layers[1].Activation)
			}
			cfg, err := r.Config()
			if err != nil || cfg != c.config {
				t.Errorf("config %+v %v, want %+v", cfg, err, c.config)
			}
		})
	}
	if _, err := Preset("nielsen3"); err == nil || !strings.Contains(err.Error(), "clear nielsen1") {
		t.Errorf("unknown preset: %v", err)
	}
}

func TestSplitSizes(t *testing.T) {
	for _, c := range []struct {
		split             string
		total, train, val int // train 0 = an error
		filled            string
	}{
		{"50000/10000", 60000, 50000, 10000, "50000/10000"},
		{"100/0", 300, 100, 0, "100/0"},
		{"", 300, 250, 50, "250/50"},
		{"", 2, 1, 1, "1/1"},
		{"", 1, 0, 0, ""},
		{"50000/10000", 59999, 0, 0, ""},
		{"9223372036854775807/9223372036854775807", 60000, 0, 0, ""},
		{"0/10", 60000, 0, 0, ""},
		{"10/-1", 60000, 0, 0, ""},
		{"50000", 60000, 0, 0, ""},
		{"a/b", 60000, 0, 0, ""},
	} {
		r := Recipe{Split: c.split}
		n, v, err := r.SplitSizes(c.total)
		if (err != nil) != (c.train == 0) || err == nil && (n != c.train || v != c.val || r.Split != c.filled) {
			t.Errorf("%q of %d: %d %d %q %v", c.split, c.total, n, v, r.Split, err)
		}
	}
}

func TestFrameEvery(t *testing.T) {
	for text, want := range map[string]int{"epoch": 1, "none": 0, "5": 5} {
		if n, err := (Recipe{Frames: text}).FrameEvery(); n != want || err != nil {
			t.Errorf("%s: %d %v", text, n, err)
		}
	}
	for _, bad := range []string{"", "0", "-2", "often"} {
		if _, err := (Recipe{Frames: bad}).FrameEvery(); err == nil {
			t.Errorf("%q: no error", bad)
		}
	}
}
