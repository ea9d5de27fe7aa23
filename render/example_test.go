package render_test

import (
	"errors"
	"flag"
	"fmt"
	"image"
	"image/png"
	"log"
	"math"
	"os"
	"path/filepath"

	"neuroloupe/render"
)

// A contact sheet of maps, each a neuron's weights for every pixel of its input.
func ExampleSheet() {
	sheet := render.Sheet{
		Title: "digits · 144-6-2", Subtitle: "made-up weights W", Width: 12, Height: 12, TilePx: 96,
		Caption: "Each tile is one neuron: its weight for every pixel.",
	}
	for j := range 6 {
		sheet.Tiles = append(sheet.Tiles, render.Tile{
			Map: stroke(j), Name: fmt.Sprint(j),
			Lines: []string{"→ " + fmt.Sprint(j%2)},
		})
	}
	picture, err := sheet.Draw()
	if err != nil {
		log.Fatal(err)
	}
	show("example_sheet", picture)
	// Output: 792×404 pixels, as in testdata/golden/example_sheet.png
}

// Panels side by side: what a neuron is shown, what it weighs, and what it makes of it. Two maps with the same Colors
// are drawn to one scale.
func ExampleFigure() {
	weights, image := stroke(1), make([]byte, 144)
	product := make([]float32, 144)
	for p, w := range weights {
		if w > 0 {
			image[p] = 200
		}
		product[p] = w * float32(image[p]) / 255
	}
	colors := &render.Colors{Name: "weight, input×weight", Low: "lowers z", High: "raises z"}
	figure := render.Figure{
		Title: "What the neuron makes of it",
		Rows: [][]render.Panel{{
			render.Image{Title: "input x", Width: 12, Height: 12, Pixels: image},
			render.Glyph("×"),
			render.Map{Title: "weights w", Width: 12, Height: 12, Values: weights, Colors: colors},
			render.Glyph("="),
			render.Map{Title: "input×weight", Width: 12, Height: 12, Values: product, Colors: colors},
		}},
	}
	picture, err := figure.Draw()
	if err != nil {
		log.Fatal(err)
	}
	show("example_figure", picture)
	// Output: 1012×538 pixels, as in testdata/golden/example_figure.png
}

// Networks of three strengths of weight decay and two learning rates, one of which was never trained.
func ExampleSheets() {
	sheets := render.Sheets{
		RowTitle: "l2", ColTitle: "lr", Rows: []string{"0", "5", "50"}, Cols: []string{"0.1", "0.5"},
		Width: 12, Height: 12, Colors: &render.Colors{Low: "lowers z", High: "raises z", Scale: render.Neuron},
	}
	for i := range 6 {
		cell := render.SheetCell{Line: fmt.Sprintf("9%d.5 %%", 8-i), Bold: i == 0}
		if i == 3 {
			cell = render.SheetCell{Line: "1 failed"}
		}
		for j := range render.SheetsFit(2, 12, 12, 6) {
			if i != 3 {
				cell.Maps = append(cell.Maps, stroke(i+j))
			}
		}
		sheets.Cells = append(sheets.Cells, cell)
	}
	picture, err := render.Figure{
		Title: "5 networks over l2 × lr", Rows: [][]render.Panel{{sheets}},
	}.Draw()
	if err != nil {
		log.Fatal(err)
	}
	show("example_sheets", picture)
	// Output: 645×902 pixels, as in testdata/golden/example_sheets.png
}

// stroke is a map of 12×12 weights: a bright stroke across a dark one.
func stroke(j int) []float32 {
	m := make([]float32, 144)
	for p := range m {
		x, y, turn := float64(p%12)-5.5, float64(p/12)-5.5, float64(j)*math.Pi/6
		across, along := x*math.Cos(turn)+y*math.Sin(turn), y*math.Cos(turn)-x*math.Sin(turn)
		m[p] = float32(math.Round(8*(math.Exp(-across*across/3)-0.7*math.Exp(-along*along/3)))) / 8
	}
	return m
}

// show holds a picture against the one of that name that was looked at; go test -update writes it.
func show(name string, p *render.Picture) {
	path := filepath.Join("testdata", "golden", name+".png")
	if flag.Lookup("update").Value.String() == "true" {
		f, err := os.Create(path)
		if err != nil {
			log.Fatal(err)
		}
		if err := errors.Join(png.Encode(f, p.Image), f.Close()); err != nil {
			log.Fatal(err)
		}
	}
	f, err := os.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer f.Close()
	golden, err := png.Decode(f)
	if err != nil {
		log.Fatal(err)
	}
	size := p.Image.Bounds().Size()
	as := "as in"
	if golden.Bounds().Size() != size || differ(golden, p.Image) {
		as = "not as in"
	}
	fmt.Printf("%d×%d pixels, %s %s\n", size.X, size.Y, as, filepath.ToSlash(path))
}

func differ(a, b image.Image) bool {
	for y := range a.Bounds().Dy() {
		for x := range a.Bounds().Dx() {
			r, g, bl, al := a.At(x, y).RGBA()
			r2, g2, b2, a2 := b.At(x, y).RGBA()
			if r != r2 || g != g2 || bl != b2 || al != a2 {
				return true
			}
		}
	}
	return false
}
