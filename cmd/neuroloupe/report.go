package main

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/page"
	"neuroloupe/cmd/internal/words"
)

type reportCmd struct {
	viewFlags
}

func (reportCmd) Help() string {
	return `Writes one HTML file with all there is to see of a run: the contact sheet, a table of the neurons that
sorts, a page for each neuron and each class, why the network answers as it does for some images, what it loses without
neurons, its mistakes, its training as curves and as a film, and what the words mean. It opens without a network and
loads nothing. Of a layer of thousands of neurons some things are cut short; the page says which.

Examples:

    neuroloupe report runs/mnist-784-100-10-clear-s1
    neuroloupe report runs/mnist-784-100-10-nielsen1-s1 -o nielsen.html --data nielsen.json
`
}

func (c *reportCmd) Run(a *app) error {
	c.endings = []string{".html", ".htm"}
	return c.with(a, c.run)
}

func (c *reportCmd) run(a *app, v *gallery.View) error {
	// What is held is few large arrays of numbers, which cost next to nothing to go over; that it may double before
	// they are gone over is most of the memory of a report on thousands of neurons.
	defer debug.SetGCPercent(debug.SetGCPercent(reportGarbage))
	tests := v.Folder.Manifest.Data.Test
	if long := page.Seconds(v.Spec(), tests, runtime.GOMAXPROCS(0)); long > reportNotice {
		a.Say("a report on %s hidden neurons over %s test images takes about %.0f s",
			words.Thousands(page.Neurons(v.Spec())), words.Thousands(tests), long)
	}
	r, err := page.Of(v)
	if err != nil {
		return err
	}
	if r.Colormap, err = c.style().Map(); err != nil {
		return err
	}
	r.Exact = c.Numbers != ""
	var told func(int)
	end := func() {}
	r.Say = func(part string, done, of int) {
		if told == nil {
			told, end = a.Count("report", of, func(float64) string { return "" })
		}
		told(done)
	}
	doc, err := page.Collect(a.ctx, r)
	end()
	if err != nil {
		return err
	}
	if r.NoData != nil {
		a.Say("what needs the test images is left out: %s", words.Line(r.NoData))
	}
	out := c.Output
	if out == "" {
		out = filepath.Join(v.Folder.Path, "report.html")
	}
	if err := a.write(out, func(w io.Writer) error { return page.Write(w, doc) }); err != nil {
		return err
	}
	if c.Numbers != "" {
		if err := c.saveNumbers(a, v, page.Numbers(doc)); err != nil {
			return err
		}
	}
	if len(doc.Damaged) > 0 {
		return fmt.Errorf("the report is written, but it is partial: %w", errors.Join(doc.Damaged...))
	}
	return nil
}

// reportGarbage is how much garbage there may be, in percent of what is held.
const reportGarbage = 40

// reportNotice is how long a report may take, in seconds, before that is said beforehand.
const reportNotice = 3
