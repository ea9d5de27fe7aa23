// Package doctor says what state a run's maps are in and what to do about it. Settings that it advises were tried: it
// trains the network anew for a moment, with them and without.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"neuroloupe/cmd/internal/dataset"
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
)

// Diagnosis is what the doctor finds. What needs the test images is null when they cannot be read; of a network that
// was made elsewhere, what needs its start is null, and without a data set the dead pixels too.
type Diagnosis struct {
	RhoMedian      *float64   `json:"rho_median"`
	Smoothness     Smoothness `json:"smoothness"`
	DeadPixels     *int       `json:"dead_pixels"`
	DeadRMS        *float64   `json:"dead_rms"`
	Saturated      *int       `json:"saturated"`
	NeverPredicted []string   `json:"never_predicted"`
	UnusedClasses  []string   `json:"unused_classes"` // no image at all; null when the images cannot be read
	Gamma          *float64   `json:"gamma"`
	Layers         []Finding  `json:"layers"`
	Advice         []string   `json:"advice"`

	hidden     int // neurons of all hidden layers; Saturated is of these
	activation engine.Activation
	stuck      [2]int // hidden layer and number of the first saturated neuron, from 0
	noData     error
	lost       []string // beside those never predicted; see job.LostClasses
}

// Finding is what the doctor finds of one layer, 1 being the first; the last is the output.
type Finding struct {
	Layer     int      `json:"layer"`
	Neurons   int      `json:"neurons"`
	RhoMedian *float64 `json:"rho_median"` // of its neurons' own weights; null when the start is not known
	Saturated *int     `json:"saturated"`  // null for the output, and without test images
}

// Smoothness is the median over the neurons; see inspect.Smoothness.
type Smoothness struct {
	Raw     float64  `json:"raw"`
	Learned *float64 `json:"learned"`
	Init    *float64 `json:"init"`
}

// Diagnose looks at a run. What needs images that are not there is not known; that they cannot be read is an error.
func Diagnose(v *gallery.View) (*Diagnosis, error) {
	m := v.Folder.Manifest.Data
	d := &Diagnosis{activation: v.Spec().Layers[0].Activation}
	d.Smoothness.Raw = v.Smoothness(inspect.ShowRaw)
	if v.NoStart == nil {
		d.Smoothness.Init, d.Smoothness.Learned = new(v.Smoothness(inspect.ShowStart)),
			new(v.Smoothness(inspect.ShowLearned))
		d.RhoMedian, d.Gamma = new(inspect.Median(v.Rho())), &v.Net.Gamma
	}
	if m.Name != "" {
		rms, err := v.Subject.RMS(v.Context(), v.Folder.Manifest.DeadMask())
		if err != nil {
			return nil, err
		}
		d.DeadPixels, d.DeadRMS = new(len(m.Dead)), &rms
	}
	s, err := v.Score()
	d.noData = errors.Join(err, examine(v, d))
	if d.noData == nil {
		d.NeverPredicted, d.lost = job.LostClasses(s, m.Classes)
	}
	switch e, err := v.Examples(); {
	case err == nil:
		d.UnusedClasses = unusedClasses(e)
	case !dataset.Missing(err):
		return nil, err
	}
	d.Advice = advise(v, d)
	return d, v.Context().Err() // what it had no time for is not unknown
}

// unusedClasses names the classes that no image is of; it is not nil.
func unusedClasses(e *dataset.Examples) []string {
	names := []string{}
	train, validation, test := e.Train.ClassCounts(), e.Validation.ClassCounts(), e.Test.ClassCounts()
	for k, name := range e.Train.Classes {
		if train[k]+validation[k]+test[k] == 0 {
			names = append(names, name)
		}
	}
	return names
}

// examine looks at each layer. The error is for what needs the test images.
func examine(v *gallery.View, d *Diagnosis) (err error) {
	total, first := 0, true
	for l, layer := range v.Spec().Layers {
		f := Finding{Layer: l + 1, Neurons: layer.Units}
		if v.NoStart == nil {
			rho, _ := v.Subject.OwnRho(l) // whose one error is NoStart
			f.RhoMedian = new(inspect.Median(rho))
		}
		if l <= v.Net.Hidden() && err == nil {
			d.hidden += layer.Units
			var which []int
			if which, err = saturated(v.Context(), v.Subject, l); err == nil {
				if first && len(which) > 0 {
					d.stuck, first = [2]int{l, which[0]}, false
				}
				f.Saturated, total = new(len(which)), total+len(which)
			}
		}
		d.Layers = append(d.Layers, f)
	}
	if err == nil {
		d.Saturated = &total
	}
	return err
}

