// Command gpucheck shows on a machine with an NVIDIA card that the CUDA backend is right, and how fast it is. make
// gpu-check builds it, puts what it needs into bin/gpu-check, and runs it where there is a card; bin/gpu-check can be
// carried to a machine that has a card and no Go:
//
//	bin/gpu-check/run.sh OUTDIR
//
// It writes gpu-check.json, whose names [Report] explains, and gpu-check.txt, the same for people. Copied to docs/gpu
// under the card's name, the first becomes part of docs/gpu.md by make gpu-docs.
//
// # Steps
//
// Each step is a process of its own with a time limit, and both files are written again after each thing it finds: what
// a later step does, a crash or a card that hangs included, takes nothing away.
//
//	device     what the card and its driver are
//	compile    the driver compiles the kernels' PTX, then takes it from its cache; is cuBLAS there?
//	reference  small trainings give the parameters that the driver simulator gave, in reference.json: graph, then
//	           persistent
//	parity     an epoch gives the parameters that the CPU gives: graph, then persistent
//	tests      the conformance suite, on the card
//	speed      training speed beside the CPU and PyTorch, all taking turns
//	accuracy   time to a test accuracy of 97 %
//	sanitizer  the runs of reference under NVIDIA's compute-sanitizer, where it is installed
//
// The persistent mode is left out of what comes after a step in which it failed.
//
// On the driver simulator speed and accuracy are skipped, and the report says that it is no card's.
package main
