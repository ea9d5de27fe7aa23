package kernel

// Images gathers pixels: dst[r,i] = images[order[r],i] / 255, dst: len(order)×in.
func Images(dst []float32, images []byte, order []int32, in int) {
	for r, e := range order {
		src := images[int(e)*in : (int(e)+1)*in]
		row := dst[r*in : (r+1)*in]
		for i, b := range src {
			row[i] = float32(b) / 255
		}
	}
}

// Labels writes one-hot rows: dst[r,k] = 1 if labels[order[r]] = k, else 0, dst: len(order)×classes.
func Labels(dst []float32, labels []uint8, order []int32, classes int) {
	clear(dst[:len(order)*classes])
	for r, e := range order {
		dst[r*classes+int(labels[e])] = 1
	}
}

// Mask writes an inverted-dropout mask (Srivastava et al. 2014, section 10): each of the len(dst) elements is 1/keep
// with probability keep, else 0. Element e depends only on (seed, step, layer, e): word e mod 4 of Philox4x32-10 with
// key seed and counter (e/4, layer, step), compared with keep·2³², so every backend draws the same mask.
func Mask(dst []float32, keep float32, seed, step uint64, layer int) {
	threshold := uint64(float64(keep) * (1 << 32))
	on := 1 / keep
	for e := 0; e < len(dst); e += 4 {
		words := Philox([4]uint32{uint32(e / 4), uint32(layer), uint32(step), uint32(step >> 32)},
			[2]uint32{uint32(seed), uint32(seed >> 32)})
		for i, w := range words[:min(4, len(dst)-e)] {
			dst[e+i] = 0
			if uint64(w) < threshold {
				dst[e+i] = on
			}
		}
	}
}

// Philox is the counter-based generator Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3",
// SC 2011, section 4.3): four random words from a counter and a key.
func Philox(ctr [4]uint32, key [2]uint32) [4]uint32 {
	for range 10 {
		p0, p1 := uint64(ctr[0])*0xD2511F53, uint64(ctr[2])*0xCD9E8D57
		ctr = [4]uint32{
			uint32(p1>>32) ^ ctr[1] ^ key[0], uint32(p1),
			uint32(p0>>32) ^ ctr[3] ^ key[1], uint32(p0),
		}
		key[0] += 0x9E3779B9
		key[1] += 0xBB67AE85
	}
	return ctr
}
