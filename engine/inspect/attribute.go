package inspect

import (
	"context"
	"fmt"
	"math"
)

// AttributeMethod is a way to share a target out over the inputs.
type AttributeMethod uint8

// The methods.
const (
	GradientInput       AttributeMethod = iota // x ⊙ ∂F/∂x: the local linear map times the image
	IntegratedGradients                        // Sundararajan, Taly and Yan 2017, equation 1
	LRP                                        // LRP-ε: Bach et al. 2015, equation 58
)

// String returns the method's name.
func (m AttributeMethod) String() string {
	switch m {
	case GradientInput:
		return "gradient×input"
	case IntegratedGradients:
		return "integrated gradients"
	case LRP:
		return "LRP-ε"
	}
	return fmt.Sprintf("attribution method %d", uint8(m))
}

// AttributeOptions are what the methods can be told.
type AttributeOptions struct {
	Baseline []float64 // x′ of integrated gradients, Inputs; nil = all black
	Steps    int       // m of integrated gradients; 0 = 128
	Epsilon  float64   // ε of LRP, in units of z; 0 = 0.01
}

// Attribution is a target shared out over the inputs of one image.
type Attribution struct {
	Map      []float32 // Inputs
	Sum      float64   // Σ Map
	Whole    float64   // what the shares are of: F(x), for integrated gradients F(x) − F(x′)
	Residual float64   // Whole − Sum
	// What LRP did not hand on to the inputs; together they are its Residual. 0 for the other methods.
	Bias       float64 // relevance that ended in biases
	Stabiliser float64 // relevance that ε took
}

// Attribute shares a target out over the inputs of an image, x: Inputs.
//
//	gradient×input        x_p·∂F/∂x_p(x)
//	integrated gradients  (x_p − x′_p)·1/m Σ_i ∂F/∂x_p(x′ + (i−½)/m·(x − x′)), the midpoint rule
//	LRP-ε                 R_i = Σ_j a_i·W_ij/(z_j + ε·sgn z_j)·R_j from R = Weights ⊙ z of the target's layer down;
//	                      sgn 0 = 1
//
// The shares of integrated gradients add up to F(x) − F(x′) (completeness, their proposition 1) up to the rule's error:
// Residual. LRP conserves F up to what biases and ε take: Residual. A sigmoid neuron at its threshold has a = ½ and z
// near 0, and LRP gives its inputs large shares of both signs; a larger ε damps them. Gradient×input obeys no such law;
// its Residual says how far the network is from linear.
func (n Net) Attribute(ctx context.Context, m AttributeMethod, x []float64, t Target, o AttributeOptions) (Attribution,
	error,
) {
	if err := n.checkTarget(t); err != nil {
		return Attribution{}, err
	}
	if err := n.checkInput(x); err != nil {
		return Attribution{}, err
	}
	p := n.forward(x)
	a := Attribution{Whole: t.value(p)}
	var shares []float64
	switch m {
	case GradientInput:
		shares = n.gradient(p, t)
		for i, v := range x {
			shares[i] *= v
		}
	case IntegratedGradients:
		base := o.Baseline
		if base == nil {
			base = make([]float64, len(x))
		}
		if err := n.checkInput(base); err != nil {
			return Attribution{}, fmt.Errorf("baseline: %w", err)
		}
		if o.Steps == 0 {
			o.Steps = 128
		}
		if o.Steps < 0 {
			return Attribution{}, fmt.Errorf("inspect: integrated gradients with %d steps, want at least 1", o.Steps)
		}
		a.Whole -= t.value(n.forward(base))
		var err error
		if shares, err = n.integrate(ctx, x, base, t, o.Steps); err != nil {
			return Attribution{}, err
		}
	case LRP:
		if o.Epsilon == 0 {
			o.Epsilon = 0.01
		}
		if !(o.Epsilon > 0) {
			return Attribution{}, fmt.Errorf("inspect: ε of LRP is %v, want more than 0", o.Epsilon)
		}
		shares = n.relevance(p, t, o.Epsilon, &a)
	default:
		return Attribution{}, fmt.Errorf("inspect: %v", m)
	}
	for _, v := range shares {
		a.Sum += v
	}
	a.Residual = a.Whole - a.Sum
	a.Map = narrow(shares)
	return a, nil
}

// integrate returns the shares of integrated gradients. Along the straight line from x′ to x the first layer's z is
// straight as well, and ∂F/∂x = W1·∂F/∂z1: the m images never meet the first layer's weights.
func (n Net) integrate(ctx context.Context, x, base []float64, t Target, steps int) ([]float64, error) {
	from, to := n.weigh(0, base), n.weigh(0, x)
	total := make([]float64, len(to)) // Σ ∂F/∂z1
	z := make([]float64, len(to))
	for i := range steps {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		at := (float64(i) + 0.5) / float64(steps)
		for j := range z {
			z[j] = from[j] + at*(to[j]-from[j])
		}
		for j, v := range n.onFirst(z, t) {
			total[j] += v
		}
	}
	shares := n.transposed(0, total)
	for p := range shares {
		shares[p] *= (x[p] - base[p]) / float64(steps)
	}
	return shares, nil
}

