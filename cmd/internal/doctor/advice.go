package doctor

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"neuroloupe/cmd/internal/dataset"
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
	"neuroloupe/mnist"
)

// Bounds of the advice.
const (
	mostlyStart = 0.5  // ρ from which a raw map is more start than learned
	readable    = 0.5  // smoothness from which a map reads as a picture
	smoother    = 0.05 // by how much a remedy must make maps smoother
	deadVisible = 0.05 // rms at dead pixels, over the rms of the raw maps, from which they are seen
)

// advice is what the doctor says, a paragraph each.
type advice struct {
	v        *gallery.View
	d        *Diagnosis
	recipe   runs.Recipe
	surgery  *surgery // nil when nothing can be tried
	texts    []string
	badData  bool // mending the data makes the network better, so that the settings are not to blame
	imported bool
}

func (a *advice) add(format string, args ...any) {
	a.texts = append(a.texts, fmt.Sprintf(format, args...))
}

// advise says what the numbers mean and what to type next. Settings are advised when a short training with them does
// what they are for, and not when the run has them already.
func advise(v *gallery.View, d *Diagnosis) []string {
	m := v.Folder.Manifest
	a := &advice{v: v, d: d, recipe: m.Train, surgery: newSurgery(v), texts: []string{}, imported: m.Import != nil}
	for _, fault := range v.Faults() {
		a.add("%s; what is computed from them cannot be trusted. The training diverged, or the file was written "+
			"wrongly",
			strings.ToUpper(fault[:1])+fault[1:])
	}
	a.oddData()
	a.noise()
	a.deadPixels()
	a.oneNeuron()
	a.startSmall()
	a.lostClasses()
	a.stuckNeurons()
	a.roughMaps()
	if len(a.texts) == 0 {
		why := "the maps show what was learned"
		if v.NoStart != nil {
			why = "the maps are smooth, which a random start is not"
		}
		a.add("Nothing to mend: %s. neuroloupe sheet %s --order similarity puts like beside like", why, v.Folder.Path)
	}
	return append(a.texts, next(v, d))
}

// Remedies. What the run has already changes nothing, and is never said.

func startFrom(i engine.Init) remedy {
	return remedy{flags: "--init " + i.String(), change: func(r *runs.Recipe) { r.Init = i }}
}

// decay sets λ where there is none.
func decay() remedy {
	return remedy{flags: "--l2 5", change: func(r *runs.Recipe) {
		if r.L2 == 0 {
			r.L2 = 5
		}
	}}
}

// rate sets the learning rate.
func rate(lr float64) remedy {
	return remedy{flags: "--lr " + words.Shortest(lr), change: func(r *runs.Recipe) { r.LR = lr }}
}

func lossOf(l engine.Loss) remedy {
	return remedy{flags: "--loss " + l.String(), change: func(r *runs.Recipe) { r.Loss = l }}
}

// longer doubles the epochs of a run.
func longer(r runs.Recipe) remedy {
	n := 2 * r.Epochs
	return remedy{flags: fmt.Sprintf("--epochs %d", n), change: func(r *runs.Recipe) { r.Epochs = n }}
}

// with puts two remedies together. What of them the run has already is not said.
func (a *advice) with(rs ...remedy) remedy {
	var all remedy
	var flags []string
	var changes []func(*runs.Recipe)
	for _, r := range rs {
		after := a.recipe
		r.change(&after)
		if fmt.Sprint(after) != fmt.Sprint(a.recipe) {
			flags, changes = append(flags, r.flags), append(changes, r.change)
		}
	}
	all.flags = strings.Join(flags, " ")
	all.change = func(r *runs.Recipe) {
		for _, change := range changes {
			change(r)
		}
	}
	return all
}

// rates are learning rates to try: a tenth and three times as much, or for a rate of 0 that of the preset.
func (a *advice) rates() []remedy {
	if lr := a.recipe.LR; lr > 0 {
		return []remedy{rate(tidy(lr / 10)), rate(tidy(lr * 3))}
	}
	if p, err := runs.Preset(a.recipe.Preset); err == nil {
		return []remedy{rate(p.LR)}
	}
	return nil
}

