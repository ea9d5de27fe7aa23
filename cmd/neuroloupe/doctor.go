package main

import (
	"fmt"
	"slices"
	"strings"

	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
)

type doctorCmd struct {
	Folder string `arg:"" name:"run" help:"Run folder."`
	JSON   bool   `name:"json" help:"Print one JSON document instead of words."`
}

func (doctorCmd) Help() string {
	return `Says how much of the weight maps is the random start, how smooth they are, which pixels and neurons are dead,
which classes are never predicted, and what to type next.

Examples:

    neuroloupe doctor runs/mnist-784-100-10-clear-s1
    neuroloupe doctor runs/mnist-784-100-10-nielsen1-s1 --json
`
}

// diagnosis is what the doctor finds. What needs the test images is null when they cannot be read.
type diagnosis struct {
	RhoMedian      float64    `json:"rho_median"`
	Smoothness     smoothness `json:"smoothness"`
	DeadPixels     int        `json:"dead_pixels"`
	DeadRMS        float64    `json:"dead_rms"`
	Saturated      *int       `json:"saturated"`
	NeverPredicted []string   `json:"never_predicted"`
	Gamma          float64    `json:"gamma"`
	Advice         []string   `json:"advice"`

	hidden     int // neurons of the first layer
	activation engine.Activation
	noData     error
	lost       []string // classes that the network hardly ever gets right, with their recall
}

// smoothness is the median over the neurons; see inspect.Smoothness.
type smoothness struct {
	Raw     float64 `json:"raw"`
	Learned float64 `json:"learned"`
	Init    float64 `json:"init"`
}

func (c *doctorCmd) Run(a *app) error {
	l, err := openLook(c.Folder)
	if err != nil {
		return err
	}
	d := l.diagnose(a)
	if c.JSON {
		return a.printJSON(d)
	}
	return d.print(a, l)
}

func (l *look) diagnose(a *app) *diagnosis {
	m := l.folder.Manifest.Data
	raw, start := inspect.Maps(l.show("raw")), inspect.Maps(l.show("init"))
	d := &diagnosis{
		Smoothness: smoothness{
			Raw: medianSmoothness(raw, m.Rows, m.Cols), Init: medianSmoothness(start, m.Rows, m.Cols),
			Learned: medianSmoothness(inspect.Maps(l.show("learned")), m.Rows, m.Cols),
		},
		DeadPixels: len(m.Dead), DeadRMS: inspect.RMS(raw, l.folder.Manifest.DeadMask()),
		Gamma: l.gamma, hidden: len(raw), activation: l.folder.Spec.Layers[0].Activation,
	}
	var rho []float64
	for j := range raw {
		rho = append(rho, inspect.Rho(raw[j], start[j]))
	}
	d.RhoMedian = inspect.Median(rho)
	s, err := l.watch(a)
	if err != nil {
		d.noData = err
	} else {
		n := 0
		for _, share := range s.activity.Stuck {
			if share >= stuck(d.activation) {
				n++
			}
		}
		d.Saturated, d.NeverPredicted = &n, []string{}
		for k, r := range s.score.Recall() {
			if r >= 0 && r < lost && !slices.Contains(s.score.NeverPredicted(), k) {
				d.lost = append(d.lost, fmt.Sprintf("%s (%.1f %%)", m.Classes[k], 100*r))
			}
		}
		for _, k := range s.score.NeverPredicted() {
			d.NeverPredicted = append(d.NeverPredicted, m.Classes[k])
		}
	}
	d.Advice = l.advise(d)
	return d
}

// stuck is the share of the images, saturated at the same end, from which a neuron counts as saturated. A relu neuron is often 0; it counts
// when it is 0 for all.
func stuck(act engine.Activation) float64 {
	if act == engine.ReLU {
		return 1
	}
	return 0.9
}

func medianSmoothness(maps [][]float32, rows, cols int) float64 {
	var all []float64
	for _, m := range maps {
		all = append(all, inspect.Smoothness(m, rows, cols))
	}
	return inspect.Median(all)
}

// Bounds of the advice.
const (
	mostlyStart = 0.5  // ρ from which a raw map is more start than learned
	readable    = 0.5  // smoothness from which a map reads as a picture
	lost        = 0.5  // recall below which a class is as good as not learned
	deadVisible = 0.05 // rms at dead pixels, over the rms of the raw maps, from which they are seen
)

