package live

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"neuroloupe/cmd/internal/talk"
)

// A page with little room holds what it says that it holds: the first and the last moment, as the run has them, and for
// every neuron that it tells of the images that excite it most.
func TestExportWithLittleRoom(t *testing.T) {
	run := testRun(t) // 120-6-5-4, with 3 moments and 200 test images
	x := serve(t, Options{Runs: []string{run}})
	o := Options{Runs: []string{run}, Talk: talk.Silent{}}
	s, err := o.find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	k := keeper{ctx: t.Context(), mux: http.NewServeMux(), shelf: s}
	s.routes(k.mux)
	const frame, image, maps = (120*6 + 6 + 6*5 + 5 + 5*4 + 4) * 4, 121, 120 * 5 * 4
	_, fact := x.get("/api/runs/0/neurons/1/0")
	k.room = room{
		weights: 1 << 20, maps: 2*maps + 1, frames: 2*frame + 1, images: 40 * image, facts: 7 * len(fact), first: 5,
	}
	if err := k.all(); err != nil {
		t.Fatal(err)
	}
	kept := map[string][]byte{}
	for _, a := range k.kept {
		kept[a.path] = a.body
	}
	for _, path := range []string{"/frames/0", "/frames/2", "/weights", "/seen/1?frame=0", "/seen/2?frame=2"} {
		if _, want := x.get("/api/runs/0" + path); !slices.Equal(kept["/0"+path], want) {
			t.Errorf("%s is not the run's", path)
		}
	}
	var moments struct{ Frames []moment }
	if err := json.Unmarshal(kept["/0/frames"], &moments); err != nil || len(moments.Frames) != 2 ||
		moments.Frames[1].Epoch != 2 || kept["/0/frames/1"] != nil {
		t.Errorf("moments %v, %v", moments, err)
	}
	const of2 = "/0/maps/2?show="
	if kept[of2+"learned"] == nil || kept[of2+"raw"] == nil || kept[of2+"init"] != nil {
		t.Error("of three maps not two are kept")
	}
	neurons, each := 0, 0
	for path, body := range kept {
		if !strings.HasPrefix(path, "/0/neurons/") {
			continue
		}
		neurons++
		var n, all struct {
			Top, Labels []int
			Z           []float64
		}
		_, whole := x.get("/api/runs" + path)
		if err := errors.Join(json.Unmarshal(body, &n), json.Unmarshal(whole, &all)); err != nil {
			t.Fatal(err)
		}
		if each = len(n.Top); each < 1 || each >= topImages || len(n.Z) != each || len(n.Labels) != each ||
			!slices.Equal(n.Top, all.Top[:each]) {
			t.Errorf("%s has the images %v of %v", path, n.Top, all.Top)
		}
		for _, i := range n.Top {
			if !slices.Contains(k.tests, i) {
				t.Errorf("%s: image %d is not in the page", path, i)
			}
		}
	}
	if neurons < 6 || neurons > 8 || len(k.tests) > 40 || len(kept["/0/tests"]) != image*len(k.tests) ||
		!slices.Equal(k.tests[:5], []int{0, 1, 2, 3, 4}) || !slices.IsSorted(k.tests) {
		t.Errorf("%d neurons, the images %v", neurons, k.tests)
	}
	for n, i := range k.tests {
		_, want := x.get("/api/runs/0/tests/" + strconv.Itoa(i))
		if !slices.Equal(kept["/0/tests"][n*image:(n+1)*image], want) {
			t.Errorf("test image %d is another", i)
		}
	}
	want := fmt.Sprintf("the weights, 2 of the 3 moments kept, %d of the 200 test images, what %d neurons do on "+
		"all of them; not what %d more neurons do; not all maps of deeper layers", len(k.tests), neurons, 11-neurons)
	if k.says != want {
		t.Errorf("it says\n%s, want\n%s", k.says, want)
	}
	k = keeper{ctx: t.Context(), mux: k.mux, shelf: s, room: room{weights: 1000}}
	if err := k.all(); err == nil || !strings.Contains(err.Error(), "neuroloupe serve shows it") {
		t.Errorf("weights beyond the room: %v", err)
	}
}

