// Package enginetest is the one conformance suite that every backend passes: [RunAll], and [RunFleets] where it has
// fleets.
//
// Training and inference are held to a textbook implementation in float64 that starts from the [engine.Spec] and knows
// nothing of Programs (Nielsen, "Neural Networks and Deep Learning", chapter 2; itself checked by central differences).
// The rest of the contract, what [engine.Executor] promises about calls, bytes, errors and lifetimes, is held to
// itself: one way of calling against another.
//
// # Error bounds
//
// float32 rounds each operation by at most u = 2⁻²⁴ of its result. In a sum of n terms the roundings are as good as
// independent, so that they grow as √n and not as n (Higham and Mary 2019, "A new approach to probabilistic rounding
// error analysis", section 2). A gradient is the end of a chain of such sums: over each layer's fan-in on the way
// forward and back, and over the rows of the batch. Its relative error is therefore taken to be at most
//
//	8·u·(t+1)·(√rows + Σ_layers (√fan-in + 8))
//
// of the largest gradient in the tensor: 8 standard deviations, 8 roundings for an activation and its derivative, and
// t+1 for the error of the parameters after t steps, which the next gradients inherit. The optimiser carries it on
// element by element; see bounds. Plain Go kernels stay below a quarter of these bounds; a gradient that is wrong by a
// thousandth is far above them, which the package's own tests show.
package enginetest
