//go:build race

package exchange

// raced is whether the race detector is on, which allocates beside the code.
const raced = true
