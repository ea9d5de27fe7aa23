// Package gemm multiplies dense float32 matrices as training does, with what follows the product done while it is hot.
//
//	NN  C = A·B   A: m×k, B: k×n   x·W
//	TN  C = Aᵀ·B  A: k×m, B: k×n   xᵀ·δ
//	NT  C = A·Bᵀ  A: m×k, B: n×k   δ·Wᵀ
//
// # Order
//
// Each element of C is one chain over p = 0 … k−1 in that order,
//
//	s ← init,  s ← s + a[i,p]·b[p,j],  c[i,j] ← end(s)
//
// with init 0 or the bias. It depends on k alone: not on m, n, the strides, the tiles, or how rows and columns of C are
// shared out over calls, at whatever row or column. AVX2 and AVX-512 round once per step (fused multiply-add) and give
// the same bits; the Go tier rounds product and sum, unless the compiler fuses them, as it does on arm64 and not on
// amd64. Nothing is skipped: a zero times an infinity is NaN here, where package kernel leaves it out.
//
// # Why
//
// The structure is that of Goto and van de Geijn, "Anatomy of high-performance matrix multiplication", ACM TOMS 34(3),
// 2008, and Van Zee and van de Geijn, "BLIS: a framework for rapidly instantiating BLAS functionality", ACM TOMS 41(3),
// 2015: a microkernel that holds a tile of C in registers, and around it loops that keep its operands in the caches.
// What differs, measured on Zen 4 (32 KiB L1, 1 MiB L2, shared L3), in shares of the peak of fused multiply-adds:
//
//   - A tile has any number of rows up to 14 (AVX-512, 14×32) or 6 (AVX2, 6×16), each with a microkernel of its own,
//     and rows are shared out evenly: a batch of 10 or 64 wastes nothing on padding.
//   - The microkernel takes any distance between rows and steps of A, so A is never interleaved: it is read where it is
//     or copied row by row, which costs a memcpy, and only to get rows apart that would share a set of the L1 cache.
//   - k is cut at 1024 steps only. A panel of B then lies in L2, not L1; 176 bytes per 28 cycles is little for L2, and
//     sums rarely leave their registers. A chain that is cut goes on from its partial sums, so the cut cannot be seen
//     in C.
//   - B is read where it is if it is small, if C is one tile high (batch 10: 0.76 of the peak for 1024×1024, with
//     packed panels 0.38), or a few tiles of AVX-512, whose panels are two whole cache lines wide (batch 64: 0.90,
//     packed 0.79). Otherwise a panel is packed just before it is used (or a block, if A has several), and meanwhile
//     the first tile prefetches the next panel. Packing all of W ahead of the product was no faster or a little slower
//     (batch 128, 784×1024: 0.75 instead of 0.84): it goes out to L3 and back.
//   - The call of a microkernel computes a whole row or column of tiles; with k = 10, a call per tile cost a tenth.
//   - Rows of C that are 4 KiB apart evict each other: for k ≤ 128 tiles are then 7 rows high (xᵀ·δ, batch 10,
//     1024×1024: 0.69 instead of 0.42).
//   - Masked stores and the loads after them overlap in lanes that do not count, and the load waits: C is read whole
//     before it is written (xᵀ·δ with 10 columns: 0.48 instead of 0.17).
//   - In one vector of columns the broadcast is folded into the multiply-add (0.58 instead of 0.43 for 10 columns).
//
// What lost: cutting k shorter for a batch of 10 (0.65 at 128 or 256 steps instead of 0.69); unrolling k by 4 instead
// of 2 (no difference); prefetching in the transposition of B, or half its shuffles done by the loads (no difference).
//
// What holds it back: with a batch of 10, δ·Wᵀ reads and transposes W before it multiplies (0.46 for 1024×1024), and
// AVX2 packs W for two tiles (x·W: 0.30). Beyond L2, other users of L3 show: 1024³ takes 0.91 when they are quiet, 0.75
// when not.
package gemm

//go:generate go -C gen run . -dir ..
