package sweep

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"neuroloupe/cmd/internal/runs"
	"neuroloupe/engine/atomicfile"
)

// File is what a person wrote: which networks to train.
type File struct {
	Path string
	Text string

	Set  []Value   // the same for all
	Grid []Axis    // every combination, the last changing fastest
	List [][]Value // each crossed with the grid; empty for none

	Stop     *StopRule // nil to train every run to its end
	Failures int       // in a row that end the sweep; 0 for any number
	Time     time.Duration

	lines places
}

// Value is a setting and what it is set to, as TOML has it; Key is where it stands in the file.
type Value struct {
	Name  string
	Value any
	Key   string
}

// Axis is a setting of the grid and its values.
type Axis struct {
	Name   string
	Values []any
}

// StopRule says when runs are not worth going on with.
type StopRule struct {
	Rule      string // halving: a rung is decided when all have reached it; asha: as results come
	Reduction int    // one in so many goes on
	First     int    // epochs of the first rung
}

// FileError says what is wrong with a sweep's file.
type FileError struct {
	Path string
	Line int    // 0 when it is not known
	Key  string // may be empty
	Err  error
}

// Error names the file, the line and the key.
func (e *FileError) Error() string {
	s := e.Path
	if e.Line > 0 {
		s += fmt.Sprintf(":%d", e.Line)
	}
	if e.Key != "" {
		s += ": " + e.Key
	}
	return s + ": " + e.Err.Error()
}

// Unwrap returns what is wrong.
func (e *FileError) Unwrap() error { return e.Err }

const (
	maxFile = 1 << 20 // bytes
	maxRuns = 100_000
)

// Read reads a sweep's file. That something is wrong with it is a [*FileError].
func Read(path string) (*File, error) {
	text, err := atomicfile.ReadBytes(path, maxFile)
	if err != nil {
		return nil, err
	}
	return parse(path, string(text))
}

func parse(path, text string) (*File, error) {
	f := &File{Path: path, Text: text, lines: placesOf(text)}
	var all map[string]any
	meta, err := toml.Decode(text, &all)
	var wrong toml.ParseError
	if errors.As(err, &wrong) {
		return nil, &FileError{Path: path, Line: wrong.Position.Line, Err: errors.New(wrong.Message)}
	}
	if err != nil {
		return nil, &FileError{Path: path, Err: err}
	}
	seen := map[string]bool{}
	for _, key := range meta.Keys() { // in the order of the file
		if name := key[0]; !seen[name] {
			seen[name] = true
			if err := f.table(name, all[name], meta.Keys()); err != nil {
				return nil, err
			}
		}
	}
	return f, f.clashes()
}

// at is an error at a key of the file.
func (f *File) at(key string, err error) error {
	return &FileError{Path: f.Path, Line: f.lines.of(key), Key: key, Err: err}
}

func (f *File) wrong(key, format string, args ...any) error {
	return f.at(key, fmt.Errorf(format, args...))
}

// bare are the settings of a sweep that may stand above all tables.
var bare = []string{"data", "folder", "preset"}

// table reads one of the tables, or a setting above them.
func (f *File) table(name string, v any, keys []toml.Key) error {
	if slices.Contains(bare, name) {
		return f.value(&f.Set, name, name, v)
	}
	asTable := func() (map[string]any, error) {
		t, ok := v.(map[string]any)
		if !ok {
			return nil, f.wrong(name, "want a table, [%s]", name)
		}
		return t, nil
	}
	switch name {
	case "set":
		t, err := asTable()
		if err != nil {
			return err
		}
		for _, key := range inOrder(name, t, keys) {
			if err := f.value(&f.Set, name+"."+key, key, t[key]); err != nil {
				return err
			}
		}
	case "grid":
		t, err := asTable()
		if err != nil {
			return err
		}
		for _, key := range inOrder(name, t, keys) {
			if err := f.axis(key, t[key]); err != nil {
				return err
			}
		}
	case "list":
		tables, ok := v.([]map[string]any)
		if !ok {
			return f.wrong(name, "want tables, [[list]], each a point")
		}
		for i, t := range tables {
			var point []Value
			for _, key := range inOrder(name, t, keys) {
				if err := f.value(&point, fmt.Sprintf("list[%d].%s", i, key), key, t[key]); err != nil {
					return err
				}
			}
			f.List = append(f.List, point)
		}
	case "stop":
		t, err := asTable()
		if err != nil {
			return err
		}
		return f.stop(t, inOrder(name, t, keys))
	case "limits":
		t, err := asTable()
		if err != nil {
			return err
		}
		return f.limits(t, inOrder(name, t, keys))
	default:
		if slices.Contains(runs.Settings(), name) {
			return f.wrong(name, "a setting stands in a table: put it under [set], or its values under [grid]")
		}
		return f.wrong(name, "unknown key; want data, folder, preset, [set], [grid], [[list]], [stop] or [limits]")
	}
	return nil
}

// inOrder are the keys of a table in the order of the file.
func inOrder(name string, t map[string]any, keys []toml.Key) []string {
	var all []string
	for _, k := range keys {
		if len(k) == 2 && k[0] == name && !slices.Contains(all, k[1]) {
			if _, ok := t[k[1]]; ok {
				all = append(all, k[1])
			}
		}
	}
	return all
}

// value adds a setting, of the right kind.
func (f *File) value(to *[]Value, key, name string, v any) error {
	if err := f.kind(key, name, v); err != nil {
		return err
	}
	*to = append(*to, Value{name, v, key})
	return nil
}

