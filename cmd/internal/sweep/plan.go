package sweep

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"neuroloupe/cmd/internal/dataset"
	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/engine"
	"neuroloupe/mnist"
)

// Plan is the runs of a sweep.
type Plan struct {
	File   *File
	Runs   []*Run
	Varied []string // the settings in which they differ, in the order of the file
	Twice  int      // points of the file that are a run which another point is already
}

// Run is one network to train.
type Run struct {
	ID     string
	Varied []string // the values of Plan.Varied
	Order  job.Order

	parameters int
}

// Name says which run it is among those of its plan.
func (r *Run) Name(p *Plan) string {
	var parts []string
	for i, name := range p.Varied {
		parts = append(parts, name+" "+r.Varied[i])
	}
	if len(parts) == 0 {
		return r.ID
	}
	return strings.Join(parts, ", ")
}

// cost is proportional to about how long a run takes.
func (r *Run) cost() float64 {
	return float64(r.parameters) * float64(r.Order.Recipe.Epochs) * float64(r.Order.Examples.Train.Len())
}

// Loader reads a data set by its name from a folder, "" for the cache.
type Loader func(ctx context.Context, name, dir string) (*mnist.Dataset, error)

// NewPlan works out the runs of a file. Each data set is read once. What no run can have is a [*FileError].
func NewPlan(ctx context.Context, f *File, load Loader, version string) (*Plan, error) {
	p := &Plan{File: f}
	m := maker{file: f, load: load, version: version, data: map[[2]string]*mnist.Dataset{}, cuts: map[string]*cut{}}
	for _, a := range f.Grid {
		p.Varied = append(p.Varied, a.Name)
	}
	for _, point := range f.List {
		for _, v := range point {
			if !slices.Contains(p.Varied, v.Name) {
				p.Varied = append(p.Varied, v.Name)
			}
		}
	}
	known := map[string]bool{}
	for _, point := range f.points() {
		r, err := m.run(ctx, point, p.Varied)
		if err != nil {
			return nil, err
		}
		if known[r.ID] {
			p.Twice++
			continue
		}
		known[r.ID] = true
		p.Runs = append(p.Runs, r)
	}
	return p, nil
}

// points are all combinations of the grid and the list, each with what is the same for all.
func (f *File) points() [][]Value {
	points := [][]Value{f.Set}
	cross := func(by [][]Value) {
		if len(by) == 0 {
			return
		}
		var next [][]Value
		for _, p := range points {
			for _, b := range by {
				next = append(next, slices.Concat(p, b))
			}
		}
		points = next
	}
	cross(f.List)
	for _, a := range f.Grid {
		var by [][]Value
		for _, v := range a.Values {
			by = append(by, []Value{{a.Name, v, "grid." + a.Name}})
		}
		cross(by)
	}
	return points
}

// maker makes runs of points.
type maker struct {
	file    *File
	load    Loader
	version string
	data    map[[2]string]*mnist.Dataset
	cuts    map[string]*cut
}

// cut is a data set cut as several recipes want it.
type cut struct {
	examples *dataset.Examples
	data     runs.Data
	split    string
}

func (m *maker) run(ctx context.Context, point []Value, varied []string) (*Run, error) {
	given := map[string]Value{} // of two, the later: a point of the list over what is the same for all
	for _, v := range point {
		given[v.Name] = v
	}
	text := func(name string) string {
		s, _ := given[name].Value.(string)
		return s
	}
	name, err := dataset.Name(text("data"))
	if err != nil {
		return nil, m.file.at(given["data"].Key, err)
	}
	dir := text("folder")
	if dir != "" {
		if dir, err = filepath.Abs(dir); err != nil {
			return nil, err
		}
	}
	preset := cmp.Or(text("preset"), "clear")
	if _, err := runs.Preset(preset); err != nil {
		return nil, m.file.at(given["preset"].Key, err)
	}
	recipe, err := dataset.Recipe(preset, name, func(r *runs.Recipe) error {
		for _, v := range point {
			if slices.Contains(bare, v.Name) {
				continue
			}
			if err := r.Set(v.Name, v.Value); err != nil {
				return err
			}
		}
		_, momentum := given["momentum"]
		r.Momentum = r.UsualMomentum(momentum)
		return dataset.CheckClasses(r.Classes)
	})
	if err != nil {
		return nil, m.blame(given, err)
	}
	r, err := m.of(ctx, job.Order{Recipe: recipe, Name: name, Dir: dir, Version: m.version}, given)
	if err != nil {
		return nil, err
	}
	for _, v := range varied {
		r.Varied = append(r.Varied, setting(&r.Order, v))
	}
	return r, nil
}

