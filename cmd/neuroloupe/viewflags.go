package main

import (
	"errors"
	"io"
	"path/filepath"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/words"
)

// viewFlags are those of every command that draws a run.
type viewFlags struct {
	Folder   string `arg:"" name:"run" predictor:"run" help:"Run folder."`
	Output   string `short:"o" predictor:"file" placeholder:"FILE" help:"The file to write, - for standard output; default in the run folder."`
	Numbers  string `name:"data" predictor:"file" placeholder:"FILE" help:"Also write every number drawn, to FILE.csv, FILE.json or FILE.npz."`
	DataDir  string `name:"folder" predictor:"dir" placeholder:"DIR" help:"Folder of the run's data set; default where training found it."`
	Colormap string `placeholder:"NAME" help:"blue-orange (default), blue-red or grey."`

	endings []string     // that the name of the file to write may have; none is .png alone
	numbers []flagNumber // that were given by flags
}

// layerFlag is that of the commands that show any hidden layer; see gallery.View.Hidden.
type layerFlag struct {
	Layer int `placeholder:"N" help:"Hidden layer, 1 being the first."`
}

// style is how the picture is to look.
func (f *viewFlags) style() gallery.Style { return gallery.Style{Colormap: f.Colormap} }

// check reports what is wrong with the flags.
func (f *viewFlags) check() error {
	if _, err := f.style().Map(); err != nil {
		return err
	}
	if err := checkNumbers(f.numbers...); err != nil {
		return err
	}
	if err := checkOutput("--data", f.Numbers, arrays.Endings()...); err != nil {
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

// with checks the flags, opens the run, looks for its test images, does something with it and closes it. numbers are
// the command's own.
func (f *viewFlags) with(a *app, do func(*app, *gallery.View) error, numbers ...flagNumber) error {
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
	dir := f.DataDir
	if dir != "" {
		var err error
		if dir, err = filepath.Abs(dir); err != nil {
			return err
		}
	}
	v, err := a.open(f.Folder, dir)
	if err != nil {
		return err
	}
	return errors.Join(do(a, v), v.Close())
}

// open opens a run to look at, says what is wrong with its weights, and looks for its test images.
func (a *app) open(run, dir string) (*gallery.View, error) {
	v, err := gallery.Open(a.ctx, run, dir, a)
	if err != nil {
		return nil, err
	}
	v.Warn()
	if err := v.Look(); err != nil {
		return nil, errors.Join(err, v.Close())
	}
	return v, nil
}

// picture draws a picture of a run, and prints what it says and where it is.
func (f *viewFlags) picture(a *app, p gallery.Picture, numbers ...flagNumber) error {
	return f.with(a, func(a *app, v *gallery.View) error {
		d, err := p.Draw(v)
		var nothing *gallery.Nothing
		if errors.As(err, &nothing) {
			a.Say("%s", words.Line(nothing))
			return nil
		}
		if err != nil {
			return err
		}
		if err := printRows(a.stdout, d.Words); err != nil {
			return err
		}
		return f.draw(a, v, d)
	}, numbers...)
}

// draw paints a drawing, writes it to --output, or under its name in the run folder, and its numbers to --data, and
// prints the paths.
func (f *viewFlags) draw(a *app, v *gallery.View, d *gallery.Drawing) error {
	pic, err := v.Paint(d)
	if a.drawn != nil {
		a.drawn(d)
	}
	if err != nil {
		return tooLarge(err, f.numbers)
	}
	out := f.Output
	if out == "" {
		out = filepath.Join(v.Folder.Path, d.Name+".png")
	}
	if err := a.write(out, func(w io.Writer) error { return v.Encode(w, pic, d) }); err != nil {
		return err
	}
	return f.saveNumbers(a, v, d.Numbers)
}

// saveNumbers writes a picture's numbers to --data, if that is asked for, and prints its path.
func (f *viewFlags) saveNumbers(a *app, v *gallery.View, n *arrays.Set) error {
	if f.Numbers == "" {
		return nil
	}
	return a.write(f.Numbers, func(w io.Writer) error { return v.WriteNumbers(w, f.Numbers, n) })
}
