package inspect

import "math"

// Fault says that some weights or biases of a layer are not finite.
type Fault struct {
	Layer    int  // 0 is the first
	Biases   bool // else its weights
	Infinite bool // else they are not a number
	Count    int  // how many are so
	Of       int  // of how many
}

// Faults finds the weights and biases of n that are not finite, those of the first layer first; nil when there are
// none.
func (n Net) Faults() []Fault {
	var all []Fault
	for l := range n.Spec.Layers {
		for i, values := range [][]float32{n.Params.Weight(l + 1).Data, n.Params.Bias(l + 1).Data} {
			nan, inf := 0, 0
			for _, v := range values {
				if math.IsNaN(float64(v)) {
					nan++
				} else if math.IsInf(float64(v), 0) {
					inf++
				}
			}
			if nan > 0 {
				all = append(all, Fault{Layer: l, Biases: i == 1, Count: nan, Of: len(values)})
			}
			if inf > 0 {
				all = append(all, Fault{Layer: l, Biases: i == 1, Infinite: true, Count: inf, Of: len(values)})
			}
		}
	}
	return all
}
