package adopt

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/inspect"
)

// Result is what an import ends with.
type Result struct {
	Run          string         `json:"run"`
	Net          string         `json:"net"`
	Form         string         `json:"form"`
	Layout       string         `json:"layout"`
	Hidden       string         `json:"hidden"`
	Output       string         `json:"output"`
	Loss         string         `json:"loss"`
	TestAccuracy *float64       `json:"test_accuracy"` // null without test images
	Flags        string         `json:"flags"`         // of import, that read the file so
	Tried        []triedReading `json:"tried"`
	Notes        []string       `json:"notes"`
	Warnings     []string       `json:"warnings"`
	Sheet        string         `json:"sheet"`

	tests int
}

// triedReading is a reading that was tried on all test images.
type triedReading struct {
	Change   string  `json:"change"`   // from the one that was taken, in words
	Flags    string  `json:"flags"`    // of import, that read the file so
	Accuracy float64 `json:"accuracy"` // of the test images
}

// found is what the trials show.
type found struct {
	advised *trial // better than what was taken, but against what was said or told alone; nil for none
	at      float64
}

// try tests readings of the network, and takes the best when it is clearly right and only says what nobody has said. A
// better one that goes against what was said is advised.
func (s *importing) try(ctx context.Context) (err error) {
	t, err := newTrier(ctx, s.nets, s.data.Test)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, t.close()) }()
	all := t.readings(s.said, pixelScaling(s.data.Train))
	if s.ts, err = t.search(s.said, all); err != nil {
		return err
	}
	n := s.data.Test.Len()
	right := func(t trial) bool { return t.accuracy >= wellRead }
	any := best(s.ts, s.said, n, right)
	mine := best(s.ts, s.said, n, func(t trial) bool {
		return right(t) && len(t.classes) == 0 && s.c.allowed(t.reading, s.said, s.meta)
	})
	s.at = s.ts[0].accuracy
	if mine != nil && inspect.Beyond(mine.accuracy, s.at, n) && !inspect.Beyond(any.accuracy, mine.accuracy, n) {
		s.taken, s.at = mine.reading, mine.accuracy
	}
	centre := s.taken
	if any != nil && inspect.Beyond(any.accuracy, s.at, n) {
		s.advised, centre = any, any.reading
	}
	// What else was there, one change away from the best.
	others := slices.DeleteFunc(all, func(r reading) bool {
		return r.changes(centre) != 1 || r.flip != centre.flip ||
			slices.ContainsFunc(s.ts, func(t trial) bool { return t.reading == r })
	})
	if s.advised != nil && len(s.advised.classes) > 0 || float64(len(others)*n)*t.cost() > list {
		return nil
	}
	for _, r := range others {
		score, err := t.score(r, s.data.Test)
		if err != nil {
			return err
		}
		s.ts = append(s.ts, newTrial(r, score))
	}
	return nil
}

// result says what was imported, and tests it as it is now.
func (s *importing) result(v *gallery.View) (*Result, error) {
	m, net := v.Folder.Manifest, s.nets[s.taken.net]
	r := &Result{
		Run: v.Folder.Path, Net: v.Spec().String(), Form: net.Form, Layout: net.Layout.String(),
		Hidden: m.Train.Hidden.String(), Output: m.Train.Output.String(), Loss: m.Train.Loss.String(),
		Flags: s.c.flags(s.taken, s.said, s.netFlags[s.taken.net], nil),
		Tried: []triedReading{}, Notes: append([]string{}, s.notes...), Warnings: append([]string{}, net.Warnings...),
		Sheet: v.Folder.Sheet(),
	}
	if len(s.ts) == 0 && net.Unsure != "" {
		r.Warnings = append(r.Warnings, net.Unsure)
	}
	if s.data == nil {
		return r, nil
	}
	test, err := v.Test()
	if err != nil {
		return nil, err
	}
	score, err := v.Score()
	if err != nil {
		return nil, err
	}
	accuracy := score.Accuracy()
	r.TestAccuracy, r.tests = &accuracy, test.Len()
	for _, t := range s.ts {
		flags := strings.TrimSpace("--no-try " + s.c.flags(t.reading, s.said, s.netFlags[t.net], t.classes))
		r.Tried = append(r.Tried, triedReading{t.words(s.taken, s.how, t.classes), flags, t.accuracy})
	}
	s.say(r, accuracy, v.Spec().Classes())
	return r, nil
}

