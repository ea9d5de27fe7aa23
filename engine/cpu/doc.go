// Package cpu runs Programs on the CPU, on several cores, with AVX-512, AVX2 or plain Go.
//
// # How
//
// A Program becomes a list of stages that all workers run side by side, each on its own part: rows of the batch,
// columns of a layer, or rows of a weight matrix. Instructions that belong together are one stage (a loss and its
// gradient, a gradient and the update that alone reads it); any other instruction is a stage of its own. Each stage
// says which part of which buffer it touches, and from that placeBarriers finds the few places where workers must wait
// for each other: one a step for a network with one hidden layer and two or four workers, else two. Workers are started
// once per backend and woken once per call of Train or Infer.
//
//   - The first layer's weights lie in blocks of columns, each owned by a worker, whose cache then holds what it reads
//     and what it changes. Images are bound in a sparse form, two bytes a nonzero pixel. Forward, the sums of a block's
//     columns stay in registers while the nonzero pixels pass; the update adds −ηx·δ to the weights of a chunk of
//     pixels while the chunk is in the innermost cache, and no gradient is written. See package simd.
//   - Of the small layers at the end, up to 2¹⁴ weights each, two or four workers compute all but the first by
//     themselves, each in copies of its own, and of the first they exchange what each one's inputs add to the sums; see
//     copies.go. Any other number of workers cuts small layers up by examples, as inference does.
//   - Larger layers are cut up by columns and go to package gemm.
//
// Sums are cut in the same places whatever the number of workers, in quarters over the inputs of a small layer and
// elsewhere nowhere, so every element is computed by the same operations in the same order:
// the same seed gives the same bytes with one worker and with many. Different instruction sets round differently.
//
// # Why
//
// What follows was measured while this was written, on two Zen 4 cores (AVX-512 in two passes, 32 KiB and 1 MiB of
// cache a core) that other work shared, with 784-100-10, sigmoid, quadratic loss, SGD and 19 % of the pixels inked. The
// figures are the least of many runs in microseconds a step, good for choosing between designs; docs/benchmarks.md has
// what was measured side by side.
//
//	batch                                      10     64    256
//	plain kernels, one instruction at a time  242   1367   6023   one worker
//	plain kernels, one instruction at a time  279   1078   3462   two workers
//	stages, AVX-512, all pixels                46    266   1055   one worker
//	stages, AVX-512, nonzero pixels            19    109    437   one worker
//	stages, AVX-512, nonzero pixels            13     72    311   two workers, last layer by examples, two barriers
//	stages, AVX-512, nonzero pixels            13     72    282   two workers
//	stages, AVX2, nonzero pixels               13     92    335   two workers
//	stages, plain Go, nonzero pixels           87    535   2317   two workers
//	AVX-512 with momentum and softmax          19     76    333   two workers
//
// The sparse form takes time in proportion to the ink and breaks even at 63 % of the pixels, at every batch size;
// beyond 60 % a data set is kept as bytes and its batches go to package gemm as numbers.
//
// Chunks of 16 KiB of weights lose 15 % to chunks of 32 KiB at batch 256: every chunk of every example ends in a
// mispredicted branch, and that seems to cost more than the second-level cache. Above 32 KiB nothing changes.
//
// What is left at one worker is the update of the first layer, half of a step: each nonzero pixel loads and stores a
// row of its block, and a core stores half a vector a cycle. The forward pass of the first layer is a third. Two
// workers are not twice as fast at large batches; both go over every nonzero pixel, each for its own columns, and what
// it costs to find a pixel's weights is not shared out. Owning the first layer by pixels instead, from batches of 64,
// has not been tried.
//
// Beginning the next step's forward pass on each chunk right after its update, while it is in the innermost cache,
// gained less than 2 % (18.8 against 19.0 µs at batch 10): the cores fetch ahead well enough.
//
// Momentum adds −ηx·δ to the faded velocity itself: one pass over the chunk less than with a gradient of its own.
// Velocity and weights come from the second-level cache and go back every step, which at batch 10 is a third of it.
//
// Rows a power of two apart cost a step of 784-1024-1024-10 a quarter, so their stride is a cache line longer. That
// step takes 5.3 ms at batch 128 with two workers, with plain kernels 70.
//
// The logarithms of a row's cross-entropy are one logarithm, of the product of its factors.
//
// A barrier costs 0.08 µs when a core is free for each worker, waking a worker for a job 0.3: so a call of Train is one
// job. A barrier that only spins would bring a machine with fewer free cores than workers to a crawl: it spins for 50
// µs, then sleeps. Sleeping is a futex where there is one. Go wakes a goroutine on the processor of the one that wakes
// it; after one interruption two workers then go on taking turns on a single core, unless they spin for longer than
// waking takes; with hundreds of microseconds of that, the whole of `train --epochs 4` took 1.4 times as long beside a
// program that kept one of two cores busy, as it does with the futex. One worker waits for nobody and suffers least
// from others (--workers 1).
//
// Two workers gain little where the two processors are one core's two threads, and a virtual machine may find itself
// there for seconds at a time: steps of all sizes then take about 1.6 times as long, and nothing here changes that.
package cpu
