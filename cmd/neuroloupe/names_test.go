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

	"github.com/google/go-cmp/cmp"

	"neuroloupe/render"
)

func TestPictureNames(t *testing.T) {
	long := strings.Repeat("letter ", 30) + "x"
	for name, tc := range map[string]struct{ names, want []string }{
		"digits":           {[]string{"0", "1", "10"}, []string{"0", "1", "10"}},
		"Fashion-MNIST":    {[]string{"T-shirt/top", "Ankle boot"}, []string{"T-shirt/top", "Ankle boot"}},
		"case":             {[]string{"A", "a"}, []string{"A", "a"}},
		"missing letters":  {[]string{"お", "き", "0", "a 三"}, []string{"#0", "#1", "0", "#3"}},
		"look alike":       {[]string{"A", "А", "B"}, []string{"#0 A", "#1 А", "B"}},
		"long":             {[]string{"short", long}, []string{"short", "#1 letter letter letter let…"}},
		"long, one start":  {[]string{"a word that is 1", "a word that is 2", "a word"}, []string{"#0 a word that is 1", "#1 a word that is 2", "a word"}},
		"like a number":    {[]string{"#1", "お"}, []string{"#0 #1", "#1"}},
		"controls, accent": {[]string{"a\x1b[31m", "e\u0301", "e"}, []string{"#0", "#1", "e"}},
	} {
		got, err := pictureNames(tc.names)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestClassWord(t *testing.T) {
	long := strings.Repeat("x", 300)
	names := []string{"3", "T-shirt/top", "T-shirt.top", "お", "き", "A", "a", "+", "no 3", long, long + "y"}
	want := []string{"3", "t-shirt-top-no_1", "t-shirt-top-no_2", "no_3", "no_4", "a-no_5", "a-no_6", "no_7", "no-3", long[:40] + "-no_9", long[:40] + "-no_10"}
	for k := range names {
		if got := classWord(names, k); got != want[k] {
			t.Errorf("%.20s: %s, want %s", names[k], got, want[k])
		}
	}
}

func TestImageFile(t *testing.T) {
	for _, tc := range []struct {
		c    chosen
		want string
	}{
		{chosen{name: "test:18", label: 3}, "test18"},
		{chosen{name: "my/digit-3.png", label: -1}, "digit-3"},
		{chosen{name: "三.png", label: -1}, "%E4%B8%89"},
		{chosen{name: "四.png", label: -1}, "%E5%9B%9B"},
		{chosen{name: "a b.png", label: -1}, "a+b"},
		{chosen{name: "ab.png", label: -1}, "ab"},
		{chosen{name: "a_b.png", label: -1}, "a_b"},
		{chosen{name: "AB.PNG", label: -1}, "AB.PNG"},
		{chosen{name: "test18.png", label: -1}, "test18.png"}, // test:18 is another image
		{chosen{name: ".png", label: -1}, ".png"},
	} {
		if got := tc.c.file(); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.c.name, got, tc.want)
		}
	}
	for _, r := range []string{"x", "三"} {
		a, b := escaped(strings.Repeat(r, 80)+"1"), escaped(strings.Repeat(r, 80)+"2")
		if r == "三" && (a == b || len(a) > 130) {
			t.Errorf("long names: %s, %s", a, b)
		}
	}
}

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
			all = append(all, texts(v.Field(i))...)
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
	var trained result
	if err := json.Unmarshal([]byte(must(t, "train", data, "--net", "120-12-4", "--epochs", "5", "--out", run, "--json")), &trained); err != nil {
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
		a := &app{ctx: t.Context(), stdout: &out, stderr: &out}
		figures := 0
		a.drawn = func(f render.Figure, _ *numbers) {
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
	var why whyDoc
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
		if k, err := v.class(text); err != nil || k != want {
			t.Errorf("class %q is %d, want %d (%v)", text, k, want, err)
		}
	}
	for _, text := range []string{"", "#", "4", "#4", "#-1", "-1", "c"} {
		if k, err := v.class(text); err == nil {
			t.Errorf("class %q is %d", text, k)
		}
	}
}