// tidy rounds to three digits.
func tidy(v float64) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'g', 3, 64), 64)
	if err != nil {
		return v
	}
	return r
}

// triedRemedy is a remedy that helps, with what it gave.
type triedRemedy struct {
	remedy
	*probed
}

// helping returns the remedies that help by a short training and leave the network as accurate, the best first, two at
// most. None without a short training.
func (a *advice) helping(helps func(base, with *probed) bool, better func(a, b *probed) bool,
	rs ...remedy,
) []triedRemedy {
	if a.surgery == nil {
		return nil
	}
	base := a.surgery.base()
	if base == nil {
		return nil
	}
	var good []triedRemedy
	for _, r := range rs {
		if r.flags == "" {
			continue
		}
		if o := a.surgery.try(r); o != nil && o.noWorse(*base) && helps(base, o) {
			good = append(good, triedRemedy{r, o})
		}
	}
	slices.SortStableFunc(good, func(x, y triedRemedy) int {
		switch {
		case better(x.probed, y.probed):
			return -1
		case better(y.probed, x.probed):
			return 1
		}
		return 0
	})
	return good[:min(2, len(good))]
}

// short says what a short training is.
func (a *advice) short() string {
	return fmt.Sprintf("%s of %s images", words.Count(a.surgery.epochs, "epoch"),
		words.Thousands(a.surgery.images.Len()))
}

// percent writes a share.
func percent(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }

// oddData says what is odd about the images, and what mending them does.
func (a *advice) oddData() {
	e, err := a.v.Examples()
	if err != nil {
		return
	}
	odd := mnist.Odd(e.Train, e.Test)
	var mends []func(*mnist.Set) *mnist.Set
	for i, o := range odd {
		text := "Odd data: " + dataset.OddText(o)
		if o.Mend != nil {
			mends = append(mends, o.Mend)
		}
		last := !slices.ContainsFunc(odd[i+1:], func(o mnist.Oddity) bool { return o.Mend != nil })
		if o.Mend != nil && last && a.surgery != nil {
			mended := remedy{flags: "mended", mend: func(s *mnist.Set) *mnist.Set {
				for _, mend := range mends {
					s = mend(s)
				}
				return s
			}}
			base, with := a.surgery.base(), a.surgery.try(mended)
			if base != nil && with != nil && inspect.Beyond(with.accuracy, base.accuracy, with.tests) {
				a.badData = true
				text += fmt.Sprintf(". Mended so, %s end with %s right, as they are with %s", a.short(),
					percent(with.accuracy),
					percent(base.accuracy))
			}
		}
		a.add("%s", text)
	}
}

// noise says that the maps are mostly their start, when it is known.
func (a *advice) noise() {
	v, d, run := a.v, a.d, a.v.Folder.Path
	if a.noisy() {
		film := ""
		if a.recipe.Frames != "none" {
			film = "; and at how it grew: neuroloupe film " + run
		}
		a.add("%.0f %% of a raw map is the random start, which training never touched; that is the noise you see. "+
			"Look at what training added: neuroloupe sheet %s --show learned%s", 100**d.RhoMedian, run, film)
	}
	if v.NoStart != nil && d.Smoothness.Raw < readable {
		classes := ""
		if len(a.recipe.Classes) > 0 {
			classes = " --classes " + words.Commas(a.recipe.Classes)
		}
		a.add("The maps are hardly smooth (%s; a picture has more than %.1f). Much of them may be the random start, "+
			"which training leaves where it is, but without the start that cannot be told. Where the network was "+
			"made, save its weights before training too and look at the difference; or train one like it here, where "+
			"that is kept: neuroloupe train --net %v%s", words.Hundredths(d.Smoothness.Raw), readable, v.Spec(),
			classes)
	}
}

func (a *advice) noisy() bool { return a.d.RhoMedian != nil && *a.d.RhoMedian >= mostlyStart }

