package study

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/words"
)

// Asked is the column of the epochs that a run was asked for: the flag --epochs. The column epochs is how many are
// done.
const Asked = "asked"

// The names of columns never change while the program runs.
var (
	settingNames = append([]string{"data"}, namesOf(reflect.TypeFor[runs.Recipe]())...)
	deviceNames  = namesOf(reflect.TypeFor[runs.Device]()) // what a run was trained on
)

// SettingNames are the names of all settings: of the flags of train, but data for the data set and [Asked] for the
// epochs.
func SettingNames() []string { return slices.Clone(settingNames) }

// settingIndex is the place of a setting in SettingNames, −1 where there is none of that name.
func settingIndex(name string) int { return slices.Index(settingNames, name) }

func namesOf(t reflect.Type) []string {
	var names []string
	for _, f := range fieldsOf(t) {
		names = append(names, f.name)
	}
	return names
}

// field is one of a struct that is written to run.toml, under the name that it has in tables.
type field struct {
	name  string
	index int
}

// fieldsOf lists the fields of a table of run.toml, so that one which is added there is a column here.
func fieldsOf(t reflect.Type) []field {
	other := map[string]string{"epochs": Asked, "id": "device", "name": "processor"}
	var all []field
	for i := range t.NumField() {
		key, _, _ := strings.Cut(t.Field(i).Tag.Get("toml"), ",")
		if key == "" || key == "reason" {
			continue
		}
		name := strings.ReplaceAll(key, "_", "-")
		if n, ok := other[key]; ok {
			name = n
		}
		all = append(all, field{name, i})
	}
	return all
}

// valuesOf are the values of fieldsOf, as a flag takes them.
func valuesOf(v reflect.Value) []string {
	var all []string
	for _, f := range fieldsOf(v.Type()) {
		switch x := v.Field(f.index).Interface().(type) {
		case float64:
			all = append(all, words.Shortest(x))
		case []int:
			all = append(all, words.Commas(x))
		case []string:
			all = append(all, strings.Join(x, ", "))
		default:
			all = append(all, fmt.Sprint(x))
		}
	}
	return all
}

// SettingsOf are the values of SettingNames of a recipe, data being what the data set is called.
func SettingsOf(data string, r runs.Recipe) []string {
	return append([]string{data}, valuesOf(reflect.ValueOf(r))...)
}

// Arithmetic says what a run's numbers were worked out with: the kind of its device, its instruction set and its
// precision. Two runs of the same settings have the same bytes only where it is the same.
func (r *Run) Arithmetic() string {
	var parts []string
	for i, name := range deviceNames {
		v := at(r.Device, i)
		switch name {
		case "device":
			v, _, _ = strings.Cut(v, ":")
		case "processor", "workers", "cuda-mode":
			continue
		}
		if v != "" {
			parts = append(parts, v)
		}
	}
	return strings.Join(parts, " ")
}

// TrainingLoss is the column of the mean loss over the epoch of the weights handed out; loss is the setting, as in
// train --loss.
const TrainingLoss = "training-loss"

// Value is what a column says of a run.
type Value struct {
	Text   string  // for people
	Plain  string  // for programs, and for the filter: numbers in full; "" where the run has none
	Number float64 // NaN for a text, and where the run has none
}

func text(s string) Value { return Value{s, s, math.NaN()} }

func none() Value { return Value{Text: "–", Number: math.NaN()} }

func setting(s string) Value {
	v := Value{s, s, number(s)}
	if s == "" {
		v.Text = "–"
	}
	return v
}

// measured is a number that may be missing; write puts it into words.
func measured(v *float64, write func(float64) string) Value {
	if v == nil {
		return none()
	}
	return Value{write(*v), words.Shortest(*v), *v}
}

// results are the columns beside settings and device.
var results = []struct {
	name string
	of   func(r *Run) Value
}{
	{"run", func(r *Run) Value { return text(r.Name) }},
	{"epochs", func(r *Run) Value {
		if r.Settings == nil || r.Import != "" {
			return none()
		}
		n := strconv.Itoa(r.Epochs)
		return Value{n + "/" + r.Setting(Asked), n, float64(r.Epochs)}
	}},
	{"validation", func(r *Run) Value { return measured(r.Validation, percent) }},
	{"accuracy", func(r *Run) Value { return measured(r.Accuracy, percent) }},
	{TrainingLoss, func(r *Run) Value {
		return measured(r.Loss, func(v float64) string { return strconv.FormatFloat(v, 'g', 4, 64) })
	}},
	{"seconds", func(r *Run) Value {
		if r.Epochs == 0 {
			return measured(nil, seconds)
		}
		return measured(&r.Seconds, seconds)
	}},
	{"state", func(r *Run) Value { return Value{r.Says(), r.State(), math.NaN()} }},
	{"why", func(r *Run) Value { return text(r.Why()) }},
	{"path", func(r *Run) Value { return text(r.Path) }},
	{"created", func(r *Run) Value {
		if r.Created.IsZero() {
			return none()
		}
		return text(r.Created.UTC().Format("2006-01-02T15:04:05Z"))
	}},
}

func percent(v float64) string { return fmt.Sprintf("%.2f %%", 100*v) }

func seconds(v float64) string {
	if v < 100 {
		return strconv.FormatFloat(v, 'f', 1, 64) + " s"
	}
	return words.Thousands(v) + " s"
}

// Columns are the names of all columns: results, settings, device.
func Columns() []string {
	var names []string
	for _, c := range results {
		names = append(names, c.name)
	}
	return slices.Concat(names, settingNames, deviceNames)
}

// Column is what one column says of runs.
type Column struct {
	Name string
	Of   func(r *Run) Value
}

// ColumnByName finds a column.
func ColumnByName(name string) (Column, error) {
	for _, c := range results {
		if c.name == name {
			return Column{name, c.of}, nil
		}
	}
	if i := settingIndex(name); i >= 0 {
		return Column{name, func(r *Run) Value { return setting(at(r.Settings, i)) }}, nil
	}
	if i := slices.Index(deviceNames, name); i >= 0 {
		return Column{name, func(r *Run) Value { return setting(at(r.Device, i)) }}, nil
	}
	return Column{}, fmt.Errorf("there is no column %q; there are %s", name, strings.Join(Columns(), " "))
}
