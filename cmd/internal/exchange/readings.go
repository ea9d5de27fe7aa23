package exchange

import "fmt"

// End is where the biases stand in a weight matrix that holds them: the weights of an input that is always 1.
type End uint8

// The ends. AutoEnd takes the last and hands the first on in [Net.Others].
const (
	AutoEnd End = iota
	First
	Last
)

// String returns the name that UnmarshalText takes.
func (e End) String() string { return [...]string{"auto", "first", "last"}[e] }

// UnmarshalText sets e from its name.
func (e *End) UnmarshalText(text []byte) error {
	for _, v := range []End{AutoEnd, First, Last} {
		if v.String() == string(text) {
			*e = v
			return nil
		}
	}
	return fmt.Errorf("unknown end %q; want one of %v %v %v", text, AutoEnd, First, Last)
}

// Reading is another way in which a file can be read: its shapes allow it as well. Only data can tell which was meant.
type Reading struct {
	How   string // a phrase: "with the biases in the first row of the weights"
	Flags string // the flags of import that ask for it: "--bias-row first"
	Sizes []int  // of the layers, inputs first; they may differ from those of the reading that Read chose

	make func() *Net
}

// Net makes the network so read, with arrays of its own.
func (r Reading) Net() *Net { return r.make() }