// deadPixels says that the start is seen where no ink ever was. What starts at 0 there stays at 0: no gradient reaches
// it.
func (a *advice) deadPixels() {
	v, d, run := a.v, a.d, a.v.Folder.Path
	if !visibleDead(v, d) {
		return
	}
	text := fmt.Sprintf("%d of the %d pixels are never inked in the training images: no gradient reaches their "+
		"weights, so they keep their start for ever. Mark them: neuroloupe sheet %s --mark-dead", *d.DeadPixels,
		v.Spec().Inputs, run)
	if !a.imported && !a.recipe.ZeroDead {
		text += ". Start them at 0: train with --zero-dead"
	}
	if r := a.with(decay()); !a.imported && len(a.helping(func(base,
		with *probed,
	) bool {
		return with.deadRMS < 0.8*base.deadRMS
	},
		func(x, y *probed) bool { return x.deadRMS < y.deadRMS }, r)) > 0 {
		text += ". Or let weight decay wipe them out: " + r.flags
	}
	a.add("%s", text)
}

// oneNeuron explains the map of a network with a single neuron.
func (a *advice) oneNeuron() {
	if a.v.Spec().Layers[0].Units == 1 && len(a.v.Spec().Layers) > 1 && a.noisy() {
		a.add("One hidden neuron needs to change few weights, and only a little, to tell %d classes apart: the "+
			"answer is in the map, faint, under its start. neuroloupe sheet %s --show all puts start, map and "+
			"difference side by side",
			a.v.Spec().Classes(), a.v.Folder.Path)
	}
}

// startSmall advises what makes the raw maps read as they are.
func (a *advice) startSmall() {
	if !a.noisy() || a.badData {
		return
	}
	smooth := func(base, with *probed) bool { return with.raw >= base.raw+smoother }
	small := startFrom(engine.InitScaled)
	rs := []remedy{a.with(small, decay()), a.with(small)}
	if preset, ok := a.clear(); ok {
		rs = append(rs, preset)
	}
	good := a.helping(smooth, func(x, y *probed) bool { return x.raw > y.raw }, rs...)
	if len(good) == 0 {
		return
	}
	var flags, smoothness, right []string
	for _, g := range good {
		flags = append(flags, g.flags)
		smoothness, right = append(smoothness, words.Hundredths(g.raw)), append(right, percent(g.accuracy))
	}
	base := a.surgery.base()
	a.add("For maps that read as they are, start small and let the start decay: %s. Tried for %s: the smoothness of "+
		"the raw maps is %s, not %s, and %s are right, not %s", strings.Join(flags, ", or "), a.short(),
		strings.Join(smoothness, " and "),
		words.Hundredths(base.raw), strings.Join(right, " and "), percent(base.accuracy))
}

// clear is the preset of that name, where it makes the run's network and takes its data.
func (a *advice) clear() (remedy, bool) {
	p, err := runs.Preset("clear")
	if err != nil || a.v.Folder.Manifest.Data.Name != "mnist" || len(a.recipe.Classes) > 0 {
		return remedy{}, false
	}
	spec := a.v.Spec()
	usual, err := p.Spec(spec.Inputs, spec.Classes(), 1)
	if err != nil || usual.String() != spec.String() {
		return remedy{}, false
	}
	return remedy{flags: "neuroloupe train --preset clear", change: func(r *runs.Recipe) {
		p.Preset, p.Net, p.Split, p.Seed, p.Frames = r.Preset, r.Net, r.Split, r.Seed, r.Frames
		*r = p
	}}, true
}

