package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"neuroloupe/cmd/internal/gallery"
	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/watch"
)

// texts are all that a figure says.
func texts(v reflect.Value) (all []string) {
	switch v.Kind() {
	case reflect.String:
		all = append(all, v.String())
	case reflect.Interface, reflect.Pointer:
		if !v.IsNil() {
			all = texts(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if !strings.HasPrefix(v.Type().Field(i).Name, "Key") { // of the numbers, which nobody draws
				all = append(all, texts(v.Field(i))...)
			}
		}
	case reflect.Slice:
		if k := v.Type().Elem().Kind(); k == reflect.Float32 || k == reflect.Float64 || k == reflect.Uint8 {
			return nil
		}
		for i := range v.Len() {
			all = append(all, texts(v.Index(i))...)
		}
	}
	return all
}

// In pictures a number stands for a name that cannot be drawn, and that is said; in JSON, in --data and in the report
// the names are whole.
func TestNamesThatTheFontLacks(t *testing.T) {
	data := shapes(t)
	names := []string{"お", "き", "す", "A"}
	if err := os.WriteFile(filepath.Join(data, "classes.txt"), []byte(strings.Join(names, "\n")), 0o666); err != nil {
		t.Fatal(err)
	}
	run := filepath.Join(t.TempDir(), "run")
	var trained job.Result
	if err := json.Unmarshal([]byte(must(t, "train", data, "--net", "120-12-4", "--epochs", "5", "--out", run,
		"--json")), &trained); err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if _, ok := trained.Recall[name]; !ok {
			t.Errorf("train --json: no recall of %s in %v", name, trained.Recall)
		}
	}
	for _, args := range [][]string{
		{"sheet", run},
		{"why", run, "--image", "test:0"},
		{"class", run, "お"},
		{"class", run, "#1"},
		{"classes", run},
		{"neuron", run, "3"},
		{"templates", run},
		{"top", run},
		{"ablate", run},
		{"attribute", run, "--image", "test:0"},
		{"dream", run},
		{"errors", run},
		{"compare", run, run},
		{"post", data, "--class", "お", "--out", filepath.Join(t.TempDir(), "post")},
	} {
		var out bytes.Buffer
		a := &app{ctx: t.Context(), stdout: &out, Screen: watch.NewScreen(&out)}
		figures := 0
		a.drawn = func(d *gallery.Drawing) {
			f := d.Figure
			all := strings.Join(texts(reflect.ValueOf(f)), "\n")
			for _, name := range names[:3] {
				if strings.Contains(all, name) {
					t.Errorf("%v draws %s", args[:1], name)
				}
			}
			if !strings.Contains(f.Caption, "#0 is class 0") {
				t.Errorf("%v does not say what #0 is: %s", args[:1], f.Caption)
			}
			if n := strings.Count(all, "#0") + strings.Count(all, "#1") + strings.Count(all, "#2"); n < 2 {
				t.Errorf("%v names no class", args[:1])
			}
			figures++
		}
		if code := a.run(args); code != exitDone || figures == 0 {
			t.Fatalf("%v: exit %d, %d figures: %s", args, code, figures, out.String())
		}
	}
	for _, file := range []string{"class-no_0.png", "class-no_1.png"} {
		if _, err := os.Stat(filepath.Join(run, file)); err != nil {
			t.Error(err)
		}
	}
	var why gallery.WhyDocument
	if err := json.Unmarshal([]byte(must(t, "why", run, "--image", "test:0", "--json")), &why); err != nil {
		t.Fatal(err)
	}
	if !slices.Contains(names, why.Predicted) || len(why.Neurons[0].Evidence) != len(names) {
		t.Errorf("why --json: %s, %v", why.Predicted, why.Neurons[0].Evidence)
	}
	must(t, "report", run)
	if page := string(mustRead(t, run, "report.html")); !strings.Contains(page, "お") {
		t.Error("the report lacks the names")
	}
	must(t, "film", run)
}

// Names that differ only in case are told apart.
func TestClassByName(t *testing.T) {
	data := shapes(t)
	if err := os.WriteFile(filepath.Join(data, "classes.txt"), []byte("A\na\nBag\n7"), 0o666); err != nil {
		t.Fatal(err)
	}
	run := filepath.Join(t.TempDir(), "run")
	must(t, "train", data, "--net", "120-4-4", "--epochs", "1", "--out", run)
	v := opened(t, run)
	for text, want := range map[string]int{"A": 0, "a": 1, "bag": 2, "Bag": 2, "7": 3, "#0": 0, "#3": 3, "0": 0} {
		if k, err := v.Class(text); err != nil || k != want {
			t.Errorf("class %q is %d, want %d (%v)", text, k, want, err)
		}
	}
	for _, text := range []string{"", "#", "4", "#4", "#-1", "-1", "c"} {
		if k, err := v.Class(text); err == nil {
			t.Errorf("class %q is %d", text, k)
		}
	}
}
