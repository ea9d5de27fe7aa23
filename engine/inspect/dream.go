package inspect

import (
	"context"
	"fmt"
	"math"

	"neuroloupe/engine"
)

// Prior is what a data set's images are like, to hold made-up images to.
type Prior struct {
	Height, Width int
	Mean          []float64 // μ, Inputs
	Variance      float64   // tr Σ = E‖x − μ‖²
	// (tr Σ)² / tr Σ², how many directions the images vary in (the participation ratio); 0 if all are alike
	Dimension float64
	Variation float64 // E TV(x), see Dream
}

// priorImages bounds the images between which Dimension is estimated.
const priorImages = 512

// newPrior measures a data set of height×width images. tr Σ² is estimated without Σ, as the mean of ⟨x_i − μ, x_j − μ⟩²
// over all pairs i ≠ j of up to 512 images spaced evenly.
func newPrior(ctx context.Context, d engine.Data, height, width int) (*Prior, error) {
	inputs, n := height*width, d.Len()
	switch {
	case n == 0:
		return nil, fmt.Errorf("inspect: a prior needs images, the data set has none")
	case height < 1 || width < 1:
		return nil, fmt.Errorf("inspect: images of %d×%d pixels", height, width)
	}
	if err := checkImages(d, inputs); err != nil {
		return nil, err
	}
	p := &Prior{Height: height, Width: width, Mean: meanImage(d, inputs)}
	for i := range n {
		if i%512 == 0 {
			if err := context.Cause(ctx); err != nil {
				return nil, err
			}
		}
		x := Pixels(d.Images[i*inputs : (i+1)*inputs])
		p.Variation += p.variation(x, nil, 0) / float64(n)
		for k, v := range x {
			p.Variance += (v - p.Mean[k]) * (v - p.Mean[k]) / float64(n)
		}
	}
	some := make([][]float64, min(n, priorImages))
	for s := range some {
		i := s * n / len(some)
		some[s] = Pixels(d.Images[i*inputs : (i+1)*inputs])
		for k := range some[s] {
			some[s][k] -= p.Mean[k]
		}
	}
	sums := make([]float64, len(some))
	if err := share(ctx, len(some), func(s int) {
		for _, other := range some[:s] {
			c := dot(some[s], other)
			sums[s] += c * c
		}
	}); err != nil {
		return nil, err
	}
	var square float64
	for _, v := range sums {
		square += v
	}
	if pairs := float64(len(some)*(len(some)-1)) / 2; square > 0 {
		p.Dimension = p.Variance * p.Variance / (square / pairs)
	}
	return p, nil
}

// check reports a prior that is not for n.
func (p *Prior) check(n Net) error {
	if p.Height*p.Width != n.Spec.Inputs || len(p.Mean) != n.Spec.Inputs {
		return fmt.Errorf("inspect: prior of %d×%d images for %v: want %d values", p.Height, p.Width, n.Spec,
			n.Spec.Inputs)
	}
	return nil
}

// edge rounds total variation off below it, in units of a pixel's range, so that it has a gradient.
const edge = 0.05

// variation returns TV(x) = Σ_p √(Δx² + Δy² + edge²) − edge, with differences to the right and below, 0 beyond the rim
// (Rudin, Osher and Fatemi 1992); it adds by·∂TV/∂x to g unless that is nil.
func (p *Prior) variation(x, g []float64, by float64) float64 {
	var sum float64
	w := p.Width
	for i, v := range x {
		var dx, dy float64
		right, below := i%w+1 < w, i+w < len(x)
		if right {
			dx = x[i+1] - v
		}
		if below {
			dy = x[i+w] - v
		}
		r := math.Sqrt(dx*dx + dy*dy + edge*edge)
		sum += r - edge
		if g == nil {
			continue
		}
		g[i] -= by * (dx + dy) / r
		if right {
			g[i+1] += by * dx / r
		}
		if below {
			g[i+w] += by * dy / r
		}
	}
	return sum
}

// Dreamt is an image made up to excite a target.
type Dreamt struct {
	Image   []float32 // Inputs, in [0, 1], as it would be drawn
	Value   float64   // F of Image; write it beside the data's largest, it may well be less
	AtMean  float64   // F of the mean image
	Free    []float32 // the closed form before it was cut to [0, 1]; nil for Dream
	AtFree  float64   // F of Free
	Radius  float64   // Mahalanobis distance of Free from μ; 0 for Dream
	Tau     float64   // τ; 0 for Dream and for a neuron that no image moves
	Distant float64   // ‖Image − μ‖ / √(tr Σ): 1 is as far from the mean as the data's images are
	Steps   int       // taken by Dream
}