// lostClasses says which classes are not found, and what finds more of them.
func (a *advice) lostClasses() {
	d, run := a.d, a.v.Folder.Path
	if len(d.NeverPredicted) == 0 && len(d.lost) == 0 {
		return
	}
	var text string
	if len(d.NeverPredicted) > 0 {
		text = fmt.Sprintf("The network never predicts %s. ", strings.Join(d.NeverPredicted, ", "))
	}
	if len(d.lost) > 0 {
		text += fmt.Sprintf("It finds too few of the images of %s. ", strings.Join(d.lost, ", "))
	}
	outputs := a.v.Spec().Layers[len(a.v.Spec().Layers)-1].Activation
	if a.recipe.Loss == engine.Quadratic && outputs == engine.Sigmoid && !a.imported {
		text += "With the quadratic loss an output that is saturated at 0 learns no more: its gradient has the " +
			"factor σ'(z) ≈ 0, which cross-entropy does not have. "
	}
	good := a.helping(func(base, with *probed) bool {
		return with.lost < base.lost || base.lost > 0 && inspect.Beyond(with.accuracy, base.accuracy, with.tests)
	}, func(x, y *probed) bool { return x.lost < y.lost || x.lost == y.lost && x.accuracy > y.accuracy },
		a.learnBetter()...)
	base := (*probed)(nil)
	if a.surgery != nil {
		base = a.surgery.base()
	}
	switch {
	case a.badData:
		text += "Mend the images first. "
	case len(good) > 0:
		for _, g := range good {
			text += fmt.Sprintf("%s loses %d of the classes, not %d, in %s, and %s are right, not %s. ", g.flags,
				g.lost, base.lost,
				a.short(), percent(g.accuracy), percent(base.accuracy))
		}
	case base != nil && base.lost == 0:
		text += fmt.Sprintf("%s, from the same start, lose none, so no setting was found to blame. ", a.short())
	case base != nil:
		text += fmt.Sprintf("No other loss, start, learning rate or number of epochs lost fewer in %s. ", a.short())
	}
	a.add("%sWhat they are taken for: neuroloupe errors %s", text, run)
}

// learnBetter are the settings that may find classes which are lost.
func (a *advice) learnBetter() []remedy {
	if a.badData {
		return nil
	}
	return append([]remedy{
		a.with(lossOf(engine.CrossEntropy)), a.with(lossOf(engine.CrossEntropy), rate(tidy(a.recipe.LR/10))),
		a.with(startFrom(engine.InitScaled)), longer(a.recipe),
	}, a.rates()...)
}

// stuckNeurons says which neurons are always at the same end, and what keeps them free.
func (a *advice) stuckNeurons() {
	d, run := a.d, a.v.Folder.Path
	if d.Saturated == nil || *d.Saturated == 0 {
		return
	}
	text := "are at the same end for nine of ten test images, so they say little and hardly learn: their weighted " +
		"inputs are too large"
	small := startFrom(engine.InitScaled)
	if d.activation == engine.ReLU {
		text, small = "are 0 for every test image and can learn no more", startFrom(engine.InitHe)
	}
	fewer := func(base, with *probed) bool { return base.saturated > 0 && 2*with.saturated <= base.saturated }
	var rs []remedy
	if !a.badData {
		rs = append([]remedy{a.with(small), a.with(decay())}, a.rates()...)
	}
	if good := a.helping(fewer, func(x, y *probed) bool { return x.saturated < y.saturated }, rs...); len(good) > 0 {
		text += fmt.Sprintf(". %s leaves %d so in %s, not %d", good[0].flags, good[0].saturated, a.short(),
			a.surgery.base().saturated)
	}
	a.add("%d of %d hidden neurons %s. The first of them: neuroloupe neuron %s %d%s", *d.Saturated, d.hidden, text, run,
		d.stuck[1],
		layerOption(d.stuck[0]))
}

// roughMaps says that what was learned is no picture, and what makes it one.
func (a *advice) roughMaps() {
	s := a.d.Smoothness.Learned
	if a.noisy() || s == nil || *s >= readable {
		return
	}
	text := fmt.Sprintf("What was learned is not smooth itself (%.2f; a picture has more than %.1f)", *s, readable)
	if !a.badData {
		for _, g := range a.helping(func(base, with *probed) bool { return with.learned >= base.learned+smoother },
			func(x, y *probed) bool { return x.learned > y.learned }, longer(a.recipe), a.with(decay())) {
			text += fmt.Sprintf(". %s makes it %s in %s, not %s", g.flags, words.Hundredths(g.learned), a.short(),
				words.Hundredths(a.surgery.base().learned))
		}
	}
	a.add("%s", text)
}
