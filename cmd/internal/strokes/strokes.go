// Package strokes makes a small data set for tests, which a network learns in a second.
package strokes

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// What the images are.
const (
	Rows, Cols = 12, 10
	Classes    = 4
)

// Write writes IDX files of n training and n/3 test images: a lying, a standing, a falling and a rising stroke,
// each moved about and inked unevenly, over a little dust. The rim of a pixel stays clean, so that there are
// never-inked pixels.
func Write(dir string, n int) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(1, 1))
	for _, s := range []struct {
		name string
		n    int
	}{{"train", n}, {"t10k", n / 3}} {
		images, labels := make([]byte, s.n*Rows*Cols), make([]byte, s.n)
		for i := range labels {
			labels[i] = byte(r.IntN(Classes))
			draw(r, images[i*Rows*Cols:][:Rows*Cols], labels[i])
		}
		head := binary.BigEndian.AppendUint32(nil, 0x803)
		for _, v := range []int{s.n, Rows, Cols} {
			head = binary.BigEndian.AppendUint32(head, uint32(v))
		}
		if err := os.WriteFile(filepath.Join(dir, s.name+"-images-idx3-ubyte"), append(head, images...),
			0o666); err != nil {
			return err
		}
		head = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, 0x801), uint32(s.n))
		if err := os.WriteFile(filepath.Join(dir, s.name+"-labels-idx1-ubyte"), append(head, labels...),
			0o666); err != nil {
			return err
		}
	}
	return nil
}

func draw(r *rand.Rand, img []byte, kind byte) {
	angle := math.Pi / 4 * float64(kind)
	cy, cx := 5.5+2*r.Float64()-1, 4.5+2*r.Float64()-1
	for step := -3.0; step <= 3; step += 0.5 {
		y, x := int(cy+step*math.Sin(angle)+0.5), int(cx+step*math.Cos(angle)+0.5)
		if y > 0 && y < Rows-1 && x > 0 && x < Cols-1 {
			img[y*Cols+x] = byte(150 + r.IntN(106))
		}
	}
	for range 3 {
		y, x := 1+r.IntN(Rows-2), 1+r.IntN(Cols-2)
		img[y*Cols+x] = byte(r.IntN(256))
	}
}
