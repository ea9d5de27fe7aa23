package live

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	gomaps "maps"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"neuroloupe/cmd/internal/page"
	"neuroloupe/cmd/internal/study"
	"neuroloupe/cmd/internal/words"
)

// room is what a page that is written to a file holds at most, in bytes before base64 adds a third.
type room struct {
	weights, maps, frames, images, facts int // maps of deeper layers, facts of single neurons
	first                                int // test images, beside those that excite a neuron most
}

var fullPage = room{weights: 24 << 20, maps: 12 << 20, frames: 8 << 20, images: 4 << 20, facts: 8 << 20, first: 200}

// keeper keeps the server's answers to what a page may ask of a run.
type keeper struct {
	ctx   context.Context
	mux   *http.ServeMux
	shelf *shelf
	room  room
	kept  []*answered
	facts []*answered // of single neurons, which kept has too

	factBytes, mapBytes int
	without             int  // neurons of which there are no facts, for want of room
	unmapped            bool // there are maps that there is no room for

	tests []int  // the test images that are kept
	says  string // what the page holds
}

// answered is an answer by the path that it was asked by, below /api/runs.
type answered struct {
	path string
	json bool
	body []byte
}

// recorder takes an answer.
type recorder struct {
	header http.Header
	status int
	body   []byte
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(b []byte) (int, error) { r.body = append(r.body, b...); return len(b), nil }

// ask asks as the page does. What is not there is nil, and any other refusal an error.
func (k *keeper) ask(path string) ([]byte, error) {
	if err := context.Cause(k.ctx); err != nil {
		return nil, err
	}
	r, err := http.NewRequestWithContext(k.ctx, http.MethodGet, "/api/runs"+path, http.NoBody)
	if err != nil {
		return nil, err
	}
	w := &recorder{header: http.Header{}, status: http.StatusOK}
	k.mux.ServeHTTP(w, r)
	if err := context.Cause(k.ctx); err != nil {
		return nil, err // what was answered since may be that something could not be had
	}
	switch w.status {
	case http.StatusOK:
		return w.body, nil
	case http.StatusNotFound:
		return nil, nil
	}
	var refused struct{ Error string }
	_ = json.Unmarshal(w.body, &refused)
	return nil, errors.New(refused.Error)
}

// keep asks, and keeps the answer if there is one.
func (k *keeper) keep(path string, isJSON bool) (size int, err error) {
	b, err := k.ask(path)
	if err == nil && b != nil {
		k.kept = append(k.kept, &answered{path, isJSON, b})
	}
	return len(b), err
}

// put keeps something of our own as JSON.
func (k *keeper) put(path string, v any) error {
	b, err := json.Marshal(v)
	k.kept = append(k.kept, &answered{path, true, b})
	return err
}

// all keeps what the page may ask for, as far as there is room.
func (k *keeper) all() error {
	run := k.shelf.all[0].run
	if err := k.names(run); err != nil {
		return err
	}
	b, err := k.ask("/0")
	if err != nil {
		return err
	}
	var about struct {
		Layers []layer
		Start  bool
		Tests  int
	}
	if err := json.Unmarshal(b, &about); err != nil {
		return err
	}
	if err := k.about(b); err != nil {
		return err
	}
	n, err := k.keep("/0/weights", false)
	if err != nil {
		return err
	}
	if n > k.room.weights {
		return fmt.Errorf("%s has %.0f MB of weights, more than the %d MB that a page may hold; neuroloupe serve "+
			"shows it", run.Path, float64(n)/1e6, k.room.weights/1_000_000)
	}
	seen := 0 // layers of which it is told what they do on the test images
	if about.Tests > 0 {
		seen = len(about.Layers) - 1
	}
	moments, of, err := k.moments(seen)
	if err != nil {
		return err
	}
	for l := range about.Layers[:len(about.Layers)-1] {
		if err := k.layer(l, about.Layers[l].Units, about.Start, about.Tests > 0); err != nil {
			return err
		}
	}
	if about.Tests > 0 {
		if err := k.images(about.Tests, k.facts); err != nil {
			return err
		}
	}
	parts := []string{"the weights"}
	add := func(ok bool, format string, args ...any) {
		if ok {
			parts = append(parts, fmt.Sprintf(format, args...))
		}
	}
	add(moments > 0, "%d of the %d moments kept", moments, of)
	add(about.Tests > 0, "%d of the %d test images", len(k.tests), about.Tests)
	add(len(k.facts) > 0, "what %s do on all of them", words.Count(len(k.facts), "neuron"))
	k.says = strings.Join(parts, ", ")
	if k.without > 0 {
		k.says += fmt.Sprintf("; not what %d more neurons do", k.without)
	}
	if k.unmapped {
		k.says += "; not all maps of deeper layers"
	}
	return k.put("still", map[string]any{"tests": append([]int{}, k.tests...), "says": k.says})
}

// layer keeps what is asked of a hidden layer.
func (k *keeper) layer(l, units int, start, tests bool) error {
	at := "/" + strconv.Itoa(l+1)
	shows := []string{"learned", "raw", "init"}
	switch {
	case l == 0:
		shows = nil // they are the weights
	case !start:
		shows = []string{"raw"}
	}
	for _, show := range shows {
		b, err := k.ask("/0/maps" + at + "?show=" + show)
		if err != nil {
			return err
		}
		if k.mapBytes+len(b) > k.room.maps {
			k.unmapped = true
			continue
		}
		k.mapBytes += len(b)
		k.kept = append(k.kept, &answered{"/0/maps" + at + "?show=" + show, false, b})
	}
	if !tests {
		return nil
	}
	if _, err := k.keep("/0/seen"+at, true); err != nil {
		return err
	}
	for j := range units {
		if k.factBytes >= k.room.facts {
			k.without += units - j
			break
		}
		n, err := k.keep("/0/neurons"+at+"/"+strconv.Itoa(j), true)
		if err != nil {
			return err
		}
		if n > 0 {
			k.factBytes += n
			k.facts = append(k.facts, k.kept[len(k.kept)-1])
		}
	}
	return nil
}

// names keeps the list of runs without a path of this machine.
func (k *keeper) names(run *study.Run) error {
	abs, err := filepath.Abs(run.Path)
	if err != nil {
		return err
	}
	return k.put("", map[string]any{
		"runs": []listed{{
			Name: filepath.Base(abs), Net: run.Setting("net"), Data: filepath.Base(run.Setting("data")),
			Preset: run.Setting("preset"), State: run.State(), Accuracy: run.Accuracy,
		}},
		"colors": page.Palettes(), "data_dir": "",
	})
}

// about keeps what is said of the network; why something is missing may name a folder, so that is said anew.
func (k *keeper) about(b []byte) error {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return err
	}
	for name, text := range map[string]string{
		"no_tests": "they could not be had when this page was written.",
		"no_start": "the start of the training is not known.",
	} {
		if string(all[name]) != `""` {
			v, err := json.Marshal(text)
			if err != nil {
				return err
			}
			all[name] = v
		}
	}
	return k.put("/0", all)
}

