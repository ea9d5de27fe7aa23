package inspect

import "context"

// What a network is at one image follows from its weights and that image alone: no executor, and none of the subject's
// images. It is worked out at each call, as there are as many answers as images.

// Attributed shares z of a unit of the last layer at an image, less that of the unit not when it is not negative, out
// over the pixels, by every method and each with its control; x: Inputs. See [Net.AttributeAll].
func (s *Subject) Attributed(ctx context.Context, x []float64, unit, not int, o AttributeOptions, seed uint64) (
	[]Control, error,
) {
	t, err := s.Net.Target(s.Net.Last(), unit, not)
	if err != nil {
		return nil, err
	}
	return s.Net.AttributeAll(ctx, x, t, o, seed)
}

// TemplatesAt returns the template of each class at an image, Classes×Inputs; x: Inputs. See [Net.LocalTemplates].
func (s *Subject) TemplatesAt(ctx context.Context, x []float64) ([][]float32, error) {
	return s.Net.LocalTemplates(ctx, x)
}

// MapAt returns the linear map from the inputs to z of a unit of a layer, 0 being the first, at an image; x and the
// result: Inputs. See [Net.Gradient].
func (s *Subject) MapAt(x []float64, layer, unit int) ([]float64, error) {
	t, err := s.Net.Target(layer, unit, -1)
	if err != nil {
		return nil, err
	}
	return s.Net.Gradient(x, t)
}
