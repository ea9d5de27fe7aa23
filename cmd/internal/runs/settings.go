package runs

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"

	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
)

// SettingError says what is wrong with the value of a setting.
type SettingError struct {
	Setting string // its name
	Value   string
	Want    string
}

// Error names the setting, its value, and what is wanted.
func (e *SettingError) Error() string {
	return fmt.Sprintf("%s %s: want %s", e.Setting, e.Value, e.Want)
}

// Check reports the first setting that no network can be trained with, as far as that can be told without the images.
func (r Recipe) Check() error {
	if r.Seed > math.MaxInt64 {
		return &SettingError{"seed", fmt.Sprint(r.Seed), fmt.Sprintf("0 to %d", uint64(math.MaxInt64))}
	}
	for _, n := range []struct {
		name  string
		value float64
		words.Range
	}{
		{"epochs", float64(r.Epochs), words.AtLeast(1)},
		{"batch", float64(r.Batch), words.AtLeast(1)},
		{"lr", r.LR, words.Finite()},
		{"momentum", r.Momentum, words.Part()},
		{"l2", r.L2, words.Finite()},
		{"l1", r.L1, words.Finite()},
		{"dropout", r.Dropout, words.Part()},
		{"early-stop", float64(r.EarlyStop), words.AtLeast(0)},
	} {
		if !n.Holds(n.value) {
			return &SettingError{n.name, words.Plain(n.value), n.Range.String()}
		}
	}
	if _, err := r.Config(); err != nil {
		return err
	}
	if _, err := r.FrameEvery(); err != nil {
		return err
	}
	if r.Net != "" {
		if _, err := engine.ParseSizes(r.Net); err != nil {
			return err
		}
	}
	return nil
}

// UsualMomentum is the recipe's momentum, or the usual 0.9 where the optimiser has one and nobody gave it.
func (r Recipe) UsualMomentum(given bool) float64 {
	if !given && r.Momentum == 0 && (r.Optimizer == engine.Momentum || r.Optimizer == engine.Nesterov) {
		return 0.9
	}
	return r.Momentum
}

// Settings are the names that Set takes: those of the train command's flags.
func Settings() []string {
	var names []string
	t := reflect.TypeFor[Recipe]()
	for i := range t.NumField() {
		if key, _, _ := strings.Cut(t.Field(i).Tag.Get("toml"), ","); key != "" && key != "preset" {
			names = append(names, strings.ReplaceAll(key, "_", "-"))
		}
	}
	return names
}

// Set gives a setting the value that TOML has for it: a string, bool, int64, float64, or a list of them.
func (r *Recipe) Set(name string, value any) error {
	if !slices.Contains(Settings(), name) {
		return fmt.Errorf("unknown setting %q; want one of %s", name, strings.Join(Settings(), " "))
	}
	key := strings.ReplaceAll(name, "-", "_")
	want := r.kind(key)
	wrong := &SettingError{name, fmt.Sprintf("%#v", value), want}
	_, isText := value.(string)
	n, isInt := value.(int64)
	if want == aName && !isText || want == aCount && isInt && n < 0 {
		return wrong // where the decoder is more liberal
	}
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(map[string]any{key: value}); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	_, err := toml.Decode(text.String(), r)
	var parse toml.ParseError
	switch {
	case errors.As(err, &parse): // of a name that is none; its place is that in the text made above
		return fmt.Errorf("%s: %s", name, parse.Message)
	case err != nil:
		return wrong
	}
	return nil
}

const (
	aName  = "a name in quotes"
	aCount = "a whole number from 0"
)

// kind says what kind of value a setting takes.
func (r *Recipe) kind(key string) string {
	t := reflect.TypeFor[Recipe]()
	for i := range t.NumField() {
		if k, _, _ := strings.Cut(t.Field(i).Tag.Get("toml"), ","); k != key {
			continue
		}
		switch t.Field(i).Type.Kind() {
		case reflect.Int:
			return "a whole number"
		case reflect.Uint64:
			return aCount
		case reflect.Float64:
			return "a number"
		case reflect.Bool:
			return "true or false"
		case reflect.Slice:
			return "a list of whole numbers"
		}
	}
	return aName
}

// Setting is the value of a setting as people write it.
func (r *Recipe) Setting(name string) string {
	v := reflect.ValueOf(*r)
	for i := range v.NumField() {
		if k, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("toml"), ","); k == strings.ReplaceAll(name, "-", "_") {
			switch f := v.Field(i).Interface().(type) {
			case float64:
				return fmt.Sprintf("%g", f)
			case []int:
				return strings.Trim(strings.ReplaceAll(fmt.Sprint(f), " ", ","), "[]")
			default:
				return fmt.Sprint(f)
			}
		}
	}
	return ""
}
