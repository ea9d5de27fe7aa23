package live

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"testing"

	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/engine"
)

// ask returns what an address of the API says as JSON.
func ask[T any](x *served, path string) (v T) {
	x.t.Helper()
	status, body := x.get(path)
	if err := json.Unmarshal(body, &v); err != nil || status != 200 {
		x.t.Fatalf("%s: status %d, %v: %.200s", path, status, err, body)
	}
	return v
}

// What the server says of a run is what its folder holds and what its Subject says.
func TestAnswers(t *testing.T) {
	run := testRun(t)
	v, err := gallery.Open(context.Background(), run, "", talk.Silent{})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	x := serve(t, Options{Runs: []string{run}})

	list := ask[struct {
		Runs   []listed
		Colors []struct{ Name string }
	}](x, "/api/runs")
	if len(list.Runs) != 1 || list.Runs[0].Name != "run" || list.Runs[0].Net != "120-6-5-4" ||
		list.Runs[0].Accuracy == nil {
		t.Errorf("the list of runs is %+v", list.Runs)
	}
	if len(list.Colors) != 3 || list.Colors[0].Name != "blue-orange" {
		t.Errorf("colour maps %v", list.Colors)
	}

	about := ask[struct {
		Rows, Cols, Tests int
		Classes           []string
		Layers            []layer
		Start             bool
		Gamma             float64
	}](x, "/api/runs/0")
	if about.Rows != 12 || about.Cols != 10 || about.Tests != 200 || len(about.Classes) != 4 || !about.Start ||
		math.Abs(about.Gamma-v.Net.Gamma) > 1e-5 || !slices.Equal(about.Layers, []layer{
		{6, "sigmoid"}, {5, "sigmoid"}, {4, "sigmoid"},
	}) {
		t.Errorf("the network is %+v", about)
	}

	_, body := x.get("/api/runs/0/weights")
	var want []float32
	for l := 1; l <= 3; l++ {
		want = append(append(want, v.Net.Params.Weight(l).Data...), v.Net.Params.Bias(l).Data...)
	}
	want = append(want, v.Net.Initial.Weight(1).Data...)
	if got := floats(body); !slices.Equal(got, want) {
		t.Errorf("%d weights are not the %d of the folder", len(got), len(want))
	}

	set, err := v.Test()
	if err != nil {
		t.Fatal(err)
	}
	_, body = x.get("/api/runs/0/tests/7,199")
	two := slices.Concat(set.Labels[7:8], set.Image(7), set.Labels[199:], set.Image(199))
	if !slices.Equal(body, two) {
		t.Error("test images 7 and 199 are others")
	}

	for layer := range 2 {
		path := "/" + strconv.Itoa(layer+1)
		act, err := v.Activity(layer)
		if err != nil {
			t.Fatal(err)
		}
		seen := ask[struct {
			Mean, Importance []float64
			Favourite        []int
		}](x, "/api/runs/0/seen"+path)
		favourites, _ := v.Favourites(layer)
		if !slices.Equal(seen.Favourite, favourites) || len(seen.Importance) != len(act.Mean) {
			t.Errorf("layer %d: favourites %v, want %v", layer, seen.Favourite, favourites)
		}
		for j, m := range act.Mean {
			if math.Abs(seen.Mean[j]-m) > 1e-5 {
				t.Errorf("layer %d: E a of neuron %d is %v, want %v", layer, j, seen.Mean[j], m)
			}
		}
		z, err := v.Subject.Values(t.Context(), layer, true)
		if err != nil {
			t.Fatal(err)
		}
		for j := range act.Mean {
			n := ask[struct {
				Low, High float64
				Counts    [][]int
				Top       []int
				Labels    []int
				Z         []float64
			}](x, "/api/runs/0/neurons"+path+"/"+strconv.Itoa(j))
			best := float64(math.Inf(-1))
			for i := range z {
				best = max(best, float64(z[i][j]))
			}
			if z[n.Top[0]][j] != float32(best) || n.High != best || len(n.Top) != topImages ||
				n.Labels[3] != int(set.Labels[n.Top[3]]) {
				t.Errorf("layer %d, neuron %d: image %d excites it most, to %v; the most is %v", layer, j, n.Top[0],
					n.High, best)
			}
			for k, counts := range n.Counts {
				sum := 0
				for _, c := range counts {
					sum += c
				}
				if count := countOf(set.Labels, k); sum != count || len(counts) != histogramBins {
					t.Errorf("layer %d, neuron %d: %d images of class %d, want %d", layer, j, sum, k, count)
				}
			}
		}
	}
	maps, err := v.Subject.Maps(t.Context(), v.Subject.Usual(), 1)
	if err != nil {
		t.Fatal(err)
	}
	if _, body := x.get("/api/runs/0/maps/2?show=learned"); !slices.Equal(floats(body), slices.Concat(maps...)) {
		t.Error("the maps of layer 2 are others")
	}
	// Of a preset that keeps every epoch there are the start, and the end, which is the network.
	moments := ask[struct{ Frames []struct{ Epoch int } }](x, "/api/runs/0/frames").Frames
	if len(moments) != 3 || moments[2].Epoch != 2 {
		t.Errorf("the moments kept are %v", moments)
	}
	for i, ps := range map[string]engine.Params{"0": v.Net.Initial, "2": v.Net.Params} {
		var want []float32
		for _, p := range ps {
			want = append(want, p.Data...)
		}
		if _, body := x.get("/api/runs/0/frames/" + i); !slices.Equal(floats(body), want) {
			t.Errorf("frame %s has other weights", i)
		}
	}
	if d := ask[struct{ Rows [][2]string }](x, "/api/runs/0/doctor"); len(d.Rows) < 4 {
		t.Errorf("the doctor measures %v", d.Rows)
	}
}

// More runs than are held open at a time are all answered, and each with its own network.
func TestManyRuns(t *testing.T) {
	run := testRun(t)
	r, err := gallery.Open(context.Background(), run, "", talk.Silent{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	x := serve(t, Options{Runs: []string{run}})
	for range 2 * mostOpen {
		x.s.shelf.all = append(x.s.shelf.all, &book{run: x.s.shelf.all[0].run})
	}
	for range 2 {
		for i := range x.s.shelf.all {
			ask[map[string]any](x, "/api/runs/"+strconv.Itoa(i)+"/neurons/1/0")
		}
	}
	if n := len(x.s.shelf.open); n != mostOpen {
		t.Errorf("%d runs are open", n)
	}
}

func floats(b []byte) (out []float32) {
	for ; len(b) >= 4; b = b[4:] {
		out = append(out, math.Float32frombits(binary.LittleEndian.Uint32(b)))
	}
	return out
}

func countOf(labels []uint8, class int) (n int) {
	for _, l := range labels {
		if int(l) == class {
			n++
		}
	}
	return n
}
