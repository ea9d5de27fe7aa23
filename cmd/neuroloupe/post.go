package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"neuroloupe/engine/atomicfile"
	"neuroloupe/render"
)

type postCmd struct {
	Dataset string `arg:"" optional:"" name:"data" help:"mnist (default), fashion, or a folder with IDX files."`

	Out      string `required:"" placeholder:"DIR" help:"Folder for the pictures, their numbers, index.md and the runs; runs that have finished there are used again."`
	Class    string `default:"3" placeholder:"CLASS" help:"The class that the question is about; default 3."`
	DataDir  string `name:"folder" placeholder:"DIR" help:"Folder of the data set's files."`
	Colormap string `placeholder:"NAME" help:"blue-orange (default), blue-red, or grey for print without colours."`
	Device   string `default:"auto" placeholder:"NAME" help:"What to train on: auto (default), cpu, cuda, cuda:1 or tape."`
}

func (postCmd) Help() string {
	return `Answers a question in pictures: what do the hidden neurons of the network of Nielsen's chapter 1 look for? It trains that
network, the same one as train --preset clear, and the 784-1-2 that tells 0 from 1, makes the pictures that were asked for, beside
each the one that answers better, and writes them with their numbers and index.md. From most starts chapter 1's network loses
a class or two; starts are tried, five epochs each, until one keeps them all. About a minute on two cores.

Examples:

    neuroloupe post --out post
    neuroloupe post fashion --out fashion --class Sneaker
`
}

// post is what the pictures are made of.
type post struct {
	app         *app
	dir         string
	shown       viewFlags // of every picture
	cmap        render.Colormap
	class       int
	example     chosen  // the image that is followed
	book, clear *view   // the network of chapter 1, and the one of the same sizes whose maps read as they are
	one         *view   // 784-1-2
	starts      []start // that were tried for book, the last being its own if one found every class
	pages       []postPage
	facts       [][2]string
}

// postPage is a picture with what it says.
type postPage struct {
	file, title string
	text        string
	command     string // that makes the picture, or one that goes on from it
}

func (p *post) close() error {
	var errs []error
	for _, v := range []*view{p.book, p.clear, p.one} {
		if v != nil {
			errs = append(errs, v.close())
		}
	}
	return errors.Join(errs...)
}

func (c *postCmd) Run(a *app) (err error) {
	name, err := dataName(c.Dataset)
	if err != nil {
		return err
	}
	p := &post{app: a, dir: c.Out, shown: viewFlags{Colormap: c.Colormap}}
	if p.cmap, err = p.shown.colormap(); err != nil {
		return err
	}
	if err := os.MkdirAll(c.Out, 0o777); err != nil {
		return fmt.Errorf("post: %w", err)
	}
	defer func() { err = errors.Join(err, p.close()) }()
	if p.book, p.starts, err = c.chapterOne(a, name); err != nil {
		return fmt.Errorf("post: %w", err)
	}
	for _, run := range []struct {
		preset string
		view   **view
	}{{"clear", &p.clear}, {"zero-one", &p.one}} {
		if *run.view, err = c.train(run.preset, run.preset).ready(a, name); err != nil {
			return fmt.Errorf("post: %w", err)
		}
	}
	if p.class, err = p.book.class(c.Class); err != nil {
		return err
	}
	if p.example, err = p.findExample(); err != nil {
		return fmt.Errorf("post: %w", err)
	}
	for _, draw := range []func() error{p.oneImage, p.strongest, p.product, p.zeroOne, p.noise, p.better, p.why, p.rank} {
		if err := draw(); err != nil {
			return fmt.Errorf("post: %w", err)
		}
	}
	if err := atomicfile.WriteBytes(filepath.Join(c.Out, "index.md"), []byte(p.index())); err != nil {
		return fmt.Errorf("post: %w", err)
	}
	p.facts = append(p.facts, [2]string{"pictures", filepath.Join(c.Out, "index.md")})
	return printRows(a.stdout, p.facts)
}

// index is a page with the pictures.
func (p *post) index() string {
	var b strings.Builder
	m := p.book.folder.Manifest
	fmt.Fprintf(&b, "# What does each neuron look for?\n\n%s, %v, trained as in chapter 1 of Nielsen's book. For each picture that was asked for, the one that answers better.\n", m.Data.Title, p.book.spec())
	for _, page := range p.pages {
		fmt.Fprintf(&b, "\n## %s\n\n![%s](%s)\n\n%s\n\nMade by `%s`.", page.title, page.title, page.file, page.text, page.command)
		fmt.Fprintf(&b, " Its numbers: [%s](%s).\n", dataOf(page.file), dataOf(page.file))
	}
	b.WriteString("\n## Numbers\n\n| | |\n|---|---|\n")
	for _, f := range p.facts {
		fmt.Fprintf(&b, "| %s | %s |\n", f[0], f[1])
	}
	return b.String()
}

// dataOf is the name of the file with the numbers of a picture.
func dataOf(picture string) string {
	return strings.TrimSuffix(picture, filepath.Ext(picture)) + ".npz"
}

// command is a command as one would type it.
func command(words ...string) string { return "neuroloupe " + strings.Join(words, " ") }

// draw writes one of post's own pictures and its numbers.
func (p *post) draw(v *view, page postPage, fig render.Figure, n *numbers) error {
	page.command = command("post", "--out", p.dir)
	return p.add(page, func(f viewFlags, a *app) error {
		w := *v
		w.app = a
		return f.draw(&w, fig, "", n)
	}, v)
}

// add has a picture drawn into the folder, and puts it on the page.
func (p *post) add(page postPage, draw func(viewFlags, *app) error, v *view) error {
	quiet := *p.app
	quiet.stdout = io.Discard
	f := p.shown
	f.Folder, f.DataDir = v.folder.Path, v.dataDir
	f.Output, f.Numbers = filepath.Join(p.dir, page.file), filepath.Join(p.dir, dataOf(page.file))
	if err := draw(f, &quiet); err != nil {
		return fmt.Errorf("%s: %w", page.file, err)
	}
	p.app.say("%s: %s", f.Output, page.title)
	p.pages = append(p.pages, page)
	return nil
}

func (p *post) fact(name, format string, args ...any) {
	p.facts = append(p.facts, [2]string{name, fmt.Sprintf(format, args...)})
}
