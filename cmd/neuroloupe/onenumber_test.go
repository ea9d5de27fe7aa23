package main

import (
	"reflect"
	"testing"
)

// Places that show the same thing hold the same numbers, to the last bit: deeper paths and templates, with the random
// start taken out where it is seen.
func TestOneNumberEverywhere(t *testing.T) {
	v, _ := shapesReport(t, "--net", "120-9-6-4", "--preset", "nielsen1", "--epochs", "2")
	run := v.Folder.Path
	if !v.Subject.StartSeen(t.Context()) {
		t.Fatal("the start is not seen in this run, so the test says little")
	}
	report := reportData(t, v)
	sheet := func(layer, show string) any { return shown(t, "sheet", run, "--layer", layer, "--show", show)[show] }
	templates := shown(t, "templates", run)
	for name, c := range map[string]struct{ a, b any }{
		"layer 2, sheet and report":         {sheet("2", "learned"), report["layer2_map_path"]},
		"layer 1 raw, sheet and report":     {sheet("1", "raw"), report["layer1_map_raw"]},
		"layer 1 learned, sheet and report": {sheet("1", "learned"), report["layer1_map_learned"]},
		"layer 1 start, sheet and report":   {sheet("1", "init"), report["layer1_map_init"]},
		"templates, plain":                  {templates["plain"], report["template"]},
		"templates, slope-weighted":         {templates["slope_weighted"], report["template_slope_weighted"]},
		"contributions, classes and report": {
			shown(t, "classes", run, "--layer", "2")["contribution"],
			report["layer2_contribution"],
		},
		"importance, ablate and report, layer 1": {
			shown(t, "ablate", run, "--layer", "1")["importance"],
			report["layer1_importance"],
		},
	} {
		if c.a == nil || !reflect.DeepEqual(c.a, c.b) {
			t.Errorf("%s: not the same\n%.120v\n%.120v", name, c.a, c.b)
		}
	}
	for _, layer := range []string{"1", "2"} {
		for _, show := range []string{"raw", "learned", "init"} {
			all := sheet(layer, show).([]any)
			for _, j := range []string{"0", "5"} {
				page := shown(t, "neuron", run, j, "--layer", layer)["map_"+show].([]any)
				var flat []any
				for _, row := range page {
					flat = append(flat, row.([]any)...)
				}
				if want := all[int(j[0]-'0')]; !reflect.DeepEqual(want, any(flat)) {
					t.Errorf("layer %s, %s, neuron %s: sheet and neuron differ", layer, show, j)
				}
			}
		}
	}
}
