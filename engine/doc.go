// Package engine says what a network, a program and a backend are, picks a backend, and trains.
//
//	Spec ──graph.Compile──▶ Program ──Backend.Compile──▶ Executor ◀──Trainer── Data
//
// A [Spec] describes a network of fully connected layers and how it learns. Package graph turns it into a [Program]:
// plain data, the instructions of a training step. A [Backend] compiles the Program for a device; the [Executor] keeps
// the parameters, the optimiser's state and the data sets there and runs many steps per call. [Trainer] shuffles,
// steps, evaluates, keeps the [State] that a run needs to go on, and tells its [Hooks]. A [Fleet] of a [Fleeter] has an
// Executor for each of many networks of one shape, which train side by side.
//
// In names, messages and files layers count from 1, the first after the inputs; indices into slices, [Query.Layer]
// among them, count from 0. Matrices are row-major, examples are rows, and weights are In×Out, so that z = x·W + b. The
// same Spec, Config and data give the same bytes on the same backend: start weights, shuffling and dropout masks come
// from the Spec's seed, each from a generator of its own.
package engine
