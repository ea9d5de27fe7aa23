package study

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"strings"
	"testing"

	"neuroloupe/cmd/internal/runs"
)

// The sums of squares are those of exact least squares (testdata/anova.py) and of a textbook.
func TestAnalyse(t *testing.T) {
	var cases map[string]struct {
		Levels       []int
		Cells        [][]float64
		SS           map[string]float64
		Noise, Total float64
	}
	text, err := os.ReadFile("testdata/anova.json")
	check(t, err)
	check(t, json.Unmarshal(text, &cases))
	book := map[string]map[string]float64{ // Montgomery, 8th edition, tables 5.5 and 6.12
		"battery":    {"A": 10683.72, "B": 39118.72, "A×B": 9613.78, "noise": 18230.75},
		"filtration": {"A": 1870.56, "C": 390.06, "D": 855.56, "A×C": 1314.06, "A×D": 1105.56},
	}
	df := map[string]map[string]int{
		"battery":    {"A": 2, "B": 2, "A×B": 4, "noise": 27},
		"filtration": {"A": 1, "A×B×C×D": 1, "noise": 0},
		"made":       {"A": 1, "B": 2, "A×B": 2, "A×B×C": 2, "noise": 24},
	}
	for name, c := range cases {
		letters := strings.Split("ABCDEFGH", "")[:len(c.Levels)]
		v, err := Design{Factors: letters, Levels: c.Levels, Cells: c.Cells}.Analyse()
		check(t, err)
		close := func(what string, got, want, within float64) {
			t.Helper()
			if math.Abs(got-want) > within {
				t.Errorf("%s, %s: %v, want %v", name, what, got, want)
			}
		}
		close("total", v.Total, c.Total, 1e-9*c.Total)
		sum, shares := 0.0, 0.0
		for _, e := range append(v.Effects, v.Noise) {
			want, ok := c.SS[e.Name()]
			if e.Name() == "noise" {
				want, ok = c.Noise, true
			}
			if !ok {
				t.Errorf("%s: an effect %s", name, e.Name())
			}
			close(e.Name(), e.SS, want, 1e-9*c.Total)
			if want, ok := book[name][e.Name()]; ok {
				close(e.Name()+" in the book", e.SS, want, 0.005)
			}
			if want, ok := df[name][e.Name()]; ok && e.DF != want {
				t.Errorf("%s, %s: %d degrees of freedom, want %d", name, e.Name(), e.DF, want)
			}
			sum, shares = sum+e.SS, shares+e.Share
		}
		close("sum", sum, c.Total, 1e-9*c.Total)
		close("shares", shares, 1, 1e-12)
		if len(v.Effects) != len(c.SS) {
			t.Errorf("%s: %d effects, want %d", name, len(v.Effects), len(c.SS))
		}
	}
}

// planted is a grid of lr, l2 and two seeds, with steps of ±4, ±2 and, where both agree or not, ±1 in the accuracy, and
// ±½ by the seed.
func planted() []*Run {
	var all []*Run
	for i, lr := range []string{"0.1", "0.5"} {
		for j, l2 := range []string{"0", "5"} {
			for k, s := range []string{"1", "2"} {
				x, y, z := float64(2*i-1), float64(2*j-1), float64(2*k-1)
				all = append(all, made("done", 0.9+0.01*(4*x+2*y+x*y+z/2), "lr", lr, "l2", l2, "seed", s))
			}
		}
	}
	return all
}

// made makes a run of some settings, as pairs of name and value, and a validation accuracy.
func made(state string, validation float64, settings ...string) *Run {
	r := &Run{Facts: Facts{Settings: make([]string, len(settingNames)), Validation: &validation, Epochs: 1}}
	for i := 0; i < len(settings); i += 2 {
		r.Settings[settingIndex(settings[i])] = settings[i+1]
		r.Name += strings.Join(settings[i:i+2], " ") + " "
	}
	for s := runs.Queued; s <= runs.Done; s++ {
		if s.String() == state {
			r.Standing.State = s
		}
	}
	return r
}