// onFirst returns ∂F/∂z of the first layer where that is z.
func (n Net) onFirst(z []float64, t Target) []float64 {
	if t.Layer == 0 {
		return t.Weights
	}
	p := Pass{Z: [][]float64{z}}
	for l := range n.Spec.Layers {
		if l > 0 {
			z = n.weigh(l, p.A[l-1])
			p.Z = append(p.Z, z)
		}
		p.A = append(p.A, activate(z, n.Spec.Layers[l].Activation))
	}
	slopes := n.slopes(p)
	d := n.descend(t, slopes, 1)[1]
	for j := range d {
		d[j] *= slopes[0][j]
	}
	return d
}

// relevance returns the shares of LRP-ε and notes in a what biases and ε took.
func (n Net) relevance(p Pass, t Target, epsilon float64, a *Attribution) []float64 {
	r := make([]float64, len(t.Weights))
	for k, w := range t.Weights {
		r[k] = w * p.Z[t.Layer][k]
	}
	for l := t.Layer; l >= 0; l-- {
		bias, s := n.Params.Bias(l+1).Data, make([]float64, len(r))
		for j, z := range p.Z[l] {
			e := math.Copysign(epsilon, z)
			if z == 0 {
				e = epsilon
			}
			s[j] = r[j] / (z + e)
			a.Bias += float64(bias[j]) * s[j]
			a.Stabiliser += e * s[j]
		}
		in := p.X
		if l > 0 {
			in = p.A[l-1]
		}
		r = n.transposed(l, s)
		for i, v := range in {
			r[i] *= v
		}
	}
	return r
}

// Likeness is how alike two attributions are over the pixels that are not black: 1 = the same, 0 = unrelated.
type Likeness struct {
	Pearson     float64 // correlation of the shares
	Spearman    float64 // correlation of their ranks
	SpearmanAbs float64 // correlation of the ranks of their absolute values: the same places, whatever the sign
}

// Control is an attribution beside the same for randomised weights (Adebayo et al. 2018).
type Control struct {
	Method  AttributeMethod
	Net     Attribution
	Random  Attribution // for Net.Randomised
	Between Likeness    // of the two; near 1 would say that the picture shows the image and not what was learned
}

// AttributeAll computes an attribution by every method, each with its control for the same network with weights drawn
// afresh from seed.
func (n Net) AttributeAll(ctx context.Context, x []float64, t Target, o AttributeOptions, seed uint64) ([]Control,
	error,
) {
	if err := n.checkTarget(t); err != nil {
		return nil, err
	}
	random := n.Randomised(seed)
	var all []Control
	for _, m := range []AttributeMethod{GradientInput, IntegratedGradients, LRP} {
		c := Control{Method: m}
		var err error
		if c.Net, err = n.Attribute(ctx, m, x, t, o); err != nil {
			return nil, err
		}
		if c.Random, err = random.Attribute(ctx, m, x, t, o); err != nil {
			return nil, err
		}
		c.Between = Alike(c.Net.Map, c.Random.Map, x)
		all = append(all, c)
	}
	return all, nil
}

// Alike compares two maps over the pixels where x is not 0: where it is, every attribution from black is 0, and two
// maps would agree there whatever they show. All Inputs.
func Alike(a, b []float32, x []float64) Likeness {
	var u, v []float64
	for p, ink := range x {
		if ink != 0 {
			u, v = append(u, float64(a[p])), append(v, float64(b[p]))
		}
	}
	l := Likeness{Pearson: Correlation(u, v), Spearman: Correlation(ranks(u), ranks(v))}
	for i := range u {
		u[i], v[i] = math.Abs(u[i]), math.Abs(v[i])
	}
	l.SpearmanAbs = Correlation(ranks(u), ranks(v))
	return l
}

// Correlation returns Pearson's correlation; 0 when either is constant or there are none.
func Correlation(a, b []float64) float64 {
	if len(a) == 0 {
		return 0
	}
	var ma, mb float64
	for i := range a {
		ma += a[i]
		mb += b[i]
	}
	ma /= float64(len(a))
	mb /= float64(len(a))
	var aa, bb, ab float64
	for i := range a {
		aa += (a[i] - ma) * (a[i] - ma)
		bb += (b[i] - mb) * (b[i] - mb)
		ab += (a[i] - ma) * (b[i] - mb)
	}
	if aa == 0 || bb == 0 {
		return 0
	}
	return ab / math.Sqrt(aa*bb)
}

// ranks returns the rank of each value, equals sharing their mean rank.
func ranks(v []float64) []float64 {
	order := Descending(v)
	r := make([]float64, len(v))
	for lo := 0; lo < len(order); {
		hi := lo + 1
		for hi < len(order) && v[order[hi]] == v[order[lo]] {
			hi++
		}
		for _, i := range order[lo:hi] {
			r[i] = float64(lo+hi-1) / 2
		}
		lo = hi
	}
	return r
}
