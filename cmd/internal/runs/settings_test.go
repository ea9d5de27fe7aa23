package runs

import (
	"strings"
	"testing"

	"neuroloupe/engine"
)

// Every setting takes the value that TOML has for it, and no other kind; all that is not set stays.
func TestSet(t *testing.T) {
	r, err := Preset("clear")
	check(t, err)
	for _, s := range []struct {
		name  string
		value any
	}{
		{"net", "784-30-10"},
		{"hidden", "relu"},
		{"l2", int64(3)},
		{"lr", 0.25},
		{"epochs", int64(7)},
		{"zero-dead", true},
		{"classes", []any{int64(1), int64(7)}},
		{"early-stop", int64(2)},
		{"seed", int64(9)},
	} {
		check(t, r.Set(s.name, s.value))
	}
	want, err := Preset("clear")
	check(t, err)
	want.Net, want.Hidden, want.L2, want.LR, want.Epochs = "784-30-10", engine.ReLU, 3, 0.25, 7
	want.ZeroDead, want.Classes, want.EarlyStop, want.Seed = true, []int{1, 7}, 2, 9
	if got := r.Setting("classes"); got != "1,7" {
		t.Errorf("classes are written %q", got)
	}
	if a, b := text(t, r), text(t, want); a != b {
		t.Errorf("set:\n%s\nwant:\n%s", a, b)
	}

	for _, s := range []struct {
		name  string
		value any
		want  string
	}{
		{"epochs", 1.5, "epochs 1.5: want a whole number"},
		{"epochs", "3", `epochs "3": want a whole number`},
		{"lr", "fast", `lr "fast": want a number`},
		{"zero-dead", int64(1), "zero-dead 1: want true or false"},
		{"hidden", "reluu", `unknown activation "reluu"`},
		{"hidden", int64(3), "hidden 3: want a name in quotes"},
		{"seed", int64(-1), "seed -1: want a whole number from 0"},
		{"zero_dead", true, `unknown setting "zero_dead"; want one of net hidden`},
		{"preset", "clear", `unknown setting "preset"`},
		{"split", []any{int64(1)}, "want a name in quotes"},
	} {
		before := text(t, r)
		if err := r.Set(s.name, s.value); err == nil || !strings.Contains(err.Error(), s.want) {
			t.Errorf("%s = %v: %v, want %q", s.name, s.value, err, s.want)
		}
		if text(t, r) != before {
			t.Errorf("%s = %v has changed something", s.name, s.value)
		}
	}
}

// text is all settings of a recipe.
func text(t *testing.T, r Recipe) string {
	t.Helper()
	var all []string
	for _, name := range Settings() {
		all = append(all, name+" = "+r.Setting(name))
	}
	return strings.Join(all, "\n")
}

func TestRecipeCheck(t *testing.T) {
	for want, change := range map[string]func(*Recipe){
		"epochs 0: want 1 or more":               func(r *Recipe) { r.Epochs = 0 },
		"dropout 1: want 0 to below 1":           func(r *Recipe) { r.Dropout = 1 },
		"l2 -1: want 0 or more, and finite":      func(r *Recipe) { r.L2 = -1 },
		"early-stop -1: want 0 or more":          func(r *Recipe) { r.EarlyStop = -1 },
		`keep "worst": want best or last`:        func(r *Recipe) { r.Keep = "worst" },
		`frames "0": want epoch, none`:           func(r *Recipe) { r.Frames = "0" },
		"seed 9223372036854775808: want 0 to 92": func(r *Recipe) { r.Seed = 1 << 63 },
		"784-x":                                  func(r *Recipe) { r.Net = "784-x" },
	} {
		r, err := Preset("clear")
		check(t, err)
		check(t, r.Check())
		change(&r)
		if err := r.Check(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}
