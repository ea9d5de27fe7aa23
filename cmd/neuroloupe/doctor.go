package main

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"

	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
)

type doctorCmd struct {
	Folder  string `arg:"" name:"run" help:"Run folder."`
	DataDir string `name:"folder" placeholder:"DIR" help:"Folder of the run's data set; default where training found it."`
	JSON    bool   `name:"json" help:"Print one JSON document instead of words."`
}

func (doctorCmd) Help() string {
	return `Says how much of the weight maps is the random start, how smooth they are, which pixels and neurons are dead,
which classes are never predicted, and what to type next. Settings that it advises were tried: it trains the network anew for
a moment, on a part of the images, with them and without.

Examples:

    neuroloupe doctor runs/mnist-784-100-10-clear-s1
    neuroloupe doctor runs/mnist-784-100-10-nielsen1-s1 --json
`
}

// diagnosis is what the doctor finds. What needs the test images is null when they cannot be read; of a network that was
// made elsewhere, what needs its start is null, and without a data set the dead pixels too.
type diagnosis struct {
	RhoMedian      *float64   `json:"rho_median"`
	Smoothness     smoothness `json:"smoothness"`
	DeadPixels     *int       `json:"dead_pixels"`
	DeadRMS        *float64   `json:"dead_rms"`
	Saturated      *int       `json:"saturated"`
	NeverPredicted []string   `json:"never_predicted"`
	UnusedClasses  []string   `json:"unused_classes"` // no image at all; null when the images cannot be read
	Gamma          *float64   `json:"gamma"`
	Layers         []finding  `json:"layers"`
	Advice         []string   `json:"advice"`

	hidden     int // neurons of all hidden layers; Saturated is of these
	activation engine.Activation
	stuck      [2]int // hidden layer and number of the first saturated neuron, from 0
	noData     error
	lost       []string // beside those never predicted; see lostClasses
}

// finding is what the doctor finds of one layer, 1 being the first; the last is the output.
type finding struct {
	Layer     int      `json:"layer"`
	Neurons   int      `json:"neurons"`
	RhoMedian *float64 `json:"rho_median"` // of its neurons' own weights; null when the start is not known
	Saturated *int     `json:"saturated"`  // null for the output, and without test images
}

// smoothness is the median over the neurons; see inspect.Smoothness.
type smoothness struct {
	Raw     float64  `json:"raw"`
	Learned *float64 `json:"learned"`
	Init    *float64 `json:"init"`
}

func (c *doctorCmd) Run(a *app) (err error) {
	v, err := openView(a, c.Folder, c.DataDir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, v.close()) }()
	if err := v.look(); err != nil {
		return err
	}
	d, err := v.diagnose()
	if err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(d)
	}
	return d.print(a, v)
}

// diagnose looks at a run. What needs images that are not there is not known; that they cannot be read is an error.
func (v *view) diagnose() (*diagnosis, error) {
	m := v.folder.Manifest.Data
	raw := inspect.Maps(v.weights("raw"))
	d := &diagnosis{activation: v.spec().Layers[0].Activation}
	d.Smoothness.Raw = v.smoothness(inspect.ShowRaw)
	if v.noStart == nil {
		d.Smoothness.Init, d.Smoothness.Learned = new(v.smoothness(inspect.ShowStart)), new(v.smoothness(inspect.ShowLearned))
		d.RhoMedian, d.Gamma = new(inspect.Median(v.rho())), &v.net.Gamma
	}
	if m.Name != "" {
		d.DeadPixels, d.DeadRMS = new(len(m.Dead)), new(inspect.RMS(raw, v.folder.Manifest.DeadMask()))
	}
	s, err := v.score()
	d.noData = errors.Join(err, v.examine(d))
	if d.noData == nil {
		d.NeverPredicted, d.lost = lostClasses(s, m.Classes)
	}
	switch e, err := v.examples(); {
	case err == nil:
		d.UnusedClasses = unusedClasses(e)
	case !isMissing(err):
		return nil, err
	}
	d.Advice = v.advise(d)
	return d, v.app.ctx.Err() // what it had no time for is not unknown
}