// saturated returns the neurons of a hidden layer that are; see stuck.
func saturated(ctx context.Context, s *inspect.Subject, layer int) ([]int, error) {
	act, err := s.Activity(ctx, layer)
	if err != nil {
		return nil, err
	}
	var which []int
	for j, share := range act.Stuck {
		if share >= stuck(s.Net.Spec.Layers[layer].Activation) {
			which = append(which, j)
		}
	}
	return which, nil
}

// stuck is the share of the images, saturated at the same end, from which a neuron counts as saturated. A relu neuron
// is often 0; it counts when it is 0 for all.
func stuck(act engine.Activation) float64 {
	if act == engine.ReLU {
		return 1
	}
	return 0.9
}

// next says what to look at now.
func next(v *gallery.View, d *Diagnosis) string {
	run := v.Folder.Path
	if d.noData != nil {
		return fmt.Sprintf("Next: neuroloupe templates %s shows what each class looks for; what neurons do needs the "+
			"test images, for which --folder DIR says where they are", run)
	}
	class := strings.ReplaceAll(fmt.Sprintf("%q", v.Classes()[len(v.Classes())-1]), `"`, "")
	if strings.ContainsAny(class, " '\\") {
		class = strconv.Itoa(len(v.Classes()) - 1)
	}
	return fmt.Sprintf("Next: neuroloupe why %s --image test:0 follows one image through the network; neuroloupe "+
		"class %s %s shows which neurons speak for a class, and which its weights alone would name; neuroloupe "+
		"ablate %s which of them matter; neuroloupe report %s puts it all on one page", run, run, class, run, run)
}

// layerOption is the flag that names a hidden layer, 0 being the first, which needs none.
func layerOption(layer int) string {
	if layer == 0 {
		return ""
	}
	return fmt.Sprintf(" --layer %d", layer+1)
}

// visibleDead reports whether the dead pixels' weights stand out in the raw maps.
func visibleDead(v *gallery.View, d *Diagnosis) bool {
	if d.DeadPixels == nil || *d.DeadPixels == 0 {
		return false
	}
	all, err := v.Subject.RMS(v.Context(), nil)
	return err == nil && *d.DeadRMS > deadVisible*all
}

// Rows are the numbers found, each with its name.
func (d *Diagnosis) Rows(v *gallery.View) [][2]string {
	rows := d.startRows(v)
	dead := "not known without a data set"
	if d.DeadPixels != nil {
		dead = fmt.Sprintf("%d of %d are never inked in training; their raw weights have rms %.2g", *d.DeadPixels,
			v.Spec().Inputs, *d.DeadRMS)
	}
	rows = append(rows, [2]string{"dead pixels", dead})
	if d.noData != nil {
		rows = append(rows, [2]string{
			"not known",
			fmt.Sprintf("saturation and recall need the test images: %s", words.Line(d.noData)),
		})
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
func (d *Diagnosis) saturated() string {
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
func (d *Diagnosis) rhoByLayer() string {
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
func (d *Diagnosis) startRows(v *gallery.View) [][2]string {
	const smooth = "(lag-1 autocorrelation; noise 0, a picture near 1)"
	m := v.Folder.Manifest
	run := fmt.Sprintf("%s: %s %s", v.Folder.Path, m.Data.Title, v.Spec())
	if v.NoStart != nil {
		return [][2]string{
			{"run", fmt.Sprintf("%s, imported from %s (%s)", run, m.Import.File, m.Import.Form)},
			{"start, ρ γ", fmt.Sprintf("not known: %v", v.NoStart)},
			{"smoothness", fmt.Sprintf("raw %s %s", words.Hundredths(d.Smoothness.Raw), smooth)},
		}
	}
	gamma := fmt.Sprintf("%.4g", *d.Gamma)
	switch {
	case v.GammaMeasured:
		gamma += ", estimated from the weights: ⟨W,W₀⟩/⟨W₀,W₀⟩"
	case *d.Gamma == 1:
		gamma += ": no weight decay, the start stays whole"
	default:
		gamma += fmt.Sprintf(": weight decay has shrunk the start to %.2g %%", 100**d.Gamma)
	}
	return [][2]string{
		{"run", fmt.Sprintf("%s, preset %s, seed %d", run, m.Train.Preset, m.Train.Seed)},
		{"start, ρ", fmt.Sprintf("%.3f: so much of a neuron's raw map is its random start (median of %d; ρ = corr(W, "+
			"W₀)²)", *d.RhoMedian, v.Spec().Layers[0].Units)},
		{"ρ by layer", d.rhoByLayer()},
		{"start, γ", gamma},
		{"smoothness", fmt.Sprintf("raw %s, learned %s, start %s %s",
			words.Hundredths(d.Smoothness.Raw), words.Hundredths(*d.Smoothness.Learned),
			words.Hundredths(*d.Smoothness.Init), smooth)},
	}
}
