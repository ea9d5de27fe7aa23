package main

import (
	"errors"
	"io"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/page"
	"neuroloupe/cmd/internal/study"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/render"
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

// sheets lays runs out.
func (f *runsPicture) sheets(all []*study.Run) (*gallery.Sheets, error) {
	g, err := study.Lay(all, f.Rows, f.Cols)
	if err != nil {
		return nil, err
	}
	s := page.SheetsOf(g)
	s.Colormap, s.Scale, s.Show, s.Neurons = f.Colormap, f.Scale, f.Show, f.Neurons
	_, err = s.Map()
	return s, err
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
	err := errors.Join(checkOutput("-o", c.Output, ".png"), checkOutput("--data", c.Numbers, arrays.Endings()...),
		checkNumbers(sizing("--neurons", c.Neurons).orChosen()))
	if err != nil {
		return err
	}
	all, err := a.find(study.Query{Folders: c.Folders, Where: c.Where})
	if err != nil || len(all) == 0 {
		return err
	}
	s, err := c.sheets(all)
	if err != nil {
		return err
	}
	d, err := s.Draw(a.ctx, a)
	var nothing *gallery.Nothing
	if errors.As(err, &nothing) {
		a.Say("%s", words.Line(nothing))
		return nil
	}
	var pic *render.Picture
	if err == nil {
		pic, err = d.PaintAlone()
	}
	if a.drawn != nil && err == nil {
		a.drawn(d)
	}
	if err == nil {
		err = printRows(a.stdout, d.Words)
	}
	if err == nil {
		err = a.write(orName(c.Output, "sheets.png"), func(w io.Writer) error { return d.EncodeAlone(w, pic) })
	}
	if err == nil && c.Numbers != "" {
		err = a.write(c.Numbers, func(w io.Writer) error { return d.WriteAlone(w, c.Numbers) })
	}
	return tooLarge(err, nil)
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
	if err := errors.Join(checkOutput("-o", c.Output, ".html", ".htm"),
		checkNumbers(sizing("--neurons", c.Neurons).orChosen())); err != nil {
		return err
	}
	all, err := a.find(study.Query{Folders: c.Folders, Where: c.Where})
	if err != nil || len(all) == 0 {
		return err
	}
	s, none := c.sheets(all)
	if none != nil && c.Rows+c.Cols+c.Colormap != "" {
		return none
	}
	doc, err := page.CollectMany(a.ctx, all, s, none, a)
	if err != nil {
		return err
	}
	if err := printRows(a.stdout, [][2]string{{"what mattered", doc.Mattered.Says}}); err != nil {
		return err
	}
	return a.write(orName(c.Output, "runs.html"), func(w io.Writer) error { return page.WriteMany(w, doc) })
}

func orName(given, name string) string {
	if given == "" {
		return name
	}
	return given
}