// advise says what the numbers mean and what to type next.
func (l *look) advise(d *diagnosis) []string {
	run, r := l.folder.Path, l.folder.Manifest.Train
	advice := []string{}
	add := func(format string, args ...any) { advice = append(advice, fmt.Sprintf(format, args...)) }

	noise := d.RhoMedian >= mostlyStart
	if noise {
		add("%.0f %% of a raw map is the random start, which training never touched; that is the noise you see. "+
			"Look at what training added: neuroloupe sheet %s --show learned", 100*d.RhoMedian, run)
	}
	if seen := l.visibleDead(d); seen {
		add("%d of the %d pixels are never inked in the training images: no gradient reaches their weights, so they keep "+
			"their start for ever. Mark them: neuroloupe sheet %s --mark-dead. Start them at 0: train with --zero-dead. "+
			"Or let weight decay wipe them out: --l2 5", d.DeadPixels, l.folder.Spec.Inputs, run)
	}
	if d.hidden == 1 && noise {
		add("One hidden neuron needs to change few weights, and only a little, to tell %d classes apart: the answer is in the "+
			"map, faint, under its start. neuroloupe sheet %s --show all puts start, map and difference side by side",
			l.folder.Spec.Classes(), run)
	}
	if noise && r.Init == engine.InitNormal {
		add("For maps that read as they are, start small and let the start decay: neuroloupe train --preset clear, or --init scaled --l2 5")
	}
	if len(d.NeverPredicted) > 0 || len(d.lost) > 0 {
		var text string
		if len(d.NeverPredicted) > 0 {
			text = fmt.Sprintf("The network never predicts %s. ", strings.Join(d.NeverPredicted, ", "))
		}
		if len(d.lost) > 0 {
			text += fmt.Sprintf("It finds too few of the images of %s. ", strings.Join(d.lost, ", "))
		}
		if r.Loss == engine.Quadratic && l.folder.Spec.Layers[len(l.folder.Spec.Layers)-1].Activation == engine.Sigmoid {
			text += "With the quadratic loss an output that is saturated at 0 learns no more: its gradient has the factor σ'(z) ≈ 0. " +
				"--loss cross-entropy does not have it; another --seed may escape"
		} else {
			text += "See its share of the images (neuroloupe data show), try a lower --lr or more --epochs"
		}
		add("%s", text)
	}
	if d.Saturated != nil && *d.Saturated > 0 {
		switch d.activation {
		case engine.ReLU:
			add("%d of %d hidden neurons are 0 for every test image and can learn no more; a lower --lr or --init he keeps them alive", *d.Saturated, d.hidden)
		default:
			add("%d of %d hidden neurons are at the same end for nine of ten test images, so they say little and hardly learn: their "+
				"weighted inputs are too large. Start smaller: --init scaled", *d.Saturated, d.hidden)
		}
	}
	if !noise && d.Smoothness.Learned < readable {
		add("What was learned is not smooth itself (%.2f; a picture has more than %.1f): more --epochs, or weight decay --l2 5, "+
			"make the maps clearer", d.Smoothness.Learned, readable)
	}
	if len(advice) == 0 {
		add("Nothing to mend: the maps show what was learned. neuroloupe sheet %s --order class puts like with like", run)
	}
	return advice
}

// visibleDead reports whether the dead pixels' weights stand out in the raw maps.
func (l *look) visibleDead(d *diagnosis) bool {
	if d.DeadPixels == 0 {
		return false
	}
	all := make([]bool, l.folder.Spec.Inputs)
	for i := range all {
		all[i] = true
	}
	return d.DeadRMS > deadVisible*inspect.RMS(inspect.Maps(l.show("raw")), all)
}

func (d *diagnosis) print(a *app, l *look) error {
	m := l.folder.Manifest
	gamma := fmt.Sprintf("%.4g", d.Gamma)
	switch {
	case l.gammaMeasured:
		gamma += ", estimated from the weights: ⟨W,W₀⟩/⟨W₀,W₀⟩"
	case d.Gamma == 1:
		gamma += ": no weight decay, the start stays whole"
	default:
		gamma += fmt.Sprintf(": weight decay has shrunk the start to %.2g %%", 100*d.Gamma)
	}
	rows := [][2]string{
		{"run", fmt.Sprintf("%s: %s %s, preset %s, seed %d", l.folder.Path, m.Data.Title, l.folder.Spec, m.Train.Preset, m.Train.Seed)},
		{"start, ρ", fmt.Sprintf("%.3f: so much of a neuron's raw map is its random start (median of %d; ρ = corr(W, W₀)²)", d.RhoMedian, d.hidden)},
		{"start, γ", gamma},
		{"smoothness", fmt.Sprintf("raw %s, learned %s, start %s (lag-1 autocorrelation; noise 0, a picture near 1)",
			hundredths(d.Smoothness.Raw), hundredths(d.Smoothness.Learned), hundredths(d.Smoothness.Init))},
		{"dead pixels", fmt.Sprintf("%d of %d are never inked in training; their raw weights have rms %.2g", d.DeadPixels, l.folder.Spec.Inputs, d.DeadRMS)},
	}
	if d.noData != nil {
		rows = append(rows, [2]string{"not known", fmt.Sprintf("saturation and recall need the test images: %s", oneLine(d.noData))})
	} else {
		never := "none"
		if len(d.NeverPredicted) > 0 {
			never = strings.Join(d.NeverPredicted, ", ")
		}
		name := "saturated"
		if d.activation == engine.ReLU {
			name = "dead neurons"
		}
		rows = append(rows,
			[2]string{name, fmt.Sprintf("%d of %d hidden neurons", *d.Saturated, d.hidden)},
			[2]string{"never predicted", never})
	}
	if err := printRows(a.stdout, rows); err != nil {
		return err
	}
	for _, s := range d.Advice {
		if _, err := fmt.Fprintf(a.stdout, "\n• %s\n", s); err != nil {
			return err
		}
	}
	return nil
}

// hundredths writes v with two decimals, and what rounds to nothing without a sign.
func hundredths(v float64) string {
	if s := fmt.Sprintf("%.2f", v); s != "-0.00" {
		return s
	}
	return "0.00"
}
