package main

import (
	"fmt"
	"path/filepath"
	"reflect"
	"strconv"
	"testing"
)

// Places that show the same thing hold the same numbers, to the last bit: of a deep network, of chapter 1's, whose
// random start is seen and taken out, and of one that was made elsewhere, whose start is not known.
func TestOneNumberEverywhere(t *testing.T) {
	data, dir := shapes(t), t.TempDir()
	train := func(name, net string) string {
		run := filepath.Join(dir, name)
		must(t, "train", data, "--net", net, "--preset", "nielsen1", "--epochs", "2", "--out", run)
		return run
	}
	deep, book := train("deep", "120-9-6-4"), train("book", "120-9-4")
	must(t, "export", deep, "--npz", filepath.Join(dir, "net.npz"))
	imported := filepath.Join(dir, "imported")
	must(t, "import", filepath.Join(dir, "net.npz"), "--data", data, "--out", imported)
	for _, run := range []string{deep, book} {
		if !opened(t, run).Subject.StartSeen(t.Context()) {
			t.Fatalf("the start is not seen in %s, so the test says little", run)
		}
	}
	t.Run("deep", func(t *testing.T) { oneNumber(t, deep, 2, "learned", "raw", "init") })
	t.Run("book", func(t *testing.T) { oneNumber(t, book, 1, "learned", "raw", "init") })
	t.Run("imported", func(t *testing.T) { oneNumber(t, imported, 2, "raw") })
}

// oneNumber holds the pictures of a run against each other. shows are the ways to show its maps, the usual one first.
func oneNumber(t *testing.T, run string, layers int, shows ...string) {
	same := func(what string, a, b any) {
		t.Helper()
		if a == nil || !reflect.DeepEqual(a, b) {
			t.Errorf("%s: not the same\n%.120v\n%.120v", what, a, b)
		}
	}
	picked := func(all any, places any) []any {
		var out []any
		for _, j := range places.([]any) {
			out = append(out, all.([]any)[int(at(j))])
		}
		return out
	}
	usual, report, templates := shows[0], shown(t, "report", run), shown(t, "templates", run)
	same("templates and report", templates["plain"], report["template"])
	same("weighted templates and report", templates["slope_weighted"], report["template_slope_weighted"])
	errors := shown(t, "errors", run)
	same("confusion, errors and report", errors["confusion"], report["confusion"])
	many := shown(t, "errors", run, "--top", "5")
	for _, what := range []string{"loss", "margin", "image"} {
		all, some := many[what].([]any), report["mistake_"+what].([]any)
		if len(some) < 5 {
			t.Fatalf("%d mistakes in the report, too few to compare", len(some))
		}
		same(what+" of mistakes, errors and report", all[:len(some)], some)
	}
	same("accuracy, errors and templates", errors["accuracy_on_test"], templates["accuracy_on_test"])
	for l := range layers {
		layer, in := strconv.Itoa(l+1), "layer"+strconv.Itoa(l+1)+"_"
		name := func(what string) string { return fmt.Sprintf("layer %s, %s", layer, what) }
		sheets := map[string]any{}
		for _, show := range shows {
			s := shown(t, "sheet", run, "--layer", layer, "--show", show)
			sheets[show] = s[show]
			if show == "learned" && l == 0 {
				same(name("ρ, sheet and report"), s["rho"], report[in+"rho"])
			}
		}
		if l == 0 {
			for _, show := range shows {
				same(name(show+", sheet and report"), sheets[show], report[in+"map_"+show])
			}
		} else {
			same(name("path, sheet and report"), sheets[usual], report[in+"map_path"])
		}
		classes, ablate := shown(t, "classes", run, "--layer", layer), shown(t, "ablate", run, "--layer", layer)
		for j := range 6 {
			n := shown(t, "neuron", run, strconv.Itoa(j), "--layer", layer)
			for _, show := range shows {
				var page []any
				for _, row := range n["map_"+show].([]any) {
					page = append(page, row.([]any)...)
				}
				same(name(fmt.Sprintf("%s, neuron %d and sheet", show, j)), page, sheets[show].([]any)[j])
			}
			for _, what := range []string{"accuracy_lost", "recall_lost", "favourite"} {
				same(name(fmt.Sprintf("%s, neuron %d and ablate", what, j)), n[what], ablate[what].([]any)[j])
			}
			same(name(fmt.Sprintf("smoothness, neuron %d and report", j)), n["smoothness_"+usual],
				report[in+"smoothness"].([]any)[j])
			same(name(fmt.Sprintf("stuck, neuron %d and report", j)), n["stuck"], report[in+"stuck"].([]any)[j])
		}
		maps := sheets[usual]
		top := shown(t, "top", run, "--layer", layer, "--top", "3")
		same(name("maps, top and sheet"), top["maps"], picked(maps, top["neurons"]))
		same(name("contribution, classes and report"), classes["contribution"], report[in+"contribution"])
		same(name("importance, ablate and report"), ablate["importance"], report[in+"importance"])
		same(name("selectivity, ablate and classes"), ablate["selectivity"], classes["selectivity"])
		same(name("accuracy lost, ablate and classes"), ablate["accuracy_lost"], classes["accuracy_lost"])
		same(name("favourite, ablate and report"), ablate["favourite"], report[in+"favourite"])
		same(name("favourite, top and ablate"), top["favourite"], picked(ablate["favourite"], top["neurons"]))
		class := shown(t, "class", run, "2", "--layer", layer, "--top", "3")
		same(name("contribution, class and classes"), class["contribution"], classes["contribution"].([]any)[2])
		same(name("maps, class and sheet"), class["maps_by_weight"], picked(maps, class["by_weight"].([]any)[:3]))
		why := shown(t, "why", run, "--layer", layer, "--image", "test:0")
		same(name("mean activation, why and ablate"), why["mean_activation"], ablate["mean_activation"])
		compare := shown(t, "compare", run, run, "--layer", layer)
		same(name("maps, compare and sheet"), compare["map_a"], picked(maps, compare["a"]))
		driven := shown(t, "errors", run, "--layer", layer, "--top", "1")
		same(name("maps, errors and sheet"), driven["drawn_map"].([]any)[0],
			picked(maps, driven["drawn_neuron"].([]any)[0]))
		if l == 0 {
			same(name("weights, why and sheet"), why["drawn_weights"], picked(sheets["raw"], why["drawn_neurons"]))
		}
		if l == 0 && usual == "learned" {
			film := shown(t, "film", run)["maps"].([]any)
			same(name("maps, the film's last and sheet"), film[len(film)-1], maps)
		}
	}
}
