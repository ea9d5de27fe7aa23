package render

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"io"
	"strings"
	"testing"
)

// The weights come back from a map's file, whatever program reads it.
func TestMapPNG(t *testing.T) {
	m := strokes(1, 9, 7)[0].Map
	m[3] = nan32
	for _, zoom := range []int{1, 3} {
		var b bytes.Buffer
		if err := MapPNG(&b, 9, 7, m, 0.5, BlueOrange, zoom); err != nil {
			t.Fatal(err)
		}
		img, err := png.Decode(&b)
		if err != nil {
			t.Fatal(err)
		}
		if img.Bounds() != image.Rect(0, 0, 9*zoom, 7*zoom) {
			t.Errorf("size %v", img.Bounds())
		}
		for i, w := range m {
			for _, corner := range []int{0, zoom - 1} {
				c := color.RGBAModel.Convert(img.At(i%9*zoom+corner, i/9*zoom+corner)).(color.RGBA)
				if want := BlueOrange.At(float64(w) / 0.5); c != want {
					t.Fatalf("weight %d is %v, want %v", i, c, want)
				}
			}
		}
	}
	for name, err := range map[string]error{
		"zoom":  MapPNG(io.Discard, 9, 7, m, 0, BlueOrange, 0),
		"short": MapPNG(io.Discard, 9, 7, m[1:], 0, BlueOrange, 1),
		"huge":  MapPNG(io.Discard, 9, 7, m, 0, BlueOrange, 1<<20),
		"limit": MapPNG(io.Discard, 9, 7, m, -1, BlueOrange, 1),
	} {
		if err == nil || !strings.HasPrefix(err.Error(), "render: ") {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestColormapTable(t *testing.T) {
	for _, m := range []Colormap{BlueOrange, BlueRed, Grey, Ink} {
		table := m.Table()
		for i := -Steps; i <= Steps; i++ {
			if got, want := table[Steps+i], m.At(float64(i)/Steps); got != want {
				t.Errorf("%v: colour %d is %v, want %v", m, i, got, want)
			}
		}
		table[0] = color.RGBA{}
		if m.At(-1) == (color.RGBA{}) {
			t.Errorf("%v: the table is not the caller's own", m)
		}
	}
}

// Ink falls in lightness from white to black, and is not offered for weights.
func TestInk(t *testing.T) {
	if Ink.At(-1) != Ink.At(0) || Ink.At(0) != (color.RGBA{255, 255, 255, 255}) ||
		Ink.At(1) != (color.RGBA{0, 0, 0, 255}) {
		t.Errorf("ink runs from %v by %v to %v", Ink.At(-1), Ink.At(0), Ink.At(1))
	}
	for i := range Steps {
		if Ink.At(float64(i)/Steps).R <= Ink.At(float64(i+1)/Steps).R {
			t.Errorf("ink does not darken at step %d", i)
		}
	}
	if _, err := ColormapByName("ink"); err == nil || !strings.Contains(err.Error(), "blue-orange, blue-red, grey") {
		t.Errorf("ink by name: %v", err)
	}
}