// unusedClasses names the classes that no image is of; it is not nil.
func unusedClasses(e *examples) []string {
	names := []string{}
	train, validation, test := e.train.ClassCounts(), e.validation.ClassCounts(), e.test.ClassCounts()
	for k, name := range e.train.Classes {
		if train[k]+validation[k]+test[k] == 0 {
			names = append(names, name)
		}
	}
	return names
}

// examine looks at each layer. The error is for what needs the test images.
func (v *view) examine(d *diagnosis) (err error) {
	total, first := 0, true
	for l, layer := range v.spec().Layers {
		f := finding{Layer: l + 1, Neurons: layer.Units}
		if v.noStart == nil {
			f.RhoMedian = new(inspect.Median(rhos(v.net.Params.Weight(l+1), v.net.Initial.Weight(l+1))))
		}
		if l <= v.net.Hidden() && err == nil {
			d.hidden += layer.Units
			var act inspect.Activity
			if act, err = v.activity(l); err == nil {
				n := 0
				for j, share := range act.Stuck {
					if share < stuck(layer.Activation) {
						continue
					}
					if n++; first {
						d.stuck, first = [2]int{l, j}, false
					}
				}
				f.Saturated, total = &n, total+n
			}
		}
		d.Layers = append(d.Layers, f)
	}
	if err == nil {
		d.Saturated = &total
	}
	return err
}

// rhos returns ρ of each neuron of a layer.
func rhos(w, w0 engine.Tensor) []float64 {
	raw, start := inspect.Maps(w), inspect.Maps(w0)
	rho := make([]float64, len(raw))
	for j := range raw {
		rho[j] = inspect.Rho(raw[j], start[j])
	}
	return rho
}

// stuck is the share of the images, saturated at the same end, from which a neuron counts as saturated. A relu neuron is
// often 0; it counts when it is 0 for all.
func stuck(act engine.Activation) float64 {
	if act == engine.ReLU {
		return 1
	}
	return 0.9
}

// smoothness is the median over the first layer's maps; NaN for a way to show them that needs a start which is not known.
func (v *view) smoothness(show inspect.Show) float64 {
	all, err := v.subject.Smoothness(v.app.ctx, show, 0)
	if err != nil { // there is no other reason
		return math.NaN()
	}
	return inspect.Median(all)
}

// next says what to look at now.
func (v *view) next(d *diagnosis) string {
	run := v.folder.Path
	if d.noData != nil {
		return fmt.Sprintf("Next: neuroloupe templates %s shows what each class looks for; what neurons do needs the test images, for "+
			"which --folder DIR says where they are", run)
	}
	class := strings.ReplaceAll(fmt.Sprintf("%q", v.classes()[len(v.classes())-1]), `"`, "")
	if strings.ContainsAny(class, " '\\") {
		class = strconv.Itoa(len(v.classes()) - 1)
	}
	return fmt.Sprintf("Next: neuroloupe why %s --image test:0 follows one image through the network; neuroloupe class %s %s shows which "+
		"neurons speak for a class, and which its weights alone would name; neuroloupe ablate %s which of them matter; neuroloupe report %s "+
		"puts it all on one page", run, run, class, run, run)
}

// layerOption is the flag that names a hidden layer, 0 being the first, which needs none.
func layerOption(layer int) string {
	if layer == 0 {
		return ""
	}
	return fmt.Sprintf(" --layer %d", layer+1)
}

// visibleDead reports whether the dead pixels' weights stand out in the raw maps.
func (v *view) visibleDead(d *diagnosis) bool {
	if d.DeadPixels == nil || *d.DeadPixels == 0 {
		return false
	}
	all := make([]bool, v.spec().Inputs)
	for i := range all {
		all[i] = true
	}
	return *d.DeadRMS > deadVisible*inspect.RMS(inspect.Maps(v.weights("raw")), all)
}

