package inspect

import (
	"math"
	"slices"

	"neuroloupe/engine"
)

// Maps returns the map of each neuron of a layer with weights w, In×Out: Out slices of In values, copied.
func Maps(w engine.Tensor) [][]float32 {
	in, out := w.Shape[0], w.Shape[1]
	all := make([]float32, in*out)
	maps := make([][]float32, out)
	for j := range maps {
		maps[j] = all[j*in : (j+1)*in : (j+1)*in]
	}
	const block = 16 // neurons at a time: a cache line of a row of w
	for lo := 0; lo < out; lo += block {
		hi := min(out, lo+block)
		for i := range in {
			for j, v := range w.Data[i*out+lo : i*out+hi] {
				maps[lo+j][i] = v
			}
		}
	}
	return maps
}

// weightsOf returns the weights of some neurons of a layer with weights w, In×Out: In×len(neurons).
func weightsOf(w engine.Tensor, neurons []int) engine.Tensor {
	in, out := w.Shape[0], w.Shape[1]
	some := engine.Tensor{Name: w.Name, Shape: []int{in, len(neurons)}, Data: make([]float32, 0, in*len(neurons))}
	for i := range in {
		for _, j := range neurons {
			some.Data = append(some.Data, w.Data[i*out+j])
		}
	}
	return some
}

// Learned returns W − γW₀, what training put there: W₀ are the start weights and γ is what weight decay has left of
// them (see [engine.Decay]).
func Learned(w, w0 engine.Tensor, gamma float64) engine.Tensor {
	l := engine.Tensor{Name: w.Name, Shape: w.Shape, Data: make([]float32, len(w.Data))}
	for i, v := range w.Data {
		l.Data[i] = float32(float64(v) - gamma*float64(w0.Data[i]))
	}
	return l
}

// EstimateGamma returns ⟨W,W₀⟩/⟨W₀,W₀⟩, the least-squares estimate of γ, for runs where the update does not say it. It
// is 1 when W₀ is all zeros.
func EstimateGamma(w, w0 engine.Tensor) float64 {
	var dot, square float64
	for i, v := range w0.Data {
		dot += float64(v) * float64(w.Data[i])
		square += float64(v) * float64(v)
	}
	if square == 0 {
		return 1
	}
	return dot / square
}

// Rho returns ρ = corr(w, w₀)² over one neuron's map: the share of the map's variance that its start explains, in
// [0, 1]. It is 0 when either is constant.
func Rho(w, w0 []float32) float64 {
	mw, m0 := mean(w), mean(w0)
	var ww, w00, cross float64
	for i := range w {
		a, b := float64(w[i])-mw, float64(w0[i])-m0
		ww += a * a
		w00 += b * b
		cross += a * b
	}
	if ww == 0 || w00 == 0 {
		return 0
	}
	return cross * cross / (ww * w00)
}

// Smoothness returns the lag-1 spatial autocorrelation of a height×width map, Moran's I over horizontal and vertical
// neighbours (Moran 1950): (N/M) Σ_pairs (w_p − w̄)(w_q − w̄) / Σ (w_p − w̄)², for N pixels and M pairs. Noise has
// about 0, a smooth picture near 1. It is 0 for a constant map and for a single pixel.
func Smoothness(m []float32, height, width int) float64 {
	mu := mean(m)
	var square, cross float64
	pairs := 0
	for y := range height {
		for x := range width {
			d := float64(m[y*width+x]) - mu
			square += d * d
			if x+1 < width {
				cross += d * (float64(m[y*width+x+1]) - mu)
				pairs++
			}
			if y+1 < height {
				cross += d * (float64(m[(y+1)*width+x]) - mu)
				pairs++
			}
		}
	}
	if square == 0 || pairs == 0 {
		return 0
	}
	return float64(len(m)) / float64(pairs) * cross / square
}

// RMS returns the root mean square of all maps at the inputs where mask is true, nil being all; 0 if there are none.
func RMS(maps [][]float32, mask []bool) float64 {
	var sum float64
	n := 0
	for _, m := range maps {
		for i, v := range m {
			if mask == nil || mask[i] {
				sum += float64(v) * float64(v)
				n++
			}
		}
	}
	if n == 0 {
		return 0
	}
	return math.Sqrt(sum / float64(n))
}

// Norm returns ‖m‖₂.
func Norm(m []float32) float64 {
	var sum float64
	for _, v := range m {
		sum += float64(v) * float64(v)
	}
	return math.Sqrt(sum)
}

func norms(maps [][]float32) []float64 {
	out := make([]float64, len(maps))
	for j, m := range maps {
		out[j] = Norm(m)
	}
	return out
}

// Median returns the median, the mean of the middle two for an even count; NaN for none. v is not changed.
func Median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

func mean(v []float32) float64 {
	var sum float64
	for _, x := range v {
		sum += float64(x)
	}
	return sum / float64(len(v))
}
