package kernel

// Dense computes z = x·W + b. dst: rows×out, x: rows×in, w: in×out, b: out.
func Dense(dst, x, w, b []float32, rows, in, out int) {
	for r := range rows {
		z := dst[r*out : (r+1)*out]
		copy(z, b)
		for i, v := range x[r*in : (r+1)*in] {
			if v != 0 {
				axpy(z, v, w[i*out:(i+1)*out])
			}
		}
	}
}

// DenseDX computes ∂C/∂x = δ·Wᵀ. dst: rows×in, d: rows×out, w: in×out.
func DenseDX(dst, d, w []float32, rows, in, out int) {
	for r := range rows {
		delta := d[r*out : (r+1)*out]
		row := dst[r*in : (r+1)*in]
		for i := range row {
			row[i] = dot(delta, w[i*out:(i+1)*out])
		}
	}
}

// DenseDW computes rows lo ≤ i < hi of ∂C/∂W = xᵀ·δ; the mean over the batch is already in δ. dst: in×out, x: rows×in,
// d: rows×out.
func DenseDW(dst, x, d []float32, rows, in, out, lo, hi int) {
	clear(dst[lo*out : hi*out])
	for r := range rows {
		delta := d[r*out : (r+1)*out]
		for i, v := range x[r*in+lo : r*in+hi] {
			if v != 0 {
				axpy(dst[(lo+i)*out:(lo+i+1)*out], v, delta)
			}
		}
	}
}

// DenseDB computes ∂C/∂b = Σ_r δ[r]. dst: out, d: rows×out.
func DenseDB(dst, d []float32, rows, out int) {
	clear(dst[:out])
	for r := range rows {
		for k, v := range d[r*out : (r+1)*out] {
			dst[k] += v
		}
	}
}

// axpy: y += a·x, len(y) = len(x).
func axpy(y []float32, a float32, x []float32) {
	y = y[:len(x)]
	for len(x) >= 4 && len(y) >= 4 {
		y[0] += float32(a * x[0])
		y[1] += float32(a * x[1])
		y[2] += float32(a * x[2])
		y[3] += float32(a * x[3])
		x, y = x[4:], y[4:]
	}
	for i, v := range x {
		y[i] += float32(a * v)
	}
}

// dot: Σ x·y in four running sums, len(x) = len(y).
func dot(x, y []float32) float32 {
	y = y[:len(x)]
	var s0, s1, s2, s3 float32
	for len(x) >= 4 && len(y) >= 4 {
		s0 += float32(x[0] * y[0])
		s1 += float32(x[1] * y[1])
		s2 += float32(x[2] * y[2])
		s3 += float32(x[3] * y[3])
		x, y = x[4:], y[4:]
	}
	for i, v := range x {
		s0 += float32(v * y[i])
	}
	return (s0 + s1) + (s2 + s3)
}
