package live

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/engine/inspect"
)

// What is said of a network of another time, or of a broken one, is what its numbers give, worked out here image by
// image in float64; and of neurons that are off what ablation gives. Few networks are held.
func TestNetworks(t *testing.T) {
	run := testRun(t)
	v, err := gallery.Open(t.Context(), run, "", talk.Silent{})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	set, err := v.Test()
	if err != nil {
		t.Fatal(err)
	}
	frames, err := v.Folder.Frames()
	if err != nil {
		t.Fatal(err)
	}
	x := serve(t, Options{Runs: []string{run}})
	type accuracy struct {
		Whole, Accuracy float64
		Images          int
	}
	// byHand is the accuracy of a network, the means of a layer, and the largest z of one of its neurons.
	byHand := func(n inspect.Net, layer, neuron int) (right, top float64, means []float64) {
		means, top = make([]float64, n.Spec.Layers[layer].Units), math.Inf(-1)
		for i := range set.Len() {
			p, err := n.Forward(inspect.Pixels(set.Image(i)))
			if err != nil {
				t.Fatal(err)
			}
			for j, a := range p.A[layer] {
				means[j] += a / float64(set.Len())
			}
			top = max(top, p.Z[layer][neuron])
			if inspect.Descending(p.Z[n.Last()])[0] == int(set.Labels[i]) {
				right++
			}
		}
		return right, top, means
	}
	start := v.Net
	start.Params, start.Gamma = frames[0].Params, 1
	what := inspect.Broken{Off: []inspect.Unit{{Layer: 1, Neuron: 2}}, Zero: true, Start: true, Noise: 0.5, Seed: 3}
	some, err := v.Net.Break(what, nil)
	if err != nil {
		t.Fatal(err)
	}
	metrics, err := v.Folder.Metrics()
	if err != nil {
		t.Fatal(err)
	}
	early := v.Net
	early.Params, early.Gamma = frames[1].Params, metrics[0].Gamma
	both, err := early.Break(what, nil)
	if err != nil {
		t.Fatal(err)
	}
	const query = "off=2.2&at=zero&start=out&noise=0.5&seed=3"
	for _, c := range []struct {
		query string
		n     inspect.Net
	}{{"", v.Net}, {"frame=0", start}, {query, some}, {"frame=1&" + query, both}} {
		right, top, means := byHand(c.n, 1, 4)
		got := ask[accuracy](x, "/api/runs/0/broken?"+c.query)
		if math.Abs(got.Accuracy*float64(set.Len())-right) > 1.5 || got.Images != set.Len() { // one may be a tie
			t.Errorf("%q: accuracy %v, want %v of %d", c.query, got.Accuracy, right, set.Len())
		}
		seen := ask[struct{ Mean []float64 }](x, "/api/runs/0/seen/2?"+c.query).Mean
		for j, m := range means {
			if math.Abs(seen[j]-m) > 1e-5 {
				t.Errorf("%q: E a of neuron %d is %v, want %v", c.query, j, seen[j], m)
			}
		}
		if high := ask[struct{ High float64 }](x, "/api/runs/0/neurons/2/4?"+c.query).High; math.Abs(high-top) > 1e-5 {
			t.Errorf("%q: the largest z is %v, want %v", c.query, high, top)
		}
		maps := inspect.Maps(c.n.Params.Weight(1))
		_, body := x.get("/api/runs/0/maps/1?show=raw&" + c.query)
		if !slices.Equal(floats(body), slices.Concat(maps...)) {
			t.Errorf("%q: the maps are others", c.query)
		}
	}
	ablated, err := v.Subject.Ablated(t.Context(), 0, inspect.AblateOptions{Every: 6}, nil)
	if err != nil {
		t.Fatal(err)
	}
	for j, lost := range ablated.Alone {
		got := ask[accuracy](x, fmt.Sprintf("/api/runs/0/broken?off=1.%d", j))
		if math.Abs(got.Whole-got.Accuracy-lost) > 1e-9 {
			t.Errorf("without neuron %d it loses %v, ablation says %v", j, got.Whole-got.Accuracy, lost)
		}
	}
	for i := range 30 {
		ask[accuracy](x, fmt.Sprintf("/api/runs/0/broken?noise=0.1&seed=%d", i))
	}
	if n := len(x.s.shelf.all[0].networks); n > 8 {
		t.Errorf("%d networks are held", n)
	}
	// What is broken of one network is not taken for what is broken in the same way of another, as of a training that
	// has gone on.
	b := &book{view: v}
	made := map[*inspect.Subject]bool{}
	for range 4 {
		whole := v.Subject.Then(start)
		got, err := b.held(whole, "broken", func() (*inspect.Subject, error) { return whole.Broken(t.Context(), what) })
		if err != nil || made[got] {
			t.Errorf("another network's is held: %v", err)
		}
		made[got] = true
		if again, err := b.held(whole, "broken", nil); err != nil || again != got {
			t.Errorf("it is made again: %v", err)
		}
	}
}

// Of a network whose frames are its first layer alone, the maps go back and nothing else, and it is said.
func TestNetworksNotKept(t *testing.T) {
	run := trained(t, "120-2-100-4")
	x := serve(t, Options{Runs: []string{run}})
	lack := ask[struct{ Lack string }](x, "/api/runs/0/frames").Lack
	if !strings.Contains(lack, "more than the first layer's 240 weights") {
		t.Errorf("the frames lack %q", lack)
	}
	if _, body := x.get("/api/runs/0/frames/1"); len(body) != 4*240 {
		t.Errorf("a frame of %d bytes", len(body))
	}
	status, body := x.get("/api/runs/0/seen/1?frame=1")
	var says struct{ Error string }
	if err := json.Unmarshal(body, &says); err != nil || status != 404 || !strings.Contains(says.Error, lack) {
		t.Errorf("status %d, %s", status, body)
	}
}
