package main

import (
	"io"
	"path/filepath"
	"strings"
	"time"

	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/talk"
)

type filmCmd struct {
	viewFlags

	APNG     bool          `name:"apng" help:"Write an animated PNG, which most browsers play and which loses no colour; default when -o ends in .png or .apng. Else a GIF."`
	Show     string        `enum:",learned,raw" default:"" placeholder:"WHAT" help:"learned (W − γW₀, what training has put there by then; default) or raw (W)."`
	Scale    string        `enum:"shared,percentile" default:"shared" help:"shared (default: one scale, over all frames) or percentile (one scale that clips the largest half per cent)."`
	Order    string        `enum:"index,norm,class,importance,similarity" default:"index" help:"Order of the neurons at the end of training: index (default), norm, class, importance, similarity."`
	Top      int           `placeholder:"N" help:"Only the first N in that order; default all."`
	Every    int           `default:"1" placeholder:"N" help:"Only every Nth frame that was kept; the first and the last always. Default 1."`
	Delay    time.Duration `default:"200ms" placeholder:"TIME" help:"How long each frame stands; default 200ms."`
	MarkDead bool          `help:"Hatch the pixels that are never inked in the training images."`
	Cols     int           `placeholder:"N" help:"Tiles in a row; default chosen."`
	Tile     int           `placeholder:"PX" help:"Width of a tile in pixels; default chosen."`
}

func (filmCmd) Help() string {
	return `Draws the sheet of the first layer over training as a film, epoch 0 first, all to one scale, with a strip
that says how far training is and how accurate.

Examples:

    neuroloupe film runs/mnist-784-100-10-clear-s1
    neuroloupe film runs/mnist-784-100-10-nielsen1-s1 --show raw --top 25 --order importance -o film.apng
`
}

func (c *filmCmd) Run(a *app) error {
	if c.Delay < 10*time.Millisecond || c.Delay > time.Minute {
		return talk.Usage("--delay %v: want 10ms to 1m", c.Delay)
	}
	apng, err := c.animated()
	if err != nil {
		return err
	}
	c.endings = []string{".gif", ".png", ".apng"}
	numbers := append(tiles(c.Tile, c.Cols, c.Top), atLeast("--every", c.Every, 1))
	return c.with(a, func(a *app, v *gallery.View) error { return c.run(a, v, apng) }, numbers...)
}

// run draws the film and writes it, as an animated PNG or a GIF.
func (c *filmCmd) run(a *app, v *gallery.View, apng bool) error {
	film, n, err := (&gallery.Film{
		Style: c.style(), Show: c.Show, Scale: c.Scale, Order: c.Order, Top: c.Top, Every: c.Every, Delay: c.Delay,
		MarkDead: c.MarkDead, Cols: c.Cols, Tile: c.Tile, Maps: c.Numbers != "",
	}).Draw(v)
	if err != nil {
		return err
	}
	out := c.Output
	if out == "" {
		out = filepath.Join(v.Folder.Path, "film"+map[bool]string{false: ".gif", true: ".png"}[apng])
	}
	a.Say("drawing %d frames", len(film.Frames))
	if err := a.write(out, func(w io.Writer) error { return v.EncodeFilm(w, film, apng) }); err != nil {
		return tooLarge(err, c.numbers)
	}
	return c.saveNumbers(a, v, n)
}

// animated reports whether the film is to be an animated PNG, by flag or by the name of the file.
func (c *filmCmd) animated() (bool, error) {
	switch strings.ToLower(filepath.Ext(c.Output)) {
	case ".png", ".apng":
		return true, nil
	case ".gif":
		if c.APNG {
			return false, talk.Usage("--apng -o %s: an animated PNG wants a name that ends in .png or .apng", c.Output)
		}
	}
	return c.APNG, nil
}
