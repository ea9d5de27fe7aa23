//go:build gpu && linux && cgo && (amd64 || arm64)

package sweep

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cuda/sim"
)

// On a GPU the networks of a sweep are trained side by side, those of each shape in a fleet, and each ends with the
// bytes of one that is trained there with no other beside it.
func TestSweepGPU(t *testing.T) {
	sim.Start(t)
	w := newWorld(t)
	p := w.plan(`[set]
epochs = 2
batch = 50
[grid]
net = ["120-6-4", "120-9-4"]
l2 = [0, 5]
lr = [0.1, 0.5, 1e30]
`)
	train := func(jobs int) *Local {
		t.Helper()
		site, err := NewSite(t.Context(), "cuda", jobs, p, talk.Silent{})
		if err != nil {
			t.Fatal(err)
		}
		l := w.local(p, func(o *Options) { o.Site = site })
		if err := l.Run(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := site.Close(); err != nil {
			t.Fatal(err)
		}
		return l
	}
	l := train(0)
	if n := len(l.Site.Places); n < 4 {
		t.Errorf("%d places", n)
	}
	for _, f := range l.Failures() {
		if !strings.Contains(f.Name, "lr 1e+30") {
			t.Errorf("%+v", f)
		}
	}
	f, err := runs.Open(w.folder.Run(p.Runs[0].ID))
	if err != nil {
		t.Fatal(err)
	}
	if d := f.Manifest.Device; !strings.HasPrefix(d.ID, "cuda") || !strings.HasSuffix(d.Instructions, " side by side") {
		t.Errorf("%+v", d)
	}
	together := w.files(w.folder)
	if err := os.RemoveAll(w.folder.Path); err != nil {
		t.Fatal(err)
	}
	if err := w.folder.Write(p); err != nil {
		t.Fatal(err)
	}
	train(1)
	if diff := cmp.Diff(together, w.files(w.folder)); diff != "" {
		t.Errorf("one after the other there is something else: %s", diff)
	}
}
