package main

import (
	"bytes"
	"fmt"
	"maps"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/watch"
	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

// missing returns the first of the numbers that a panel draws which is not, to six digits, in the arrays of its key: as
// it is, as per cent of it, as the byte of an ink from 0 to 1, or with its sign turned, as compare draws the opposite
// of a pair. ok is false where there is one.
func missing(drawn render.Numbers, all map[string][]float64) (v float64, ok bool) {
	var held []float64
	for _, key := range strings.Fields(drawn.Key) {
		held = append(held, all[key]...)
	}
	slices.Sort(held)
	has := func(v float64) bool {
		within := 1e-6*math.Abs(v) + 1e-12
		i, _ := slices.BinarySearch(held, v-within)
		return i < len(held) && held[i] <= v+within
	}
	for _, v := range drawn.Values {
		if !math.IsNaN(v) && !has(v) && !has(-v) && !has(v/100) && !has(v/255) {
			return v, false
		}
	}
	return 0, true
}

// Every number that a panel of a picture draws is among those that --data writes, in the arrays that the panel names.
func TestDataHoldsWhatIsDrawn(t *testing.T) {
	data, dir := shapes(t), t.TempDir()
	train := func(name string, args ...string) string {
		run := filepath.Join(dir, name)
		must(t, append([]string{"train", data, "--epochs", "3", "--out", run}, args...)...)
		return run
	}
	book, deep, other := train("book", "--preset", "nielsen1", "--net", "120-12-4"),
		train("deep", "--net", "120-9-6-4", "--hidden", "tanh", "--lr", "0.1"),
		train("other", "--net", "120-14-4", "--seed", "2")
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
		{"runs", "sheet", dir},
		{"runs", "sheet", dir, "--rows", "net", "--scale", "shared", "--neurons", "3", "--show", "raw"},
	} {
		t.Run(fmt.Sprint(args[0], " ", filepath.Base(args[1]), args[2:]), func(t *testing.T) {
			path := filepath.Join(dir, "picture.png")
			if figures := runByKey(t, append(args, "-o", path, "--data", path+".json")...); figures != 1 {
				t.Errorf("%d figures drawn", figures)
			}
		})
	}
	if figures := runByKey(t, "post", data, "--out", filepath.Join(dir, "post")); figures != 8 {
		t.Errorf("post: %d figures drawn", figures)
	}
}

// runByKey runs a command, looks up each number that it draws by its panel's key, and returns how many figures it has
// drawn.
func runByKey(t *testing.T, args ...string) (figures int) {
	t.Helper()
	var out bytes.Buffer
	a := &app{ctx: t.Context(), stdout: &out, Screen: watch.NewScreen(&out)}
	a.drawn = func(d *gallery.Drawing) {
		figures++
		all := maps.Collect(d.Numbers.Floats())
		if len(d.Figure.Numbers()) == 0 && args[0] != "dream" { // whose made-up images are bytes
			t.Errorf("%s draws no numbers", d.Figure.Title)
		}
		for _, n := range d.Figure.Numbers() {
			if v, ok := missing(n, all); !ok {
				t.Errorf("%s: a panel of key %q draws %v, which is not there", d.Figure.Title, n.Key, v)
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
	maps := map[string][][]float32{
		"raw": inspect.Maps(weights(v, "raw")), "init": inspect.Maps(weights(v, "init")),
		"learned": inspect.Maps(weights(v, "learned")),
	}
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

// weights returns the first layer's weights of a run as one of raw, learned and init, In×Out.
func weights(v *gallery.View, show string) engine.Tensor {
	switch show {
	case "init":
		return v.Net.Initial.Weight(1)
	case "learned":
		return inspect.Learned(v.Net.Params.Weight(1), v.Net.Initial.Weight(1), v.Net.Gamma)
	}
	return v.Net.Params.Weight(1)
}
