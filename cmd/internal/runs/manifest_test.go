package runs

import (
	"fmt"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"

	"neuroloupe/engine"
)

// Whatever a damaged run.toml says, it says it to nobody: it is an error, or it has only lost its last line's end, or
// is changed where it says nothing. So is that of the first format cut short; it had no sum.
func TestManifestBytes(t *testing.T) {
	good := trained(t, 1, 1, true)[manifestFile]
	m, err := parseManifest(good)
	if err != nil {
		t.Fatal(err)
	}
	old := oldText(t, m)
	cuts := map[string]string{}
	for i := range good {
		cuts[fmt.Sprintf("cut after %d bytes", i)] = good[:i]
	}
	for i := range old {
		cuts[fmt.Sprintf("of the first format, cut after %d bytes", i)] = old[:i]
	}
	changes := map[string]string{}
	for i := range good {
		for bit := range 8 {
			b := []byte(good)
			b[i] ^= 1 << bit
			changes[fmt.Sprintf("byte %d: %q for %q", i, b[i], good[i])] = string(b)
		}
	}
	same := func(got Manifest) bool {
		sum, err := got.sum()
		want, err2 := m.sum()
		return err == nil && err2 == nil && sum == want
	}
	for _, all := range []map[string]string{cuts, changes} {
		refused := 0
		for what, text := range all {
			got, err := parseManifest(text)
			if err != nil {
				refused++
			} else if got.Format = m.Format; !same(got) {
				t.Errorf("%s: is taken as\n%+v", what, got)
			}
		}
		if refused < len(all)*3/4 {
			t.Errorf("%d of %d are refused", refused, len(all))
		}
	}
}

// oldText is the run.toml that the first version of the folder had.
func oldText(t *testing.T, m Manifest) string {
	t.Helper()
	m.Format, m.SHA256 = 1, ""
	text, err := toml.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestManifestKeys(t *testing.T) {
	good := trained(t, 1, 1, true)[manifestFile]
	m, err := parseManifest(good)
	if err != nil {
		t.Fatal(err)
	}
	m.Import = &Import{File: "net.npz", Std: 1}
	m.Data.Files = []File{{Name: "images", SHA256: "00"}}
	old := oldText(t, m)
	if _, err := parseManifest(old); err != nil {
		t.Fatal(err)
	}
	line := func(text string) int { return 1 + strings.Count(old[:strings.Index(old, text)], "\n") }
	for _, c := range []struct{ was, is, want string }{
		{"  hidden = ", "  hiddem = ", fmt.Sprintf("line %d: unknown key train.hiddem", line("  hidden = "))},
		{"[train]", "[train]\n  hidde = 1", "unknown key train.hidde"},
		{"[train]", "[more]\n  a = 1\n[train]", fmt.Sprintf("line %d: unknown key more", line("[train]"))},
		{"[device]\n", "[device]\n  power = 3\n", "unknown key device.power"},
		{"  output = \"sigmoid\"\n", "", "key train.output is missing"},
		{"  std = 1.0\n", "", "key import.std is missing"},
		{"    sha256 = \"00\"\n", "", "key data.files.sha256 is missing"},
		{"format = 1\n", "", "key format is missing"},
		{"format = 1", "format = 2", "it is damaged or was changed by hand"},
		{"format = 1", "format = 4", "format 4, this program reads 1 to 3"},
		{"format = 1", "format = 1\nsha256 = \"00\"", "it is damaged or was changed by hand"},
		{"hidden = \"sigmoid\"", "hidden = \"sigmoit\"", "unknown activation"},
		{"net = \"6-3-2\"", "net = \"\"", "no net"},
		{"lr = 0.5", "lr = \"0.5\"", "incompatible types"},
	} {
		text := strings.Replace(old, c.was, c.is, 1)
		if text == old {
			t.Fatalf("%q is not in\n%s", c.was, old)
		}
		if _, err := parseManifest(text); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q for %q: %v, want %q", c.is, c.was, err, c.want)
		}
	}
}

// The settings are those that make the network, and no others.
func TestSettings(t *testing.T) {
	settings := func(change func(*Manifest)) string {
		m := manifest(t)
		m.Data.Files = []File{{Name: "images", SHA256: "00"}}
		change(&m)
		if _, err := m.Spec(); err != nil {
			t.Fatal(err)
		}
		sum, err := m.Settings()
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	want := settings(func(*Manifest) {})
	for name, change := range map[string]func(*Manifest){
		"epochs":  func(m *Manifest) { m.Train.Epochs++ },
		"device":  func(m *Manifest) { m.Device.ID = "cuda" },
		"folder":  func(m *Manifest) { m.Data.Folder, m.Data.Name, m.Data.Title = "elsewhere", "x", "x" },
		"version": func(m *Manifest) { m.Version, m.Format = "v9", 1 },
		"created": func(m *Manifest) { m.Created = m.Created.AddDate(1, 0, 0) },
	} {
		if got := settings(change); got != want {
			t.Errorf("another %s: other settings", name)
		}
	}
	for name, change := range map[string]func(*Manifest){
		"seed":       func(m *Manifest) { m.Train.Seed++ },
		"activation": func(m *Manifest) { m.Train.Hidden = engine.Tanh },
		"rate":       func(m *Manifest) { m.Train.LR = 0.25 },
		"batch":      func(m *Manifest) { m.Train.Batch++ },
		"classes":    func(m *Manifest) { m.Data.Classes = []string{"a", "c"} },
		"image":      func(m *Manifest) { m.Data.Rows, m.Data.Cols = 3, 2 },
		"data":       func(m *Manifest) { m.Data.Files[0].SHA256 = "01" },
		"dead":       func(m *Manifest) { m.Data.Dead = nil },
		"split":      func(m *Manifest) { m.Train.Split = "1/1" },
		"labels":     func(m *Manifest) { m.Train.Classes = []int{0, 1} },
		"origin":     func(m *Manifest) { m.Import = &Import{SHA256: "00"} },
	} {
		if got := settings(change); got == want {
			t.Errorf("another %s: the same settings", name)
		}
	}
}