// say puts in words what was taken and why, and what would be better.
func (s *importing) say(r *Result, accuracy float64, classes int) {
	if s.taken != s.said {
		r.Notes = append(r.Notes, fmt.Sprintf("taken as %s (%s), for nothing says otherwise: so it is right for %.2f "+
			"%% of the images, as %s for %.2f %%; --no-try takes it as it is said", s.taken.words(s.said, s.how, nil),
			r.Flags, 100*accuracy,
			s.said.words(s.taken, s.how, nil), 100*s.ts[0].accuracy))
		if also := s.also(4); also != "" {
			r.Notes = append(r.Notes, "also tried: "+also)
		}
	} else if len(s.nets) > 1 && s.how[s.taken.net] != "" {
		r.Notes = append(r.Notes, fmt.Sprintf("read %s, which of %d ways to read it is the most accurate",
			s.how[s.taken.net],
			len(s.nets)))
	}
	little := ""
	switch {
	case accuracy < 2/float64(classes):
		little = fmt.Sprintf("%.1f %% is hardly better than guessing, %.0f %% for %d classes: the network is not "+
			"used as it was trained. ", 100*accuracy, 100/float64(classes), classes)
	case accuracy < wellRead:
		little = fmt.Sprintf("%.1f %% is little for these images. ", 100*accuracy)
	}
	switch {
	case s.advised != nil:
		r.Warnings = append(r.Warnings, fmt.Sprintf("%sWith %s it would be %.2f %%: neuroloupe import %s %s", little,
			s.advised.words(s.taken, s.how, s.advised.classes), 100*s.advised.accuracy, shellWord(s.c.File),
			s.c.flags(s.advised.reading, s.said, s.netFlags[s.advised.net], s.advised.classes)))
	case little != "" && len(s.ts) == 0:
		r.Warnings = append(r.Warnings, little+"Nothing else was tried (--no-try)")
	case little != "":
		r.Warnings = append(r.Warnings, fmt.Sprintf("%sNothing that was tried is right (%s): its data set may be "+
			"another (--data), or its training have gone wrong", little, s.also(4)))
	}
}

// also lists the readings that were not taken, the best first, so many of them.
func (s *importing) also(most int) string {
	var others []trial
	for _, t := range s.ts {
		if t.reading != s.taken && t.reading != s.said && len(t.classes) == 0 {
			others = append(others, t)
		}
	}
	order(others, s.said)
	var parts []string
	for _, t := range others[:min(most, len(others))] {
		parts = append(parts, fmt.Sprintf("%s %.2f %%", t.words(s.taken, s.how, nil), 100*t.accuracy))
	}
	if more := len(others) - len(parts); more > 0 {
		parts = append(parts, fmt.Sprintf("%d more that are worse", more))
	}
	return strings.Join(parts, "; ")
}

// Rows are the result in words, each row under a name.
func (r *Result) Rows() [][2]string {
	rows := [][2]string{
		{"network", fmt.Sprintf("%s, hidden %s, output %s, from %s", r.Net, r.Hidden, r.Output, r.Form)},
		{"weights", map[string]string{
			"in-out": "were In×Out, one column per neuron",
			"out-in": "were Out×In, one row per neuron",
		}[r.Layout]},
	}
	if r.TestAccuracy != nil {
		rows = append(rows, [2]string{
			"test accuracy",
			fmt.Sprintf("%.2f %% of %s images", 100**r.TestAccuracy, words.Thousands(r.tests)),
		})
	} else {
		rows = append(rows, [2]string{"test accuracy", "not tested: no data set"})
	}
	for _, text := range r.Notes {
		rows = append(rows, [2]string{"NOTE", text})
	}
	for _, text := range r.Warnings {
		rows = append(rows, [2]string{"WARNING", text})
	}
	return append(rows,
		[2]string{"start", "not known, so neither is what training added: sheet draws the weights as they are"},
		[2]string{"run", r.Run},
		[2]string{"sheet", r.Sheet})
}
