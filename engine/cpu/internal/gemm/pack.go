package gemm

// copyPanelGo copies the rows×cols matrix src to dst. Strides are in elements. The assembly fills the row of dst up
// with zeros to a whole vector; all sizes must be positive.
func copyPanelGo(dst, src []float32, dstStride, srcStride, rows, cols int) {
	for r := range rows {
		copy(dst[r*dstStride:][:cols], src[r*srcStride:])
	}
}

// transposePanelGo writes the transpose of the rows×cols matrix src to dst. Strides are in elements. The assembly
// writes anything into the rest of the vector; all sizes must be positive.
func transposePanelGo(dst, src []float32, dstStride, srcStride, rows, cols int) {
	for r := range rows {
		for c, v := range src[r*srcStride:][:cols] {
			dst[c*dstStride+r] = v
		}
	}
}
