// Package driver reaches the NVIDIA driver: devices, memory, modules, streams, events, graphs and launches. What
// gorgonia.org/cu has and does right goes through it; a little C adds the rest.
//
// A program with this package needs libc alone and starts on every machine. cu links against libcuda, and its package
// initialisation calls cuInit and ends the process on an error. So the cu* functions are defined here, as trampolines
// that jump through a table; cuInit always answers success; and lib/libcuda.a, an empty linker script, is what the
// linker finds for cu's -lcuda. [Load] opens the driver and fills the table. Until then, and for a function that the
// driver lacks, a call answers CUDA_ERROR_NOT_FOUND.
//
// All calls that touch a device are made inside [Context.Do], which keeps them on one operating system thread with the
// device's primary context current.
//
// It is built with the tag gpu, on Linux for amd64 and arm64, with cgo; see BUILD.md.
//
// # Why
//
// cu.Ctx, cu's own way of tying calls to a thread, hands every call to a goroutine over a channel and forgets errors.
// cu.Function.Launch allocates twice a call: 250 ns beside 74 ns for [Launch], a prebuilt struct. cu knows no
// cooperative launch, no stream capture, no launch of a graph, no pinned memory and no error texts.
package driver