// of makes a run of an order whose data is not loaded; given says where its settings stand in the file.
func (m *maker) of(ctx context.Context, o job.Order, given map[string]Value) (*Run, error) {
	key := [2]string{o.Name, o.Dir}
	if m.data[key] == nil {
		d, err := m.load(ctx, o.Name, o.Dir)
		if err != nil {
			return nil, err
		}
		m.data[key] = d
	}
	o.Data = m.data[key]
	c, err := m.cut(&o)
	if err != nil {
		return nil, m.blame(given, err)
	}
	_, spec, err := o.Plan()
	if err != nil {
		return nil, m.blame(given, err)
	}
	if c.examples.Validation.Len() == 0 {
		none := fmt.Sprintf("a split of %s leaves no validation images, by which runs are compared", o.Recipe.Split)
		switch {
		case m.file.Stop != nil:
			return nil, m.file.wrong("stop", "%s; give a split that does", none)
		case o.Recipe.Keep == "best":
			return nil, m.blame(given, &runs.SettingError{Setting: "keep", Value: "best", Want: "last: " + none})
		case o.Recipe.EarlyStop > 0:
			return nil, m.blame(given, &runs.SettingError{
				Setting: "early-stop", Value: fmt.Sprint(o.Recipe.EarlyStop), Want: "0: " + none,
			})
		}
	}
	r := &Run{Order: o, parameters: parameters(spec)}
	r.ID, err = identity(o.Recipe, c.data)
	return r, err
}

// cut cuts an order's data once for all orders that want it so.
func (m *maker) cut(o *job.Order) (*cut, error) {
	r := &o.Recipe
	key := fmt.Sprintf("%s\x00%s\x00%s\x00%v", o.Name, o.Dir, r.Split, r.Classes)
	c := m.cuts[key]
	if c == nil {
		e, err := dataset.Cut(o.Data, r)
		if err != nil {
			return nil, err
		}
		c = &cut{e, e.Describe(o.Name, o.Dir, e.DeadPixels()), r.Split}
		m.cuts[key] = c
	}
	o.Examples = c.examples
	r.Split = c.split
	return c, nil
}

// blame says where in the file a setting that no run can have was given.
func (m *maker) blame(given map[string]Value, err error) error {
	if given == nil {
		return err
	}
	var setting *runs.SettingError
	if errors.As(err, &setting) {
		if v, ok := given[setting.Setting]; ok {
			return m.file.at(v.Key, fmt.Errorf("%s: want %s", setting.Value, setting.Want))
		}
	}
	for _, name := range []string{"net", "split", "classes", "keep", "frames"} {
		if v, ok := given[name]; ok && strings.Contains(err.Error(), name) {
			return m.file.at(v.Key, err)
		}
	}
	var point []string
	for _, a := range m.file.Grid {
		point = append(point, fmt.Sprintf("%s = %v", a.Name, given[a.Name].Value))
	}
	return &FileError{Path: m.file.Path, Key: strings.Join(point, ", "), Err: err}
}

// identity is a short sum of what makes a run what it is: its settings and the checksums of its data, not where that
// lies, what a preset is called, or what it is trained on.
func identity(r runs.Recipe, d runs.Data) (string, error) {
	epochs := r.Epochs
	r.Preset = ""
	m := runs.Manifest{Train: r, Data: d}
	settings, err := m.Settings()
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", settings, epochs))
	return hex.EncodeToString(sum[:6]), nil
}

// setting is the value of a setting as people write it.
func setting(o *job.Order, name string) string {
	switch name {
	case "data":
		return o.Name
	case "folder":
		return o.Dir
	case "preset":
		return o.Recipe.Preset
	}
	return o.Recipe.Setting(name)
}

// parameters is the number of weights and biases.
func parameters(s engine.Spec) int {
	n := 0
	for _, p := range s.ParamInfo() {
		k := 1
		for _, d := range p.Shape {
			k *= d
		}
		n += k
	}
	return n
}
