package gallery

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

// scatter sets each neuron's selectivity against what it is worth; not ok where no neuron has one.
func (b *ablation) scatter() (render.Points, bool) {
	c := render.Points{
		KeyX: "selectivity", KeyY: "accuracy_lost",
		Title: "Does selectivity say which matter?", X: "selectivity: 0 all classes alike, 1 one class alone",
		Y: "accuracy lost without it, % points",
		Caption: "A dot is a neuron. Selectivity: (m_max − m_rest)/(m_max + m_rest), of the mean activation on the " +
			"class it prefers and on the others.",
	}
	var neurons []int
	for j, s := range b.selectivity {
		if !math.IsNaN(s) {
			neurons, c.Xs, c.Ys = append(neurons, j), append(c.Xs, s), append(c.Ys, 100*b.Alone[j])
		}
	}
	if len(neurons) == 0 {
		return c, false
	}
	far, all := outliers(c.Xs, c.Ys)
	order := append([]int{}, far...) // first, because names are placed in this order
	switch r, n := b.Selective, b.SelectiveOf; {
	case n > 1 && slices.Min(c.Ys) == slices.Max(c.Ys):
		c.Caption += " Each of them costs the same alone, so there is nothing to correlate."
	case n >= fewNeurons:
		c.Caption += fmt.Sprintf(" Correlation over %d neurons: %+.2f.", n, r)
		if math.Abs(r) < 0.3 {
			c.Caption += " Selectivity hardly says which neurons matter."
		}
	}
	if !all {
		c.Caption += " Numbers: the neurons farthest from the rest."
	}
	for i := range neurons {
		if !slices.Contains(far, i) {
			order = append(order, i)
		}
	}
	c.Xs, c.Ys = arrays.Pick(c.Xs, order), arrays.Pick(c.Ys, order)
	for at, i := range order {
		name := ""
		if at < len(far) {
			name = strconv.Itoa(neurons[i])
		}
		c.Names = append(c.Names, name)
	}
	return c, true
}

const (
	namedPoints = 10  // most points that are named
	someNamed   = 5   // that are, even where none is far from the rest
	farPoint    = 3.5 // robust standard deviations from the median that make an outlier
)

// outliers returns the points that lie farthest from the median in x or in y, the farthest first: those beyond 3.5
// times what the median distance, ×1.4826, says of a normal distribution (Iglewicz and Hoaglin 1993), 10 at most, and a
// few where there are no such. Of few points it returns all.
func outliers(xs, ys []float64) (far []int, all bool) {
	score := make([]float64, len(xs))
	for _, v := range [][]float64{xs, ys} {
		median := inspect.Median(v)
		distance := make([]float64, len(v))
		for i, x := range v {
			distance[i] = math.Abs(x - median)
		}
		spread := 1.4826 * inspect.Median(distance)
		for i, d := range distance {
			if d > 0 {
				score[i] = max(score[i], d/spread) // +Inf where more than half are alike
			}
		}
	}
	beyond := 0
	for i, d := range score {
		far = append(far, i)
		if d > farPoint {
			beyond++
		}
	}
	slices.SortStableFunc(far, func(i, j int) int {
		return cmp.Or(cmp.Compare(score[j], score[i]), cmp.Compare(math.Abs(ys[j]), math.Abs(ys[i])))
	})
	if all = len(xs) <= namedPoints; !all {
		far = far[:min(max(beyond, someNamed), namedPoints)]
	}
	return far, all
}