// kind checks the kind of a setting's value.
func (f *File) kind(key, name string, v any) error {
	if slices.Contains(bare, name) {
		if _, ok := v.(string); !ok {
			return f.wrong(key, "%v: want a name in quotes", v)
		}
		return nil
	}
	if _, ok := v.([]any); ok && name != "classes" {
		return f.wrong(key, "one value is wanted here; the values of a grid stand under [grid]")
	}
	r, err := runs.Preset("clear")
	if err != nil {
		return err
	}
	if err := r.Set(name, v); err != nil {
		var setting *runs.SettingError
		if errors.As(err, &setting) { // the key says its name
			err = fmt.Errorf("%s: want %s", setting.Value, setting.Want)
		}
		return f.at(key, err)
	}
	return nil
}

// axis adds a setting of the grid.
func (f *File) axis(name string, v any) error {
	key := "grid." + name
	values, ok := v.([]any)
	if !ok || len(values) == 0 {
		return f.wrong(key, "want a list of one value or more, as [1, 2]; what is the same for all stands under [set]")
	}
	for i, v := range values {
		if err := f.kind(key, name, v); err != nil {
			return err
		}
		if slices.ContainsFunc(values[:i], func(w any) bool { return fmt.Sprint(v) == fmt.Sprint(w) }) {
			return f.wrong(key, "%v stands there twice", v)
		}
	}
	f.Grid = append(f.Grid, Axis{name, values})
	return nil
}

// stop reads the rule that stops runs early.
func (f *File) stop(t map[string]any, keys []string) error {
	r := &StopRule{Rule: "halving", Reduction: 3, First: 1}
	for _, key := range keys {
		v := t[key]
		n, isInt := v.(int64)
		switch at := "stop." + key; key {
		case "rule":
			if r.Rule, _ = v.(string); r.Rule != "halving" && r.Rule != "asha" {
				return f.wrong(at, "%v: want \"halving\" or \"asha\"", v)
			}
		case "reduction":
			if r.Reduction = int(n); !isInt || n < 2 || n > 1000 {
				return f.wrong(at, "%v: want a whole number from 2 to 1000", v)
			}
		case "first":
			if r.First = int(n); !isInt || n < 1 || n > 1e6 {
				return f.wrong(at, "%v: want a number of epochs from 1", v)
			}
		default:
			return f.wrong(at, "unknown key; want rule, reduction or first")
		}
	}
	f.Stop = r
	return nil
}

func (f *File) limits(t map[string]any, keys []string) error {
	for _, key := range keys {
		v := t[key]
		switch at := "limits." + key; key {
		case "failures":
			n, ok := v.(int64)
			if !ok || n < 1 || n > maxRuns {
				return f.wrong(at, "%v: want a whole number from 1", v)
			}
			f.Failures = int(n)
		case "time":
			text, _ := v.(string)
			d, err := time.ParseDuration(text)
			if err != nil || d <= 0 {
				return f.wrong(at, "%v: want a time as \"8h\" or \"90m\"", v)
			}
			f.Time = d
		default:
			return f.wrong(at, "unknown key; want failures or time")
		}
	}
	return nil
}

// clashes reports a setting that two tables give, where neither can be meant to win, and a grid that is too large.
func (f *File) clashes() error {
	n := max(1, len(f.List))
	for _, a := range f.Grid {
		key := "grid." + a.Name
		for _, s := range f.Set {
			if s.Name == a.Name {
				return f.wrong(key, "%s is given twice: %s says it too", a.Name, s.Key)
			}
		}
		for _, point := range f.List {
			for _, s := range point {
				if s.Name == a.Name {
					return f.wrong(s.Key, "%s is given twice: [grid] has it too", a.Name)
				}
			}
		}
		if n *= len(a.Values); n > maxRuns {
			return f.wrong(key, "more than %d runs; make the grid smaller", maxRuns)
		}
	}
	return nil
}

// Name is the file's name without its ending.
func (f *File) Name() string {
	name := filepath.Base(f.Path)
	return strings.TrimSuffix(name, filepath.Ext(name))
}

// places are the lines in which the keys of a TOML file stand: "grid.l2", "list[0].lr".
type places map[string]int

// placesOf finds the keys that begin a line; those of an inline table are not known, and its line is that of the table.
func placesOf(text string) places {
	p := places{}
	table, n := "", 0
	counts := map[string]int{}
	for line := range strings.Lines(text) {
		n++
		line, _, _ = strings.Cut(strings.TrimSpace(line), "#")
		name := strings.Trim(line, "[] \t")
		switch {
		case strings.HasPrefix(line, "[["):
			table = fmt.Sprintf("%s[%d].", name, counts[name])
			counts[name]++
			p.note(name, n)
		case strings.HasPrefix(line, "[") && !strings.Contains(line, ","):
			table = name + "."
			p.note(name, n)
		default:
			key, _, ok := strings.Cut(line, "=")
			if ok {
				p.note(table+strings.Trim(key, " \t\"'"), n)
			}
		}
	}
	return p
}

func (p places) note(key string, line int) {
	if _, ok := p[key]; !ok {
		p[key] = line
	}
}

// of is the line of a key, or of the table that it stands in; 0 when neither is known.
func (p places) of(key string) int {
	for key != "" {
		if line, ok := p[key]; ok {
			return line
		}
		key = key[:max(0, strings.LastIndexByte(key, '.'))]
	}
	return 0
}
