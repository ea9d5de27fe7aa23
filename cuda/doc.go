// Package cuda runs Programs on NVIDIA GPUs. Parameters, optimiser state, the data set and the order of an epoch stay
// in the device's memory; see [Mode] for how steps are put on it.
//
// It does so when it is built with the tag gpu, on Linux for amd64 and arm64: see BUILD.md. Such a program needs no
// CUDA to be built or to start; without a driver it says so and uses the CPU. Without the tag there is one device,
// which is not usable and says why.
//
// The tests run on the driver simulator of cuda/sim, which needs no GPU.
//
// # How
//
// A Program's instructions are put into a form in which every result has a name of its own (flow). Instructions that
// belong together become one kernel: a layer's product with bias, activation and dropout; the product that goes back
// through a layer with the mask and the derivative; the gradient of weights with their update, and the biases' with it;
// a loss with its gradient and what that is behind the activation. Images enter the first product as bytes, labels the
// loss as they are. Any other instruction is a kernel of its own, so every Program runs.
//
// A step is recorded as a CUDA graph, one for a single step and one for several. What differs between calls, kernels
// read from a Job in device memory: the data set, the order, the learning rates, where losses go, and how many steps
// are done, which the last kernel of a graph counts. A call of Train is one copy in, as many launches as there are
// graphs, and one copy of the losses out.
//
// A plain network, one whose instructions are those of its Spec in any order, whose parameters and activations fit into
// shared memory spread over the multiprocessors, runs all steps of a call in one kernel instead: see
// kernels/train.h. Many networks that are alike run so side by side, each on as few blocks as hold it and waiting for
// none of the others: see Fleet of [engine.Fleeter] and kernels/fleet.cu. Calls of Train that wait for the device go
// into one launch, some hundred steps of each at a time; whoever gets the device launches for all.
//
// Sums run in a fixed order, and there are no atomic additions of numbers: the same calls give the same bytes on the
// same device. Devices with other numbers of multiprocessors cut products and layers up otherwise, and round otherwise.
// So does a fleet, whose networks have fewer blocks than one by itself; but in a fleet nothing depends on the others.
//
// A pixel of 0 times an infinite weight is NaN here, where package engine/kernel skips it.
//
// # Why
//
// What is done element by element beside a product of a large layer waits for memory alone. So a thread takes four
// elements at a time, and with BF16 activations and δ lie there as bfloat16, which halves what is moved.
//
// The persistent kernel takes its layout as a parameter by value, and divides indices by reciprocals from there. Read
// from memory, the layout filled the registers, up to spilling; and the device has no integer division, of which a step
// has a dozen one after the other.
//
// The persistent kernel has no barrier over the grid. A barrier is an atomic addition and a wait for it, and then the
// data must still be read; a word that holds a value and the number of its step is both in one. Hidden units are
// exchanged and not the output layer's partial sums, which would be as many numbers from every block.
//
// The kernels have their own exponential and logarithm: libdevice comes with the CUDA toolkit, and its results would
// differ from the simulator's. For the same reason products and sums are fused only where the sources say so.
//
// A network of a fleet has its pointers, penalties and constants in its blocks' shared memory, and the layout that all
// have alike as a parameter by value. A launch has no more steps of each network than take some milliseconds: a network
// that comes late waits for the launch that runs, and one long launch for a single network would leave all others idle.
// Nothing waits for a timer. The fleets' kernels have PTX of their own, since compiling them takes a driver about as
// long as compiling all others, and few programs want them.
//
// No figures stand here: nothing has been measured on a GPU yet.
package cuda
