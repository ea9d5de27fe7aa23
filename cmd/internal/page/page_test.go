package page

import (
	"bytes"
	"compress/flate"
	"encoding/json"
	"html"
	"io"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"

	"neuroloupe/render"
)

func noise(r *rand.Rand, n int, scale float64) []float32 {
	v := make([]float32, n)
	for i := range v {
		v[i] = float32(scale * r.NormFloat64())
	}
	return v
}

// values is map j as the page draws it.
func (m *Maps) values(j int) []float32 {
	n := len(m.Data) / len(m.Scale)
	v := make([]float32, n)
	for p, q := range m.Data[j*n : (j+1)*n] {
		v[p] = float32(float64(int8(q)) / 127 * float64(m.Scale[j]))
	}
	return v
}

// What is unpacked is what was packed, to half a step of its map's scale.
func TestMaps(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	maps := [][]float32{noise(r, 50, 1), noise(r, 50, 1e-6), make([]float32, 50), noise(r, 50, 300)}
	maps[0][7] = float32(math.NaN())
	maps[3][9] = float32(math.Inf(1))
	m := (&collector{run: &Run{Exact: true}}).pack(maps)
	for j, row := range maps {
		for p, got := range m.values(j) {
			want := float64(row[p])
			switch {
			case math.IsNaN(want):
				want = 0
			case math.IsInf(want, 1):
				want = float64(m.Scale[j])
			}
			if d := math.Abs(float64(got) - want); d > float64(m.Scale[j])/254*1.001 {
				t.Errorf("map %d, value %d: %v became %v, off by more than half a step of %v", j, p, want, got,
					m.Scale[j])
			}
		}
	}
}

func TestNum(t *testing.T) {
	for _, c := range []struct {
		in   []float64
		want string
	}{
		{[]float64{0, 1, -2.5}, "[0,1,-2.5]"},
		{[]float64{math.NaN(), math.Inf(-1)}, "[null,null]"},
		{[]float64{1.0 / 3, 123456789, 1e-9}, "[0.333333,1.23457e+08,1e-09]"},
	} {
		got, err := json.Marshal(nums(c.in))
		if err != nil || string(got) != c.want {
			t.Errorf("%v is written %s (%v), want %s", c.in, got, err, c.want)
		}
	}
}

func TestPickFrames(t *testing.T) {
	for _, n := range []int{1, 2, 3, 60, 61, 62, 100, 1000} {
		got := pickFrames(n, 61)
		if got[0] != 0 || got[len(got)-1] != n-1 || len(got) != min(n, 61) {
			t.Errorf("of %d frames: %v", n, got)
		}
		if !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			t.Errorf("of %d frames: %v is not rising", n, got)
		}
	}
}

// The film's differences add up to its frames, also over the wrap of a byte.
func TestFilm(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	const units, pixels = 5, 30
	frames := make([]Frame, 7)
	for i := range frames {
		frames[i].Epoch, frames[i].Gamma = i*2, 1
		for range units {
			frames[i].Learned = append(frames[i].Learned, noise(r, pixels, float64(i)))
		}
	}
	f, err := packFilm(frames, []int{0, 1, 2, 3, 4}, units, pixels, true)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(flate.NewReader(bytes.NewReader(f.Data)))
	if err != nil {
		t.Fatal(err)
	}
	now := make([]byte, units*pixels)
	for i, fr := range frames {
		for k := range now {
			now[k] += data[i*len(now)+k]
			got := float64(int8(now[k])) / 127 * float64(f.Limit)
			if want := float64(fr.Learned[k/pixels][k%pixels]); math.Abs(got-want) > float64(f.Limit)/254*1.001 {
				t.Fatalf("frame %d, value %d: %v, want %v", i, k, got, want)
			}
		}
	}
	if got := filmNeurons(1, []int{4, 2, 0, 1, 3}, filmBytes/2); !slices.Equal(got, []int{2, 4}) {
		t.Errorf("a film with room for two neurons has %v, want those of the first ranks, 2 and 4", got)
	}
}

// Nothing in a document ends its script element or is taken for markup, and the page allows its own script alone.
func TestWriteEscapes(t *testing.T) {
	const evil = `</script><script>alert("1")</script><!-- &amp;`
	d := &Document{
		Title: evil, Classes: []string{evil, "b"},
		Missing: map[string]string{NeedsData: evil, NeedsStart: evil, NeedsFilm: evil, NeedsCurve: evil},
		Facts:   []Fact{{evil, evil}}, Advice: []string{evil}, Words: []Word{{Names: []string{evil}, Text: evil}},
		Colors: palettes(render.BlueOrange),
	}
	var b strings.Builder
	if err := Write(&b, d); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	if n := strings.Count(page, "</script>"); n != 2 {
		t.Errorf("%d script elements end, want 2", n)
	}
	if strings.Contains(page, `<script>alert`) {
		t.Error("a title is taken for markup")
	}
	var back struct{ Classes []string }
	_, rest, _ := strings.Cut(page, `id="data">`)
	text, _, _ := strings.Cut(rest, "</script>")
	if err := json.Unmarshal([]byte(text), &back); err != nil || back.Classes[0] != evil {
		t.Errorf("the data does not read back: %v, %q", err, back.Classes)
	}
	_, rest, _ = strings.Cut(page, "<script>")
	script, _, _ := strings.Cut(rest, "</script>")
	if !strings.Contains(html.UnescapeString(page), "script-src "+hash(script)) {
		t.Error("the policy does not allow the page's script as it stands there")
	}
	if m := regexp.MustCompile(`(?i)(src|href)=["']?(https?:)?//`).FindString(page); m != "" {
		t.Errorf("the page refers elsewhere: %s", m)
	}
}

// Every colour map has 255 colours in both themes; zero is dark on a dark page unless the map is for print.
func TestColors(t *testing.T) {
	for _, m := range []render.Colormap{render.BlueOrange, render.BlueRed, render.Grey} {
		c := colors(m)
		if len(c.Light) != 3*255 || len(c.Dark) != 3*255 {
			t.Fatalf("%v: %d and %d bytes", m, len(c.Light), len(c.Dark))
		}
		if m == render.Grey {
			continue
		}
		lightness := func(i int) float64 {
			return 0.2126*float64(c.Dark[3*i]) + 0.7152*float64(c.Dark[3*i+1]) + 0.0722*float64(c.Dark[3*i+2])
		}
		for i := range 127 {
			if lightness(i) <= lightness(i+1) || lightness(254-i) <= lightness(253-i) {
				t.Errorf("%v: lightness does not rise from zero at %d", m, i)
			}
		}
	}
}
