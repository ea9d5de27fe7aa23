package main

import (
	"errors"
	"io"
	"path/filepath"
	"strings"

	"neuroloupe/render"
)

// viewFlags are those of every command that draws a run.
type viewFlags struct {
	Folder   string `arg:"" name:"run" help:"Run folder."`
	Output   string `short:"o" placeholder:"FILE" help:"The file to write, - for standard output; default in the run folder."`
	Numbers  string `name:"data" placeholder:"FILE" help:"Also write every number drawn, to FILE.csv, FILE.json or FILE.npz."`
	DataDir  string `name:"folder" placeholder:"DIR" help:"Folder of the run's data set; default where training found it."`
	Colormap string `placeholder:"NAME" help:"blue-orange (default), blue-red or grey."`

	endings []string     // that the name of the file to write may have; none is .png alone
	numbers []flagNumber // that were given by flags
}

// layerFlag is that of the commands that show any hidden layer; see view.hidden.
type layerFlag struct {
	Layer int `placeholder:"N" help:"Hidden layer, 1 being the first."`
}

// check reports what is wrong with the flags.
func (f *viewFlags) check() error {
	if _, err := f.colormap(); err != nil {
		return err
	}
	if err := checkNumbers(f.numbers...); err != nil {
		return err
	}
	if err := checkOutput("--data", f.Numbers, dataEndings()...); err != nil {
		return err
	}
	if f.Output == standard {
		return nil
	}
	endings := f.endings
	if endings == nil {
		endings = []string{".png"}
	}
	return checkOutput("-o", f.Output, endings...)
}

// open reads the run.
func (f *viewFlags) open(a *app) (*view, error) {
	dir := f.DataDir
	if dir != "" {
		var err error
		if dir, err = filepath.Abs(dir); err != nil {
			return nil, err
		}
	}
	v, err := openView(a, f.Folder, dir)
	if err == nil {
		v.warn()
	}
	return v, err
}

// with checks the flags, opens the run, looks for its test images, does something with it and closes it. numbers are the
// command's own.
func (f *viewFlags) with(a *app, do func(*view) error, numbers ...flagNumber) error {
	f.numbers = numbers
	if err := f.check(); err != nil {
		return err
	}
	if f.Output == standard {
		var err error
		if a, err = a.piped("-o"); err != nil {
			return err
		}
	}
	v, err := f.open(a)
	if err != nil {
		return err
	}
	if err = v.look(); err == nil {
		err = do(v)
	}
	return errors.Join(err, v.close())
}

// colormap is the one that --colormap names.
func (f *viewFlags) colormap() (render.Colormap, error) {
	if f.Colormap == "" {
		return render.BlueOrange, nil
	}
	m, err := render.ColormapByName(f.Colormap)
	if err != nil {
		return m, usageError{err}
	}
	return m, nil
}

// weightColors are those of maps of weights.
func (f *viewFlags) weightColors() (*render.Colors, error) {
	m, err := f.colormap()
	return &render.Colors{Low: "negative: ink lowers z", High: "positive: ink raises z", Map: m}, err
}

// draw draws a figure and saves it; see save.
func (f *viewFlags) draw(v *view, fig render.Figure, name string, n *numbers) error {
	pic, err := v.paint(fig, n)
	if err != nil {
		return tooLarge(err, f.numbers)
	}
	return f.save(v, pic, name, n, nil)
}

// paint draws a figure of the numbers n.
func (v *view) paint(fig render.Figure, n *numbers) (*render.Picture, error) {
	if note := v.labelNote(); note != "" {
		fig.Caption = strings.TrimSpace(fig.Caption + " " + note)
	}
	if v.app.drawn != nil {
		v.app.drawn(fig, n)
	}
	return fig.Draw()
}

// save writes a picture to --output, or as NAME.png in the run folder, and its numbers to --data, and prints the paths.
func (f *viewFlags) save(v *view, pic *render.Picture, name string, n *numbers, info map[string]string) error {
	out := f.Output
	if out == "" {
		out = filepath.Join(v.folder.Path, name+".png")
	}
	if err := v.app.write(out, func(w io.Writer) error { return v.encodePicture(w, pic, info) }); err != nil {
		return err
	}
	addScales(n, pic)
	return f.saveNumbers(v, n)
}

// addScales adds where the colours of each map of a picture end, at ± its limit, and what the map is called there.
func addScales(n *numbers, pic *render.Picture) {
	if len(pic.Tiles) == 0 {
		return
	}
	names, limits := make([]string, len(pic.Tiles)), make([]float64, len(pic.Tiles))
	for i, t := range pic.Tiles {
		names[i], limits[i] = t.Name, t.Limit
	}
	addTexts(n, "map_name", names)
	addVector(n, "map_limit", limits)
}

// saveNumbers writes a picture's numbers to --data, if that is asked for, and prints its path.
func (f *viewFlags) saveNumbers(v *view, n *numbers) error {
	if f.Numbers == "" {
		return nil
	}
	if s, err := v.score(); err == nil { // it stands in the title
		addNumber(n, "accuracy_on_test", s.Accuracy())
	}
	return v.app.write(f.Numbers, func(w io.Writer) error { return writeData(w, filepath.Ext(f.Numbers), n) })
}
