// Package sim builds the driver simulator and steers it, for tests: a libcuda.so.1 over this machine's memory that runs
// the kernels of cuda/kernels, compiled by g++. README.md in this folder says what it checks and what it cannot show.
//
// It is built with the tag gpu, on Linux for amd64, with cgo.
package sim
