package enginetest

import (
	"hash/fnv"
	"math/rand/v2"

	"neuroloupe/engine"
	"neuroloupe/engine/kernel"
)

// source returns the generator of everything random in the check of that name.
func source(name string) *rand.Rand {
	h := fnv.New64a()
	h.Write([]byte(name))
	return rand.New(rand.NewPCG(h.Sum64(), 0))
}

// ink is the share of pixels that are not 0.
type ink float64

// mnistInk is MNIST's.
const mnistInk ink = 0.2

// digits draws a data set that looks to a network as MNIST does: four of five pixels are 0.
func digits(r *rand.Rand, n, inputs, classes int) engine.Data {
	return mnistInk.digits(r, n, inputs, classes)
}

func (share ink) digits(r *rand.Rand, n, inputs, classes int) engine.Data {
	d := engine.Data{Images: make([]byte, n*inputs), Labels: make([]uint8, n)}
	for i := range d.Images {
		if r.Float64() < float64(share) {
			d.Images[i] = byte(1 + r.IntN(255))
		}
	}
	for i := range d.Labels {
		d.Labels[i] = uint8(r.IntN(classes))
	}
	return d
}

// shuffled returns count example numbers: permutations of 0 … n−1 one after the other.
func shuffled(r *rand.Rand, n, count int) []int32 {
	var order []int32
	for len(order) < count {
		for _, e := range r.Perm(n) {
			order = append(order, int32(e))
		}
	}
	return order[:count]
}

// pixels returns an example as numbers.
func pixels(d engine.Data, inputs int, example int32) []float64 {
	x := make([]float64, inputs)
	for i := range x {
		x[i] = float64(d.Images[int(example)*inputs+i]) / 255
	}
	return x
}

// masks returns the dropout masks of one step for each hidden layer, rows×Units; nil without dropout.
func masks(spec engine.Spec, rows int, step uint64) [][]float32 {
	if spec.Dropout == 0 {
		return nil
	}
	all := make([][]float32, len(spec.Layers)-1)
	for l := range all {
		all[l] = make([]float32, rows*spec.Layers[l].Units)
		kernel.Mask(all[l], float32(1-spec.Dropout), spec.Seed, step, l+1)
	}
	return all
}

// maskRows returns row r of each mask.
func maskRows(spec engine.Spec, masks [][]float32, r int) [][]float32 {
	if masks == nil {
		return nil
	}
	rows := make([][]float32, len(masks))
	for l, m := range masks {
		units := spec.Layers[l].Units
		rows[l] = m[r*units : (r+1)*units]
	}
	return rows
}
