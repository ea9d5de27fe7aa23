// Package kernel holds the plain Go kernels of a Program's instructions: the definition that every backend is held to,
// what the Gorgonia operators of package graph compute, and the fallback of the CPU backend.
//
// Matrices are row-major; x: rows×in, W: in×out, δ and z: rows×out. Destinations must not overlap sources unless a
// kernel says so. Slices are at least as long as the sizes say; callers check.
//
// # Why
//
// A zero input is skipped in [Dense] and [DenseDW]: four of five MNIST pixels are 0, and a ReLU leaves many. A zero
// times an infinite weight is then 0 and not NaN; an infinite weight still shows in every example that inks its pixel.
// Every product that is added to something is rounded by name, float32(x*y), so that no compiler fuses the two: the
// kernels round alike on every machine, but for the exponentials of package math. Reductions run in index order, so
// results do not depend on how rows or columns are shared out over workers.
package kernel
