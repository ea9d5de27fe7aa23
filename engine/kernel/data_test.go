package kernel_test

import (
	"fmt"
	"math"
	"math/bits"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/engine/kernel"
)

// TestPhilox holds Philox4x32-10 to the known answers that its authors publish with Random123 (file kat_vectors).
func TestPhilox(t *testing.T) {
	for _, tc := range []struct {
		name string
		ctr  [4]uint32
		key  [2]uint32
		want [4]uint32
	}{
		{"zeros", [4]uint32{}, [2]uint32{}, [4]uint32{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
		{
			"ones",
			[4]uint32{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
			[2]uint32{0xffffffff, 0xffffffff},
			[4]uint32{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
		},
		{
			"digits of pi",
			[4]uint32{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
			[2]uint32{0xa4093822, 0x299f31d0},
			[4]uint32{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1},
		},
	} {
		if got := kernel.Philox(tc.ctr, tc.key); got != tc.want {
			t.Errorf("%s: %08x, want %08x", tc.name, got, tc.want)
		}
	}
}

// TestPhiloxAvalanche: every bit of counter and key turns half of the output over.
func TestPhiloxAvalanche(t *testing.T) {
	const rounds = 200
	r := source("avalanche")
	for bit := range 192 {
		turned := 0
		for range rounds {
			in := [6]uint32{r.Uint32(), r.Uint32(), r.Uint32(), r.Uint32(), r.Uint32(), r.Uint32()}
			a := kernel.Philox([4]uint32(in[:4]), [2]uint32(in[4:]))
			in[bit/32] ^= 1 << (bit % 32)
			b := kernel.Philox([4]uint32(in[:4]), [2]uint32(in[4:]))
			for i := range a {
				turned += bits.OnesCount32(a[i] ^ b[i])
			}
		}
		// 128 bits a round, each turned with probability 1/2.
		const n = 128 * rounds
		if z := (float64(turned) - n/2) / math.Sqrt(n/4); math.Abs(z) > 5 {
			t.Errorf("input bit %d turns over %d of %d output bits, %.1f standard deviations from half", bit, turned, n,
				z)
		}
	}
}

// TestMaskElements holds each element to its definition: word e mod 4 of Philox with key seed and counter
// (e/4, layer, step).
func TestMaskElements(t *testing.T) {
	const seed, step, layer = 0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210, 3
	for _, keep := range []float32{0.1, 0.5, 0.8, 1} {
		for _, n := range []int{1, 3, 4, 5, 8, 1001} {
			dst, beside := destination(n)
			kernel.Mask(dst, keep, seed, step, layer)
			beside(t)
			for e, got := range dst {
				words := kernel.Philox([4]uint32{uint32(e / 4), layer, 0x7654_3210, 0xfedc_ba98},
					[2]uint32{0x89ab_cdef, 0x0123_4567})
				want := float32(0)
				if float64(words[e%4]) < float64(keep)*math.Exp2(32) {
					want = 1 / keep
				}
				if got != want {
					t.Fatalf("keep %v, element %d of %d is %v, want %v", keep, e, n, got, want)
				}
			}
		}
	}
	kernel.Mask(nil, 0.5, seed, step, layer)
}

// TestMaskThreshold: an element is kept if its word is below keep·2³², not if it is that. The word is one that float32
// can hold: the first of step 0, 1, … whose lower 8 bits are 0.
func TestMaskThreshold(t *testing.T) {
	step, word := uint64(0), uint32(1)
	for ; word&0xff != 0; step++ {
		word = kernel.Philox([4]uint32{0, 1, uint32(step)}, [2]uint32{})[0]
	}
	step--
	at := float32(word) / (1 << 32)
	for _, tc := range []struct {
		keep float32
		kept bool
	}{{at, false}, {math.Nextafter32(at, 0), false}, {math.Nextafter32(at, 1), true}} {
		var dst [1]float32
		kernel.Mask(dst[:], tc.keep, 0, step, 1)
		if kept := dst[0] != 0; kept != tc.kept {
			t.Errorf("word %#08x, keep %v·2⁻³²: kept %t, want %t", word, tc.keep*(1<<32), kept, tc.kept)
		}
	}
}

// TestMaskStatistics: as many elements are kept as should be, and no mask is related to another of the next element,
// row, step, layer or seed. A count of n elements that are kept with probability p is within five standard deviations
// of np but for one time in two million; the numbers are always the same.
func TestMaskStatistics(t *testing.T) {
	const n, seed = 1 << 16, 42
	for _, keep := range []float64{0.02, 0.3, 0.5, 0.8, 0.99} {
		draw := func(seed, step uint64, layer int) []bool {
			m := make([]float32, n)
			kernel.Mask(m, float32(keep), seed, step, layer)
			kept := make([]bool, n)
			for i, v := range m {
				kept[i] = v != 0
			}
			return kept
		}
		check := func(what string, p float64, count, n int) {
			t.Helper()
			if z := (float64(count) - p*float64(n)) / math.Sqrt(p*(1-p)*float64(n)); math.Abs(z) > 5 {
				t.Errorf("keep %v, %s: %d of %d, %.1f standard deviations from the expected", keep, what, count, n, z)
			}
		}
		both := func(a, b []bool) int {
			c := 0
			for i := range b {
				if a[i] && b[i] {
					c++
				}
			}
			return c
		}
		base := draw(seed, 7, 1)
		check("kept", keep, both(base, base), n)
		for _, distance := range []int{1, 2, 3, 4, 100} {
			check(fmt.Sprintf("kept %d apart", distance), keep*keep, both(base, base[distance:]), n-distance)
		}
		for what, other := range map[string][]bool{
			"next step":          draw(seed, 8, 1),
			"step 2³² later":     draw(seed, 7+1<<32, 1),
			"next layer":         draw(seed, 7, 2),
			"step for layer":     draw(seed, 1, 7),
			"next seed":          draw(seed+1, 7, 1),
			"seed in upper half": draw(seed<<32, 7, 1),
		} {
			check("kept in both, "+what, keep*keep, both(base, other), n)
		}
	}
}

func TestImages(t *testing.T) {
	const in = 256
	images := make([]byte, 3*in) // example 0 holds each byte once
	for i := range in {
		images[i], images[in+i], images[2*in+i] = byte(i), byte(255-i), 7
	}
	order := []int32{2, 0, 1, 0}
	dst, beside := destination(len(order) * in)
	kernel.Images(dst, images, order, in)
	beside(t)
	for r, e := range order {
		for i := range in {
			// The nearest float32 to byte/255: a float64 quotient is near enough not to round twice.
			want := float32(float64(images[int(e)*in+i]) / 255)
			if got := dst[r*in+i]; got != want {
				t.Fatalf("row %d, pixel %d: %v, want %v", r, i, got, want)
			}
		}
	}
	if dst[2*in] != 1 || dst[in] != 0 {
		t.Errorf("bytes 255 and 0 are %v and %v, want 1 and 0", dst[2*in], dst[in])
	}
}

func TestLabels(t *testing.T) {
	labels := []uint8{2, 0, 1, 2}
	order := []int32{3, 1, 1, 2}
	dst, beside := destination(12)
	kernel.Labels(dst, labels, order, 3)
	beside(t)
	want := []float32{0, 0, 1, 1, 0, 0, 1, 0, 0, 0, 1, 0}
	if d := cmp.Diff(want, dst); d != "" {
		t.Errorf("one-hot rows (-want +got):\n%s", d)
	}
	one, beside := destination(1)
	kernel.Labels(one, []uint8{0}, []int32{0}, 1)
	beside(t)
	if !slices.Equal(one, []float32{1}) {
		t.Errorf("one class: %v, want [1]", one)
	}
}