func (d *diagnosis) print(a *app, v *view) error {
	if err := printRows(a.stdout, d.rows(v)); err != nil {
		return err
	}
	for _, s := range d.Advice {
		if _, err := fmt.Fprintf(a.stdout, "\n• %s\n", s); err != nil {
			return err
		}
	}
	return nil
}

// rows are the numbers found, each with its name.
func (d *diagnosis) rows(v *view) [][2]string {
	rows := d.startRows(v)
	dead := "not known without a data set"
	if d.DeadPixels != nil {
		dead = fmt.Sprintf("%d of %d are never inked in training; their raw weights have rms %.2g", *d.DeadPixels, v.spec().Inputs, *d.DeadRMS)
	}
	rows = append(rows, [2]string{"dead pixels", dead})
	if d.noData != nil {
		rows = append(rows, [2]string{"not known", fmt.Sprintf("saturation and recall need the test images: %s", words.Line(d.noData))})
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
			[2]string{name, d.saturated()},
			[2]string{"never predicted", never})
	}
	return rows
}

// saturated says how many neurons are stuck, and where if there are several layers.
func (d *diagnosis) saturated() string {
	s := fmt.Sprintf("%d of %d hidden neurons", *d.Saturated, d.hidden)
	hidden := d.Layers[:len(d.Layers)-1]
	if len(hidden) < 2 || *d.Saturated == 0 {
		return s
	}
	var each []string
	for _, f := range hidden {
		each = append(each, fmt.Sprintf("layer %d: %d of %d", f.Layer, *f.Saturated, f.Neurons))
	}
	return s + " (" + strings.Join(each, ", ") + ")"
}

// rhoByLayer says how much of each layer's weights is their start.
func (d *diagnosis) rhoByLayer() string {
	var each []string
	for _, f := range d.Layers {
		name := fmt.Sprintf("layer %d", f.Layer)
		if f.Layer == len(d.Layers) {
			name = "output"
		}
		each = append(each, fmt.Sprintf("%s %.3f", name, *f.RhoMedian))
	}
	return strings.Join(each, ", ") + " (median over a layer's neurons, of their own weights)"
}

// startRows says what the run is and how much of the maps is its start.
func (d *diagnosis) startRows(v *view) [][2]string {
	const smooth = "(lag-1 autocorrelation; noise 0, a picture near 1)"
	m := v.folder.Manifest
	run := fmt.Sprintf("%s: %s %s", v.folder.Path, m.Data.Title, v.spec())
	if v.noStart != nil {
		return [][2]string{
			{"run", fmt.Sprintf("%s, imported from %s (%s)", run, m.Import.File, m.Import.Form)},
			{"start, ρ γ", fmt.Sprintf("not known: %v", v.noStart)},
			{"smoothness", fmt.Sprintf("raw %s %s", words.Hundredths(d.Smoothness.Raw), smooth)},
		}
	}
	gamma := fmt.Sprintf("%.4g", *d.Gamma)
	switch {
	case v.gammaMeasured:
		gamma += ", estimated from the weights: ⟨W,W₀⟩/⟨W₀,W₀⟩"
	case *d.Gamma == 1:
		gamma += ": no weight decay, the start stays whole"
	default:
		gamma += fmt.Sprintf(": weight decay has shrunk the start to %.2g %%", 100**d.Gamma)
	}
	return [][2]string{
		{"run", fmt.Sprintf("%s, preset %s, seed %d", run, m.Train.Preset, m.Train.Seed)},
		{"start, ρ", fmt.Sprintf("%.3f: so much of a neuron's raw map is its random start (median of %d; ρ = corr(W, W₀)²)", *d.RhoMedian, v.spec().Layers[0].Units)},
		{"ρ by layer", d.rhoByLayer()},
		{"start, γ", gamma},
		{"smoothness", fmt.Sprintf("raw %s, learned %s, start %s %s",
			words.Hundredths(d.Smoothness.Raw), words.Hundredths(*d.Smoothness.Learned), words.Hundredths(*d.Smoothness.Init), smooth)},
	}
}