// DreamNeuron returns the image that excites a neuron of the first layer most under a Gaussian prior N(μ, Σ) made of
// the data: w·x − τ/2·(x − μ)ᵀΣ⁻¹(x − μ) is largest at
//
//	x = μ + Σw/τ
//
// with Σw the neuron's pattern (see Patterns), so Σ is neither formed nor inverted. That image lies at the Mahalanobis
// distance √(wᵀΣw)/τ. τ is chosen so that this is radius; radius 0 is √Dimension, about how far the data's images lie
// when Σ is taken to have Dimension directions of equal variance. (Counting every direction with any variance, √rank Σ,
// would put the image many standard deviations out along a single one.) The image is then cut to [0, 1].
func (n Net) DreamNeuron(neuron int, p *Prior, pattern []float32, radius float64) (*Dreamt, error) {
	t, err := n.Target(0, neuron, -1)
	if err != nil {
		return nil, err
	}
	if err := p.check(n); err != nil {
		return nil, err
	}
	if len(pattern) != n.Spec.Inputs {
		return nil, sizes("values of the pattern", n.Spec.Inputs, len(pattern))
	}
	if radius == 0 {
		radius = math.Sqrt(p.Dimension)
	}
	var variance float64 // wᵀΣw
	w := n.gradient(n.forward(p.Mean), t)
	for i, v := range pattern {
		variance += w[i] * float64(v)
	}
	d := &Dreamt{}
	x, cut := make([]float64, len(w)), make([]float64, len(w))
	copy(x, p.Mean)
	if variance > 0 && radius > 0 {
		d.Tau, d.Radius = math.Sqrt(variance)/radius, radius
		for i, v := range pattern {
			x[i] += float64(v) / d.Tau
		}
	}
	for i, v := range x {
		cut[i] = min(1, max(0, v))
	}
	d.Free, d.AtFree = narrow(x), t.value(n.forward(x))
	n.finish(d, t, p, cut)
	return d, nil
}

func (n Net) finish(d *Dreamt, t Target, p *Prior, x []float64) {
	d.Image, d.Value, d.AtMean = narrow(x), t.value(n.forward(x)), t.value(n.forward(p.Mean))
	if p.Variance > 0 {
		d.Distant = math.Sqrt(distance(x, p.Mean) / p.Variance)
	}
}

func distance(x, y []float64) float64 {
	var sum float64
	for i, v := range x {
		sum += (v - y[i]) * (v - y[i])
	}
	return sum
}

// DreamOptions are the weights of what holds a made-up image back, and how long it is worked at.
type DreamOptions struct {
	Reach float64 // what F gains from its mean to its largest over the data set: the unit of the penalties; must be > 0
	L2    float64 // cost, in Reach, of an image as far from μ as the data's are; 0 = 1/2, negative = none
	TV    float64 // cost, in Reach, of an image of as much total variation as the data's; 0 = 1/2, negative = none
	Steps int     // most steps of ascent; 0 = 300
}

// Dream returns an image in [0, 1] that excites a target of any layer, by projected gradient ascent from the mean image
// on
//
//	F(x) − Reach·(L2·‖x − μ‖²/tr Σ + TV·TV(x)/E TV)
//
// (Simonyan, Vedaldi and Zisserman 2014, equation 1, with L2; Mahendran and Vedaldi 2015 with total
// variation). A step that does not raise it is halved and tried again, one that does is followed by a longer one.
func (n Net) Dream(ctx context.Context, t Target, p *Prior, o DreamOptions) (*Dreamt, error) {
	if err := n.checkTarget(t); err != nil {
		return nil, err
	}
	if err := p.check(n); err != nil {
		return nil, err
	}
	if !(o.Reach > 0) || math.IsInf(o.Reach, 0) {
		return nil, fmt.Errorf("inspect: dream with a reach of %v, want more than 0 and finite", o.Reach)
	}
	share := func(v, unit float64) float64 {
		switch {
		case v < 0 || unit == 0:
			return 0
		case v == 0:
			v = 0.5
		}
		return v * o.Reach / unit
	}
	l2, tv := share(o.L2, p.Variance), share(o.TV, p.Variation)
	if o.Steps == 0 {
		o.Steps = 300
	}
	score := func(x []float64) float64 {
		return t.value(n.forward(x)) - l2*distance(x, p.Mean) - tv*p.variation(x, nil, 0)
	}
	d := &Dreamt{}
	x, next := append([]float64(nil), p.Mean...), make([]float64, len(p.Mean))
	best, step := score(x), 0.0
	for d.Steps < o.Steps {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		g := n.gradient(n.forward(x), t)
		for i := range g {
			g[i] -= 2 * l2 * (x[i] - p.Mean[i])
		}
		p.variation(x, g, -tv)
		norm := math.Sqrt(dot(g, g))
		if !(norm > 0) || math.IsInf(norm, 0) {
			break
		}
		if step == 0 {
			step = 0.1 * math.Sqrt(p.Variance) / norm // a tenth of the way to a typical image
		}
		moved := false
		for range 40 {
			for i, v := range x {
				next[i] = min(1, max(0, v+step*g[i]))
			}
			if s := score(next); s > best {
				moved = s-best > 1e-7*o.Reach
				best = s
				x, next = next, x
				step *= 1.5
				break
			}
			step /= 2
		}
		if !moved {
			break
		}
		d.Steps++
	}
	n.finish(d, t, p, x)
	return d, nil
}