// moments keeps as many moments of the training as there is room for, the first and the last among them, and what so
// many layers did then on the test images. It returns how many moments, of how many.
func (k *keeper) moments(seen int) (n, of int, err error) {
	b, err := k.ask("/0/frames")
	if err != nil || b == nil {
		return 0, 0, err
	}
	var all map[string]json.RawMessage
	var frames []json.RawMessage
	if err := json.Unmarshal(b, &all); err != nil {
		return 0, 0, err
	}
	if err := json.Unmarshal(all["frames"], &frames); err != nil {
		return 0, 0, err
	}
	of = len(frames)
	var picked []json.RawMessage
	if of > 0 {
		first, err := k.ask("/0/frames/0")
		if err != nil {
			return 0, 0, err
		}
		n = min(of, k.room.frames/max(1, len(first)))
	}
	if n < 2 {
		n = 0
	}
	for i := range n {
		at := i * (of - 1) / (n - 1)
		b, err := k.ask("/0/frames/" + strconv.Itoa(at))
		if err != nil {
			return 0, 0, err
		}
		k.kept = append(k.kept, &answered{"/0/frames/" + strconv.Itoa(at), false, b})
		picked = append(picked, frames[at])
		for l := range seen { // what the network of that moment does on the test images
			if _, err := k.keep(fmt.Sprintf("/0/seen/%d?frame=%d", l+1, at), true); err != nil {
				return 0, 0, err
			}
		}
	}
	if all["frames"], err = json.Marshal(append([]json.RawMessage{}, picked...)); err != nil {
		return 0, 0, err
	}
	return n, of, k.put("/0/frames", all)
}

// images keeps the first test images and those that excite neurons most, of each neuron as many as there is room for.
func (k *keeper) images(tests int, neurons []*answered) error {
	one, err := k.ask("/0/tests/0")
	if err != nil {
		return err
	}
	tops := make([]map[string][]json.RawMessage, len(neurons)) // what is said of each image, by name
	for i, n := range neurons {
		var of struct{ Top, Z, Labels []json.RawMessage }
		if err := json.Unmarshal(n.body, &of); err != nil {
			return err
		}
		tops[i] = map[string][]json.RawMessage{"top": of.Top, "z": of.Z, "labels": of.Labels}
	}
	var kept map[int]bool
	each := topImages
	for ; each > 0; each-- {
		kept = map[int]bool{}
		for i := range min(tests, k.room.first) {
			kept[i] = true
		}
		for _, top := range tops {
			for _, at := range top["top"][:min(each, len(top["top"]))] {
				i, err := strconv.Atoi(string(at))
				if err != nil {
					return err
				}
				kept[i] = true
			}
		}
		if len(kept)*len(one) <= k.room.images || each == 1 {
			break
		}
	}
	for i, n := range neurons {
		var all map[string]json.RawMessage
		if err := json.Unmarshal(n.body, &all); err != nil {
			return err
		}
		for name, list := range tops[i] {
			if all[name], err = json.Marshal(list[:min(each, len(list))]); err != nil {
				return err
			}
		}
		if n.body, err = json.Marshal(all); err != nil {
			return err
		}
	}
	k.tests = slices.Sorted(gomaps.Keys(kept))
	var out []byte
	for _, i := range k.tests {
		b, err := k.ask("/0/tests/" + strconv.Itoa(i))
		if err != nil {
			return err
		}
		out = append(out, b...)
	}
	k.kept = append(k.kept, &answered{"/0/tests", false, out})
	return nil
}