// A folder with anything in it is left alone, and one run is asked for.
func TestExportWhere(t *testing.T) {
	run, dir := testRun(t), t.TempDir()
	var usage talk.UsageError
	o := Options{Runs: []string{run}}
	if err := os.WriteFile(filepath.Join(dir, "mine"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Export(t.Context(), o, dir); !errors.As(err, &usage) ||
		!strings.Contains(err.Error(), "such as mine") {
		t.Errorf("into a folder with a file: %v", err)
	}
	if _, _, err := Export(t.Context(), o, filepath.Join(dir, "mine")); err == nil {
		t.Error("into a file: no error")
	}
	two := Options{Runs: []string{run, testRun(t)}}
	if _, _, err := Export(t.Context(), two, filepath.Join(dir, "two")); !errors.As(err, &usage) ||
		!strings.Contains(err.Error(), "there are 2: name one") {
		t.Errorf("of two runs: %v", err)
	}
	if _, err := os.Stat(filepath.Join(dir, "two")); !os.IsNotExist(err) {
		t.Error("a folder is made for nothing")
	}
	page := filepath.Join(dir, "new", "page")
	file, says, err := Export(t.Context(), o, page)
	if err != nil || file != filepath.Join(page, "index.html") || !strings.Contains(says, "3 of the 3 moments kept") {
		t.Fatalf("%s, %s, %v", file, says, err)
	}
	if all, _ := os.ReadDir(page); len(all) != 1 {
		t.Errorf("the folder has %v", all)
	}
	if _, _, err := Export(t.Context(), o, page); !errors.As(err, &usage) {
		t.Errorf("once more: %v", err)
	}
}

// Modules become one script that does what they do; what it cannot be made of is an error.
func TestBundle(t *testing.T) {
	read := func(files map[string]string) func(string) (string, error) {
		return func(name string) (string, error) {
			text, ok := files[name]
			if !ok {
				return "", errors.New("no " + name)
			}
			return text, nil
		}
	}
	good := map[string]string{
		"a.js": "// import and export\nimport {x, y as z} from './b.js';\nimport * as c from './c.js';\n" +
			"run(x, z, c.f);\n",
		"b.js": "import {f} from './c.js';\nexport const x = f;\nexport class y {}\n",
		"c.js": "export async function f() {}\n",
	}
	const want = `'use strict';
(() => {
const modules = {};
modules['c.js'] = (() => {
async function f() {}

return {f};
})();
modules['b.js'] = (() => {
const {f} = modules['c.js'];
const x = f;
class y {}

return {x, y};
})();
modules['a.js'] = (() => {
// import and export
const {x, y: z} = modules['b.js'];
const c = modules['c.js'];
run(x, z, c.f);

return {};
})();
})();
`
	if got, err := bundle("a.js", read(good)); got != want || err != nil {
		t.Errorf("%v\n%s", err, got)
	}
	for text, says := range map[string]string{
		"import {a} from './a.js';\n":          "in a circle: a.js → b.js → a.js",
		"export let x = 1;\nexport class y{}":  "not bundled: export let x",
		"export const x=1, y=2;\n":             "a.js imports y",
		"export const x=1, y=2; export {y};\n": "a.js imports y",
		"export default 1;\n":                  "not bundled: export default 1;",
		"import x from './c.js';\n":            "not bundled: import x",
		"import './c.js';\n":                   "not bundled: import './c.js'",
		"const x = import('./c.js');\n":        "not bundled: import('./c.js')",
		"import {q} from './c.js';\n":          "b.js imports q, which c.js does not export",
		"import {f} from './d.js';\n":          "no d.js",
	} {
		files := map[string]string{"a.js": good["a.js"], "b.js": text, "c.js": good["c.js"]}
		if _, err := bundle("a.js", read(files)); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want %q", text, err, says)
		}
	}
}
