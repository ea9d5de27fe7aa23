package render

import (
	"io"
	"strconv"
	"testing"
)

// BenchmarkSheet draws and encodes a sheet, fonts and all: what a person waits
// for after the weights are there.
func BenchmarkSheet(b *testing.B) {
	for _, n := range []int{1, 100, 1024, 4096} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			s := newSheet(n, 28, 28)
			noisy(s.Tiles, 0.02)
			b.ReportAllocs()
			for b.Loop() {
				p, err := s.Draw()
				if err != nil {
					b.Fatal(err)
				}
				if err := EncodePNG(io.Discard, p.Image, p.Info()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDraw is the same without the PNG.
func BenchmarkDraw(b *testing.B) {
	for _, n := range []int{100, 4096} {
		for _, sc := range []Scale{Shared, Neuron, Percentile} {
			b.Run(strconv.Itoa(n)+"/"+sc.String(), func(b *testing.B) {
				s := newSheet(n, 28, 28)
				noisy(s.Tiles, 0.02)
				s.Colors.Scale = sc
				for b.Loop() {
					if _, err := s.Draw(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkFilm draws and encodes 31 frames of 784-100-10.
func BenchmarkFilm(b *testing.B) {
	f := newFilm(100, 31, 28, 28)
	for name, encode := range map[string]func(io.Writer) error{
		"gif":  f.EncodeGIF,
		"apng": func(w io.Writer) error { return f.EncodeAPNG(w, nil) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := encode(io.Discard); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkFigure draws and encodes a picture of a dozen and a half panels.
func BenchmarkFigure(b *testing.B) {
	f := whyFigure(100, 10, 28, 28)
	for b.Loop() {
		p, err := f.Draw()
		if err != nil {
			b.Fatal(err)
		}
		if err := EncodePNG(io.Discard, p.Image, p.Info()); err != nil {
			b.Fatal(err)
		}
	}
}
