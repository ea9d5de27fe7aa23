// Package driver reaches the NVIDIA driver: devices, memory, modules, streams, events, graphs and launches. What
// gorgonia.org/cu has and does right goes through it; a little C adds the rest.
//
// A program with this package needs libc alone and starts on every machine. cu links against libcuda, and its package
// initialisation calls cuInit and ends the process on an error. So the cu* functions are defined here, as trampolines
// that jump through a table; cuInit always answers success; and lib/libcuda.a, an empty linker script, is what the
// linker finds for cu's -lcuda. [Load] opens the driver and fills the table. Until then, and for a function that the
// driver lacks, a call answers CUDA_ERROR_NOT_FOUND.
// A child process opens it first, so that a driver that crashes, ends the process or hangs is an error here.
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
//
// A thread that hangs in the driver can be left behind, which is what package cuda does with the calls after the first.
// But it may hold the dynamic loader's lock; when it sleeps in the kernel, where a GPU in trouble leaves it, the
// process cannot end; and no thread helps against a driver that crashes or calls exit. A child process can be left
// behind whatever it does. It is this program started again, not a fork of it: a fork would have our locks on files,
// and our memory for as long as it hangs. A constructor in C keeps it from ever coming to Go, so whatever program, or
// test, this package is part of can be tried in. That costs some milliseconds, and the time of cuInit twice; the child
// stays until its parent has opened the driver too, so that the driver does not put the devices to sleep and wake them
// again in between.
package driver
