package inspect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"neuroloupe/engine"
)

// Mistake is an image that a network gets wrong.
type Mistake struct {
	Image     int // index into the data set
	Label     int
	Predicted int
	Margin    float64 // s_predicted − s_label, of the logits
	Loss      float64 // the Spec's loss of this image
}

// Mistakes returns the images that are predicted wrong, worst first: largest loss, then largest margin (a saturated
// loss ties), then the lower index. z: the output layer's weighted inputs, n×Classes; labels: n. The predicted class is
// [engine.Answer].
func (n Net) Mistakes(z [][]float32, labels []uint8) ([]Mistake, error) {
	if err := n.checkOutputs(z, labels); err != nil {
		return nil, err
	}
	a, y := make([]float32, n.Spec.Classes()), make([]float32, n.Spec.Classes())
	var wrong []Mistake
	for i, row := range z {
		label, predicted := int(labels[i]), engine.Answer(row)
		if label == predicted {
			continue
		}
		y[label] = 1
		m := Mistake{
			Image: i, Label: label, Predicted: predicted,
			Margin: float64(row[predicted]) - float64(row[label]),
		}
		m.Loss = n.Spec.RowLoss(row, y, a)
		y[label] = 0
		wrong = append(wrong, m)
	}
	slices.SortStableFunc(wrong, func(a, b Mistake) int {
		return cmp.Or(cmp.Compare(b.Loss, a.Loss), cmp.Compare(b.Margin, a.Margin))
	})
	return wrong, nil
}

// Mistakes returns the images that the network gets wrong, worst first; see Net.Mistakes.
func (s *Subject) Mistakes(ctx context.Context) ([]Mistake, error) {
	return keep(s, answer{what: "mistakes"}, func() ([]Mistake, error) {
		z, err := s.Outputs(ctx)
		if err != nil {
			return nil, err
		}
		p, err := s.Probe(ctx)
		if err != nil {
			return nil, err
		}
		return s.Net.Mistakes(z, p.Data.Labels)
	})
}

func (n Net) checkOutputs(z [][]float32, labels []uint8) error {
	if err := n.Validate(); err != nil {
		return err
	}
	if len(z) != len(labels) {
		return sizes("examples of outputs", len(labels), len(z))
	}
	for i, row := range z {
		if len(row) != n.Spec.Classes() {
			return sizes(fmt.Sprintf("outputs of example %d", i), n.Spec.Classes(), len(row))
		}
		if int(labels[i]) >= n.Spec.Classes() {
			return fmt.Errorf("inspect: label of example %d is %d, want below %d", i, labels[i], n.Spec.Classes())
		}
	}
	return nil
}

// Driver is a neuron and how much it did for a mistake.
type Driver struct {
	Neuron int
	Drive  float64 // Centred[predicted][j] − Centred[label][j]
}

// Drivers returns the neurons of the layer that w explains, those first that drove the logit of predicted above that of
// label most, by centred evidence: (W[j,predicted] − W[j,label])·(a_j − E a_j). For the last hidden layer the drives
// add up to the margin less the margin at the mean activations. w must have been made with mean activations.
func (w *Why) Drivers(predicted, label int) ([]Driver, error) {
	if w.Centred == nil {
		return nil, errors.New("inspect: drivers need the centred evidence; call Why with mean activations")
	}
	drive, err := Contrast(w.Centred, predicted, label)
	if err != nil {
		return nil, err
	}
	drivers := make([]Driver, len(drive))
	for i, j := range Descending(drive) {
		drivers[i] = Driver{Neuron: j, Drive: drive[j]}
	}
	return drivers, nil
}
