// Package npz reads and writes numpy's archives of arrays: what numpy.savez and savez_compressed write and numpy.load
// opens. The format is https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
//
// A [Writer] writes floating-point numbers, whole numbers and texts, array for array the bytes that numpy writes.
// [Open] reads the header of an array and [Array.Read] its numbers, of 16, 32 or 64 bits, in either byte order, by rows
// or by columns, for a network of float32. What a file claims is checked before memory is allocated for it.
//
// # Why
//
// codeberg.org/sbinet/npyio v0.14.0 was tried in its place. It panics on a header without a line break at its end and
// on one whose keys stand in another order, and refuses version 3 of the format and a header without spaces after its
// colons, though numpy reads all of these. For a file of 80 bytes that claims 2²⁷ numbers it allocates a GiB before it
// looks, and a shape whose product overflows is read as an empty array. Each type of number needs a variable of its
// own, float16 is converted by the caller, and a matrix in Fortran order is turned for gonum's matrices alone. Checking
// all that beforehand takes a reader of the header of our own, which is most of what stands here; and for the rest
// gonum, gopickle and x/text would be linked, 31 packages.
package npz
