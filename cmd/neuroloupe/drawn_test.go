package main

import (
	"bytes"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"testing"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

// values are the numbers that a panel draws, by what they are; test images, whose pixels the data set has, are not among
// them.
func values(p render.Panel) map[string][]float64 {
	out := map[string][]float64{}
	add := func(name string, v []float32) {
		for _, x := range v {
			out[name] = append(out[name], float64(x))
		}
	}
	switch p := p.(type) {
	case render.Map:
		add("map "+p.Title, p.Values)
	case render.Sheet:
		for _, t := range p.Tiles {
			add("tiles "+p.Title, t.Map)
		}
	case render.HiddenGrid:
		add("grid "+p.Title, p.Values)
	case render.Bars:
		out["bars "+p.Title] = p.Values
	case render.Matrix:
		out["matrix "+p.Title] = p.Values
	case render.Points:
		out["x of "+p.Title], out["y of "+p.Title] = p.Xs, p.Ys
	case render.Chart:
		for _, s := range p.Series {
			out["x of "+s.Name], out["y of "+s.Name] = s.X, s.Y
		}
	case render.Image, render.Thumbs, render.Text, render.Table, render.Glyph:
	default:
		panic(fmt.Sprintf("a panel of type %T, of which this test does not know the numbers", p))
	}
	return out
}

// lookup finds numbers among others.
type lookup []float64

func newLookup(n *arrays.Set) lookup {
	var all lookup
	for _, floats := range n.Floats() {
		all = append(all, floats...)
	}
	slices.Sort(all)
	return all
}

// has reports whether v is there to six digits, as it is or as per cent of it, or with its sign turned, as compare draws the
// opposite of a pair.
func (l lookup) has(v float64) bool {
	for _, want := range []float64{v, -v, v / 100, -v / 100} {
		within := 1e-6*math.Abs(want) + 1e-12
		if i, _ := slices.BinarySearch(l, want-within); i < len(l) && l[i] <= want+within {
			return true
		}
	}
	return false
}

// Every number that a panel of a picture draws is among those that --data writes.
func TestDataHoldsWhatIsDrawn(t *testing.T) {
	data, dir := shapes(t), t.TempDir()
	train := func(name string, args ...string) string {
		run := filepath.Join(dir, name)
		must(t, append([]string{"train", data, "--epochs", "3", "--out", run}, args...)...)
		return run
	}
	book, deep, other := train("book", "--preset", "nielsen1", "--net", "120-12-4"), train("deep", "--net", "120-9-6-4", "--hidden", "tanh", "--lr", "0.1"), train("other", "--net", "120-14-4", "--seed", "2")
	for _, args := range [][]string{
		{"sheet", book, "--show", "all"},
		{"sheet", deep, "--layer", "2", "--order", "norm"},
		{"why", book, "--image", "test:3"},
		{"why", book, "--image", "test:3", "--not", "2", "--top", "2"},
		{"why", deep, "--image", "train:1", "--layer", "1"},
		{"class", book, "2"},
		{"class", deep, "0", "--layer", "1", "--top", "4"},
		{"neuron", book, "7"},
		{"neuron", deep, "3", "--layer", "2"},
		{"templates", book, "--image", "test:1"},
		{"templates", deep},
		{"top", book, "--top", "4", "--count", "5"},
		{"ablate", book, "--top", "5"},
		{"ablate", deep, "--layer", "1"},
		{"classes", book},
		{"classes", deep, "--layer", "1", "--top", "4"},
		{"attribute", deep, "--image", "test:2"},
		{"dream", deep, "--top", "2"},
		{"errors", book, "--top", "3"},
		{"errors", deep, "--layer", "1"},
		{"compare", book, other, "--show", "raw"},
		{"compare", book, other, "--by", "activations", "--top", "3"},
	} {
		t.Run(fmt.Sprint(args[0], " ", filepath.Base(args[1]), args[2:]), func(t *testing.T) {
			path := filepath.Join(dir, "picture.png")
			if figures := runLookingUp(t, append(args, "-o", path, "--data", path+".json")...); figures != 1 {
				t.Errorf("%d figures drawn", figures)
			}
		})
	}
	if figures := runLookingUp(t, "post", data, "--out", filepath.Join(dir, "post")); figures != 8 {
		t.Errorf("post: %d figures drawn", figures)
	}
}

// runLookingUp runs a command, looks each number that it draws up among those for --data, and returns how many figures it
// has drawn.
func runLookingUp(t *testing.T, args ...string) (figures int) {
	t.Helper()
	var out bytes.Buffer
	a := &app{ctx: t.Context(), stdout: &out, stderr: &out}
	a.drawn = func(d *gallery.Drawing) {
		figures++
		all, f := newLookup(d.Numbers), d.Figure
		for _, p := range slices.Concat(f.Rows...) {
			for what, v := range values(p) {
				for i, x := range v {
					if !math.IsNaN(x) && x != float64(i+1) && !all.has(x) { // 1, 2, 3 … on an axis count
						t.Errorf("%s, %s: number %d, %v, is not in the file", f.Title, what, i, x)
						break
					}
				}
			}
		}
	}
	if code := a.run(args); code != exitDone {
		t.Fatal(out.String())
	}
	return figures
}

// Where the file says that the colours end, they end: of sheets of one scale and of each its own, and of films.
func TestScalesAreSaid(t *testing.T) {
	dir := trained(t, "--net", "120-9-4", "--epochs", "2")
	v := opened(t, dir)
	maps := map[string][][]float32{"raw": inspect.Maps(v.Weights("raw")), "init": inspect.Maps(v.Weights("init")), "learned": inspect.Maps(v.Weights("learned"))}
	all := maxAbs(slices.Concat(maps["raw"], maps["init"], maps["learned"])...)
	for i, l := range shown(t, "sheet", dir, "--show", "all")["map_limit"].([]any) {
		near(t, "limit of map "+strconv.Itoa(i), at(l), float64(all), 1e-9)
	}
	own := shown(t, "sheet", dir, "--scale", "neuron", "--order", "norm")
	for i, j := range own["neuron"].([]any) {
		near(t, "its own limit", at(own["map_limit"], i), float64(maxAbs(maps["learned"][int(at(j))])), 1e-9)
		if got := own["map_name"].([]any)[i]; got != strconv.Itoa(int(at(j))) {
			t.Errorf("map %d is called %v, want %v", i, got, j)
		}
	}
	for _, scale := range []string{"shared", "percentile"} {
		film := shown(t, "film", dir, "--scale", scale)
		var sizes []float64
		for _, frame := range film["maps"].([]any) {
			for _, m := range frame.([]any) {
				for _, w := range m.([]any) {
					sizes = append(sizes, math.Abs(at(w)))
				}
			}
		}
		slices.Sort(sizes)
		lo, hi := sizes[len(sizes)-1], sizes[len(sizes)-1]
		if scale == "percentile" { // 99.5 % lie below it, whatever the rule between two
			lo, hi = sizes[len(sizes)*994/1000], sizes[len(sizes)*996/1000]
		}
		if limit := at(film["limit"]); limit < lo-1e-6 || limit > hi+1e-6 {
			t.Errorf("film, %s: limit %v, want it from %v to %v", scale, limit, lo, hi)
		}
	}
}
