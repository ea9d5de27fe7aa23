package render

import (
	"fmt"
	"math"
	"math/rand/v2"
)

// strokes returns n maps that look like those of a trained first layer: a short
// bar that excites beside one that inhibits, fading to exactly zero outside,
// of different strength and direction.
func strokes(n, width, height int) []Tile {
	r := rand.New(rand.NewPCG(uint64(n), uint64(width*10007+height)))
	tiles := make([]Tile, n)
	for i := range tiles {
		m := make([]float32, width*height)
		angle, strength := r.Float64()*math.Pi, 0.2+r.Float64()
		x0, y0 := (0.3+0.4*r.Float64())*float64(width), (0.3+0.4*r.Float64())*float64(height)
		size := 0.16 * math.Sqrt(float64(width*height))
		sin, cos := math.Sincos(angle)
		for p := range m {
			x, y := float64(p%width)-x0, float64(p/width)-y0
			along, across := (x*cos+y*sin)/size, (y*cos-x*sin)/size
			v := strength * math.Exp(-0.5*along*along/4-0.5*across*across) * math.Cos(2*across)
			if math.Abs(v) > 0.02 {
				m[p] = float32(v)
			}
		}
		tiles[i] = Tile{Map: m, Name: fmt.Sprint(i), Lines: []string{
			fmt.Sprintf("→ %d", r.IntN(10)),
			fmt.Sprintf("‖w‖ %.1f", 10*strength),
			fmt.Sprintf("ρ %.2f", r.Float64()),
		}}
	}
	return tiles
}

// noisy adds seeded Gaussian noise to every weight.
func noisy(tiles []Tile, spread float64) []Tile {
	r := rand.New(rand.NewPCG(uint64(len(tiles)), 77))
	for _, t := range tiles {
		for i := range t.Map {
			t.Map[i] += float32(r.NormFloat64() * spread)
		}
	}
	return tiles
}

// rim marks the positions within two of a corner or one of the left edge.
func rim(width, height int) []bool {
	mark := make([]bool, width*height)
	for i := range mark {
		x, y := i%width, i/width
		corner := min(x, width-1-x) + min(y, height-1-y)
		mark[i] = corner < 3 || x == 0 && y%3 == 0
	}
	return mark
}

// newSheet returns a sheet as the program would make it.
func newSheet(n, width, height int) Sheet {
	return Sheet{
		Title:    "mnist · 784-100-10 · 97.9 % test accuracy",
		Subtitle: "learned weights W − γW₀",
		Caption: "Each square is one hidden neuron: orange pixels raise its sum z when they are inked, " +
			"blue ones lower it, and where the square is plain, ink makes no difference.",
		Width: width, Height: height,
		Tiles: strokes(n, width, height), Colors: weightColors(),
	}
}
