package page

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"strconv"
)

// Num is a number that JSON writes with six digits, and as null when it is NaN or infinite.
type Num float64

// MarshalJSON writes the number.
func (n Num) MarshalJSON() ([]byte, error) {
	if v := float64(n); !math.IsNaN(v) && !math.IsInf(v, 0) {
		return strconv.AppendFloat(nil, v, 'g', 6, 64), nil
	}
	return []byte("null"), nil
}

func nums(v []float64) []Num {
	out := make([]Num, len(v))
	for i, x := range v {
		out[i] = Num(x)
	}
	return out
}

func numRows(v [][]float64) [][]Num {
	out := make([][]Num, len(v))
	for i, row := range v {
		out[i] = nums(row)
	}
	return out
}

// Floats are float32 values that JSON writes as base64 of their little-endian bytes, exactly.
type Floats []float32

// MarshalJSON writes the values.
func (f Floats) MarshalJSON() ([]byte, error) {
	b := make([]byte, 0, 4*len(f))
	for _, v := range f {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return json.Marshal(b)
}

func floats(v []float64) Floats {
	out := make(Floats, len(v))
	for i, x := range v {
		out[i] = float32(x)
	}
	return out
}

// Maps are maps of one size, each value a signed byte q with value q/127·Scale of its map, so that it is off by at most
// Scale/254.
type Maps struct {
	Scale []Num  `json:"scale"` // of each map: its largest |value|
	Data  []byte `json:"data"`  // maps×pixels, int8

	Exact [][]float32 `json:"-"` // the maps that were packed; nil unless Run.Exact
}

// pack packs maps of equal length. What is not a number is packed as 0.
func (c *collector) pack(maps [][]float32) *Maps {
	m := &Maps{}
	if c.run.Exact {
		m.Exact = maps
	}
	if len(maps) > 0 {
		m.Data = make([]byte, 0, len(maps)*len(maps[0]))
	}
	for _, row := range maps {
		limit := largest(row)
		m.Scale = append(m.Scale, Num(limit))
		for _, v := range row {
			m.Data = append(m.Data, byte(quantise(v, limit)))
		}
	}
	return m
}

// quantise returns round(127·v/limit), 0 where that has no value.
func quantise(v float32, limit float64) int8 {
	q := math.Round(127 * float64(v) / limit)
	if math.IsNaN(q) {
		return 0
	}
	return int8(max(-127, min(127, q)))
}

// largest returns the largest finite |v|.
func largest(v []float32) float64 {
	var m float64
	for _, x := range v {
		if a := math.Abs(float64(x)); a > m && !math.IsInf(a, 0) {
			m = a
		}
	}
	return m
}
