package main

import (
	"cmp"
	"errors"
	"io"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/page"
	"neuroloupe/cmd/internal/study"
	"neuroloupe/cmd/internal/words"
)

// runsPicture are the flags of what is drawn of many runs.
type runsPicture struct {
	runsFlags
	Output   string `short:"o" predictor:"file" placeholder:"FILE" help:"The file to write; default in this folder."`
	Rows     string `placeholder:"l2" help:"The setting of the rows of the sheet of sheets; default one that differs."`
	Cols     string `placeholder:"net" help:"That of its columns."`
	Scale    string `enum:"cell,shared" default:"cell" help:"cell (default: each network has its own colours) or shared (one scale for all)."`
	Show     string `enum:",learned,raw" default:"" placeholder:"WHAT" help:"learned (W − γW₀; default where every start is known) or raw (W)."`
	Colormap string `placeholder:"NAME" help:"blue-orange (default), blue-red or grey."`
	Neurons  int    `placeholder:"N" help:"Maps of each network; default as many as fit."`
}

// find checks the flags, and returns the runs and how they are to be laid out.
func (f *runsPicture) find(a *app, endings ...string) ([]*study.Run, page.Layout, error) {
	l := page.Layout{
		Style: gallery.Style{Colormap: f.Colormap}, Rows: f.Rows, Cols: f.Cols, Scale: f.Scale, Show: f.Show,
		Neurons: f.Neurons,
	}
	err := errors.Join(checkOutput("-o", f.Output, endings...), checkNumbers(sizing("--neurons", f.Neurons).orChosen()))
	if err != nil {
		return nil, l, err
	}
	all, err := study.Query{Folders: f.Folders, Where: f.Where}.Find(a.ctx, a.finder())
	if err == nil && len(all) == 0 {
		err = errors.New("no runs there")
	}
	return all, l, err
}

type runsSheetCmd struct {
	runsPicture
	Numbers string `name:"data" predictor:"file" placeholder:"FILE" help:"Also write every number drawn, to FILE.csv, FILE.json or FILE.npz."`
}

func (runsSheetCmd) Help() string {
	return `Draws the sheet of sheets: many networks over two of their settings, the contact sheet of each in small with its accuracy,
and below what accuracy each lost against the best and how rough its maps are. Of runs that differ in the seed alone, the
median by accuracy is shown. What is in the way of a run stands in its place.

Examples:

    neuroloupe runs sheet sweeps/digits
    neuroloupe runs sheet sweeps/digits --rows l2 --cols net --where 'epochs == 10' --scale shared -o sheets.png
`
}

func (c *runsSheetCmd) Run(a *app) error {
	if err := checkOutput("--data", c.Numbers, arrays.Endings()...); err != nil {
		return err
	}
	all, layout, err := c.find(a, ".png")
	if err != nil {
		return err
	}
	d, pic, err := layout.Draw(a.ctx, all, a)
	var nothing *gallery.Nothing
	if errors.As(err, &nothing) {
		a.Say("%s", words.Line(nothing))
		return nil
	}
	if err != nil {
		return tooLarge(err, nil)
	}
	if a.drawn != nil {
		a.drawn(d)
	}
	err = printRows(a.stdout, d.Words)
	if err == nil {
		err = a.write(cmp.Or(c.Output, "sheets.png"), func(w io.Writer) error { return d.EncodeAlone(w, pic) })
	}
	if err == nil && c.Numbers != "" {
		err = a.write(c.Numbers, func(w io.Writer) error { return d.WriteAlone(w, c.Numbers) })
	}
	return err
}

type runsReportCmd struct{ runsPicture }

func (runsReportCmd) Help() string {
	return `Writes one HTML file about many runs: a table that sorts, which settings mattered (an exact analysis of variance where the
grid allows it), each run from its settings to its accuracy, accuracy over epochs, the sheet of sheets, and what did not
come to its end and why. It opens without a network and loads nothing.

Examples:

    neuroloupe runs report sweeps/digits
    neuroloupe runs report sweeps/digits --where 'net == 784-100-10' --rows l2 --cols lr -o digits.html
`
}

func (c *runsReportCmd) Run(a *app) error {
	all, layout, err := c.find(a, ".html", ".htm")
	if err != nil {
		return err
	}
	doc, err := page.CollectMany(a.ctx, all, layout, a)
	if err != nil {
		return err
	}
	if err := printRows(a.stdout, [][2]string{{"what mattered", doc.Mattered.Says}}); err != nil {
		return err
	}
	return a.write(cmp.Or(c.Output, "runs.html"), func(w io.Writer) error { return page.WriteMany(w, doc) })
}