// A planted grid has the shares that were planted: of 16 + 4 + 1 + ¼.
func TestPlantedShares(t *testing.T) {
	im := Importances(planted())
	if im.Why != "" {
		t.Fatal(im.Why)
	}
	want := map[string]float64{"lr": 16, "l2": 4, "l2×lr": 1, "lr×l2": 1}
	for _, e := range im.Effects {
		if got := e.Share * 21.25; math.Abs(got-want[e.Name()]) > 1e-9 {
			t.Errorf("%s: %v of 21.25, want %v", e.Name(), got, want[e.Name()])
		}
		// The noise has 4 degrees of freedom and ¼ of 21.25, each effect one.
		if got := e.Noise * 21.25; math.Abs(got-0.25/4) > 1e-9 {
			t.Errorf("%s: by noise alone %v of 21.25, want %v", e.Name(), got, 0.25/4)
		}
	}
	if got := im.Says(); got != "lr 75 %, l2 19 %, lr×l2 5 %, seeds 1 %" {
		t.Errorf("it says %q", got)
	}
}

// Where the grid does not allow it, it is said why not.
func TestImportanceRefuses(t *testing.T) {
	all := planted()
	failed := made("failed", 0, "lr", "0.5", "l2", "5", "seed", "2")
	failed.Validation = nil
	again := made("done", 0.5, "lr", "0.1", "l2", "0", "seed", "1", "frames", "none")
	diagonal := []*Run{
		made("done", 0.9, "lr", "1", "l2", "1"), made("done", 0.8, "lr", "2", "l2", "2"),
		made("done", 0.7, "lr", "1", "l2", "2"),
	}
	for name, c := range map[string]struct {
		runs []*Run
		want string
	}{
		"one failed": {
			append(all[:7:7], failed),
			"the grid is not balanced: lr 0.5, l2 5 has 1 finished run to go by, others have 2; 1 run failed",
		},
		"half missing": {
			all[:6], "lr and l2 are not fully crossed: of 4 combinations 1 were never tried, such as lr 0.5, l2 5",
		},
		"not crossed": {diagonal, "lr and l2 are not fully crossed"},
		"twice":       {append(all[:8:8], again), "lr 0.1, l2 0 is there twice with seed 1"},
		"one setting": {[]*Run{all[0], all[2]}, "each value of l2 was trained once"},
		"seeds alone": {all[:2], "the runs differ in no setting but the seed"},
		"no run":      {nil, "the runs differ in no setting but the seed"},
		"all equal": {
			[]*Run{
				made("done", 0.9, "lr", "1", "seed", "1"), made("done", 0.9, "lr", "1", "seed", "2"),
				made("done", 0.9, "lr", "2", "seed", "1"), made("done", 0.9, "lr", "2", "seed", "2"),
			},
			"all runs have the same result",
		},
	} {
		im := Importances(c.runs)
		if im.Variance != nil || !strings.HasPrefix(im.Why, c.want) || im.Says() != im.Why {
			t.Errorf("%s: %q, want %q", name, im.Why, c.want)
		}
	}
}

// Settings that change only together are one, and a grid observed once says that its noise is not known.
func TestImportanceOfTiedSettings(t *testing.T) {
	var all []*Run
	for i, hidden := range []string{"relu", "sigmoid"} {
		for j, l2 := range []string{"0", "5", "50"} {
			output := map[string]string{"relu": "softmax", "sigmoid": "sigmoid"}[hidden]
			y := 0.5 + 0.1*float64(i) + 0.01*float64(j*j)
			all = append(all, made("done", y, "hidden", hidden, "output", output, "l2", l2))
		}
	}
	im := Importances(all)
	got := fmt.Sprint(im.Says())
	if !strings.HasPrefix(got, "hidden+output ") ||
		!strings.HasSuffix(got, "(one seed each, so that the interaction of all cannot be told from noise)") {
		t.Errorf("it says %q", got)
	}
}
