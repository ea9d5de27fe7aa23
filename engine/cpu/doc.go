// Package cpu runs Programs on the CPU, on several cores.
//
// An instruction is cut into parts of whole rows (of the batch, or of a weight matrix), never inside a sum, and each
// part goes to the worker of its number. Every element is therefore computed by the same operations in the same order
// whatever the number of workers: the same seed gives the same bytes with one worker and with many.
package cpu
