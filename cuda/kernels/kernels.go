// Package kernels holds the CUDA kernels: their sources in CUDA C, one source for clang, nvcc and the driver simulator,
// and the PTX that clang makes of them, which the driver compiles for its card.
//
// The sources hold to what device.h supplies. Run mkptx.sh after a change; a test compares the hash in the PTX's head
// with the sources.
package kernels

import (
	_ "embed"
	"strings"
)

// PTX is the compiled form of all kernels but the fleets', and FleetPTX that of these, which are compiled for a card
// only when a fleet is asked for.
var (
	//go:embed kernels.ptx
	PTX string
	//go:embed fleet.ptx
	FleetPTX string
)

const head = "// sources sha256: "

// Hash returns the sha256 of the sources that PTX was made from, as 64 digits: that of all .cu and .h files, one after
// the other in the order of their names.
func Hash() string { return hashOf(PTX) }

func hashOf(ptx string) string {
	line, _, _ := strings.Cut(ptx, "\n")
	return strings.TrimPrefix(line, head)
}
