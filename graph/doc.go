// Package graph turns an [engine.Spec] into a Gorgonia expression graph, differentiates it with Gorgonia and lowers
// forward pass, backward pass and updates to an [engine.Program]. Its [Driver] runs the graph itself on Gorgonia's
// TapeMachine: the oracle that programs and backends are compared with.
//
//	Spec ──Build──▶ Net (ExprGraph, gradients) ──Lower──▶ engine.Program
//
// The graph is made of operators of our own, one [Op] per node, that run the kernels of package kernel. So 784-100-10
// is some twenty nodes, lowering is one instruction per operator, and a graph built for one batch size describes every
// other. This is the only package that imports Gorgonia.
//
// # Why
//
// What Gorgonia 0.9.18 does that a reader of its documentation would not expect, and where it is met here:
//
//   - Gorgonia's own operators are unexported, so a lowering would have to recognise them by their printed names, and
//     several compute something else than they say: SoftMax takes a row's maximum without column 0, Log(SoftMax(x))
//     turns the softmax that the caller still holds into its logarithm. [Op] uses none of them.
//   - Without CallsExtern an operator's UsePreallocDo is never called and every step allocates; Type's result goes
//     back to a pool, so it must be a fresh one each time; type inference ignores a tensor's rank, so InferShape
//     checks it. See [Op].
//   - A node is looked up by a 32-bit hash of its operator and operands. A parameter that WriteHash forgets makes two
//     operators one, two inputs of one name and shape are one, and operands are not compared when hashes collide. What
//     is applied is therefore checked (apply), and a TapeMachine, which does not even compare operators, is refused a
//     graph with a collision (distinct).
//   - An operator that answers true in DiffWRT for the data pays a matrix product nobody reads: 38 % of a step of
//     784-100-10. See [Op.Data].
//   - [gorgonia.Grad] starts from a constant that all graphs of the process share and hashes it without a lock, so
//     building two networks at once is a data race. Build gives Backpropagate, which Grad calls, a constant of its own.
//   - TapeMachine.RunAll without Reset runs nothing and says nothing; Reset drops every buffer; BindDualValues adds
//     each run's gradient to the last one's; Gorgonia's sum of two gradients overwrites the first of them. The tape
//     backend reads values between RunAll and Reset, and gradients from their own nodes.
//   - Gorgonia's initialisers are seeded from the clock; parameters come from [engine.Spec.NewParams].
package graph

// Gorgonia's tensors refuse to start on a Go release that this module has not been told about. Nothing here uses it;
// the import keeps its version in go.mod the one that knows of today's Go.
import _ "go4.org/unsafe/assume-no-moving-gc"
