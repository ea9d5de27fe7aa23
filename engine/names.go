package engine

import (
	"fmt"
	"strings"
)

// Activation is the function σ of a layer, a = σ(z).
type Activation uint8

// The activations. Softmax works on a whole row and is for the output layer.
const (
	Identity Activation = iota // a = z
	Sigmoid                    // a = 1/(1+e⁻ᶻ)
	Tanh                       // a = tanh z
	ReLU                       // a = max(0, z)
	Softmax                    // a_k = e^{z_k} / Σ_j e^{z_j}
)

// Loss is the cost C of a batch of n examples, always the mean over the examples.
type Loss uint8

// The losses. CrossEntropy is fused with the output activation: with sigmoid outputs it is the binary cross-entropy
// summed over the outputs, with softmax outputs the categorical one.
const (
	Quadratic    Loss = iota // C = 1/(2n) Σ‖a − y‖² (Nielsen, chapter 1, equation 6)
	CrossEntropy             // C = −1/n Σ y ln a (+ (1−y) ln(1−a) for sigmoid; Nielsen, chapter 3, equation 63)
)

// Init is the distribution of the start weights W₀; see [Spec.NewParams].
type Init uint8

// The initialisers, for a layer with fan-in n and fan-out m.
const (
	InitScaled Init = iota // W ~ N(0, 1/n), b ~ N(0, 1): Nielsen, chapter 3, "weight initialization"
	InitNormal             // W, b ~ N(0, 1): Nielsen, chapter 1
	InitXavier             // W ~ U(±√(6/(n+m))), b = 0: Glorot and Bengio 2010, equation 16
	InitHe                 // W ~ N(0, 2/n), b = 0: He et al. 2015, equation 10
	InitZeros              // W = b = 0: for what goes wrong then
)

// Method is an optimisation method: how a gradient becomes a change of the parameters.
type Method uint8

// The methods, with g the gradient, η the learning rate and μ the momentum.
const (
	SGD      Method = iota // w ← w − ηg
	Momentum               // v ← μv − ηg; w ← w + v (Sutskever et al. 2013, equations 1 and 2)
	Nesterov               // v ← μv − ηg; w ← w + μv − ηg (Sutskever et al. 2013, at the point looked ahead to)
	Adam                   // Kingma and Ba 2015, algorithm 1
)

// ScheduleKind says how the learning rate changes over a run.
type ScheduleKind uint8

// The schedules.
const (
	Constant ScheduleKind = iota // η stays
	Step                         // η/10 in the last fifth of the run
	// η falls from the start to zero on half a cosine (Loshchilov and Hutter 2017, equation 5)
	Cosine
)

var (
	activationNames = []string{"identity", "sigmoid", "tanh", "relu", "softmax"}
	lossNames       = []string{"quadratic", "cross-entropy"}
	initNames       = []string{"scaled", "normal", "xavier", "he", "zeros"}
	methodNames     = []string{"sgd", "momentum", "nesterov", "adam"}
	scheduleNames   = []string{"constant", "step", "cosine"}
)

func nameOf[E ~uint8](names []string, e E) string {
	if int(e) < len(names) {
		return names[e]
	}
	return fmt.Sprintf("unknown(%d)", e)
}

func parseName[E ~uint8](e *E, what string, names []string, text []byte) error {
	for i, n := range names {
		if n == string(text) {
			*e = E(i)
			return nil
		}
	}
	return fmt.Errorf("engine: unknown %s %q; want one of %s", what, text, strings.Join(names, " "))
}

// String returns the name that UnmarshalText takes.
func (a Activation) String() string { return nameOf(activationNames, a) }

// String returns the name that UnmarshalText takes.
func (l Loss) String() string { return nameOf(lossNames, l) }

// String returns the name that UnmarshalText takes.
func (i Init) String() string { return nameOf(initNames, i) }

// String returns the name that UnmarshalText takes.
func (m Method) String() string { return nameOf(methodNames, m) }

// String returns the name that UnmarshalText takes.
func (k ScheduleKind) String() string { return nameOf(scheduleNames, k) }

// MarshalText returns the activation's name.
func (a Activation) MarshalText() ([]byte, error) { return []byte(a.String()), nil }

// MarshalText returns the loss's name.
func (l Loss) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// MarshalText returns the initialiser's name.
func (i Init) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// MarshalText returns the method's name.
func (m Method) MarshalText() ([]byte, error) { return []byte(m.String()), nil }

// MarshalText returns the schedule's name.
func (k ScheduleKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText sets a from its name; the error lists the names.
func (a *Activation) UnmarshalText(text []byte) error {
	return parseName(a, "activation", activationNames, text)
}

// UnmarshalText sets l from its name; the error lists the names.
func (l *Loss) UnmarshalText(text []byte) error { return parseName(l, "loss", lossNames, text) }

// UnmarshalText sets i from its name; the error lists the names.
func (i *Init) UnmarshalText(text []byte) error { return parseName(i, "init", initNames, text) }

// UnmarshalText sets m from its name; the error lists the names.
func (m *Method) UnmarshalText(text []byte) error {
	return parseName(m, "optimizer", methodNames, text)
}

// UnmarshalText sets k from its name; the error lists the names.
func (k *ScheduleKind) UnmarshalText(text []byte) error {
	return parseName(k, "schedule", scheduleNames, text)
}
