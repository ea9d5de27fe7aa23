package engine

import "fmt"

// Program is a network's training step and its forward pass as plain data: buffers, and instructions that read and
// write them. Package graph makes it from a Gorgonia graph; a Backend runs it.
//
// A step runs Train once from top to bottom; inference runs Infer. Parameters and optimiser state keep their values
// between steps. All other buffers are scratch: an executor may fuse instructions and never write one, as long as
// parameters, state, Loss and what Infer is asked for come out the same up to rounding.
type Program struct {
	Spec     Spec
	Capacity int      // most rows of a training step
	Buffers  []Buffer // indexed by Ref
	Params   []Ref    // W and b of each layer, in order
	State    []Ref    // the optimiser's state
	Layers   []LayerRefs
	Loss     Ref // scalar: mean data loss of the step, without penalties
	Train    []Instr
	Infer    []Instr
}

// Ref is an index into Program.Buffers; None where an instruction has no such operand.
type Ref int32

// None is the Ref of an operand that is not there.
const None Ref = -1

// Buffer is a row-major matrix of float32.
type Buffer struct {
	Name  string // unique; parameters and state have the names of [Spec.ParamInfo] and [Spec.StateInfo]
	Batch bool   // one row per example of the step; Rows is then 0
	Rows  int    // 1 for vectors and scalars
	Cols  int
}

// Len returns the number of elements when a step has n rows.
func (b Buffer) Len(n int) int {
	if b.Batch {
		return n * b.Cols
	}
	return b.Rows * b.Cols
}

// LayerRefs names what inference computes for one layer.
type LayerRefs struct {
	Z Ref // weighted inputs z = x·W + b, n×Units
	A Ref // activations a = σ(z), n×Units; the same as Z for the identity
}

// Instr is one instruction. Which operands and constants count depends on Op.
type Instr struct {
	Op  Op
	Out Ref
	In  [3]Ref // None where not used

	Activation            Activation // OpActivate, OpActivateGrad, OpLoss, OpLossGrad
	Loss                  Loss       // OpLoss, OpLossGrad
	Keep                  float32    // OpMask: probability that an element is kept
	Layer                 int        // OpMask: layer number, from 1; the mask's stream
	L2, L1                float32    // OpUpdate, OpPenaltyGrad: λ/n
	Method                Method     // OpUpdate
	Momentum              float32    // OpUpdate
	Beta1, Beta2, Epsilon float32    // OpUpdate
}

// Op is what an instruction does. Rows run over the n examples of the step; W is In×Out.
type Op uint8

// The operations. x, W, … are the operands in the order of Instr.In.
const (
	OpImages       Op = iota // Out = pixels of the step's examples / 255, n×Inputs
	OpLabels                 // Out = one-hot labels of the step's examples, n×Classes
	OpMask                   // Out = dropout mask, n×Units: 1/Keep with probability Keep, else 0; see kernel.Mask
	OpDense                  // x W b: Out = x·W + b
	OpDenseDX                // δ W:   Out = δ·Wᵀ
	OpDenseDW                // x δ:   Out = xᵀ·δ
	OpDenseDB                // δ:     Out = Σ_rows δ
	OpActivate               // z:     Out = σ(z)
	OpActivateGrad           // a g:   Out = g ⊙ σ'(z), written with a = σ(z); for softmax a ⊙ (g − Σ_k g_k a_k)
	OpMul                    // x m:   Out = x ⊙ m
	OpAdd                    // x y:   Out = x + y
	OpLoss                   // p y:   Out = mean loss of the rows; p = a for the quadratic loss, z for cross-entropy
	OpLossGrad               // p y:   Out = ∂(mean loss)/∂p
	OpPenaltyGrad            // W:     Out = L2·W + L1·sgn(W), sgn(0) = 0
	// g s t: Out = parameter, changed by Method with gradient g + L2·w + L1·sgn(w) and state s, t
	OpUpdate
)

var opNames = [...]string{
	"images", "labels", "mask", "dense", "dense-dx", "dense-dw", "dense-db", "activate", "activate-grad", "mul", "add",
	"loss", "loss-grad", "penalty-grad", "update",
}

// String returns the operation's name.
func (o Op) String() string {
	if int(o) < len(opNames) {
		return opNames[o]
	}
	return fmt.Sprintf("op(%d)", o)
}

// Operands returns how many of Instr.In the instruction reads.
func (i Instr) Operands() int {
	n := 0
	for n < len(i.In) && i.In[n] != None {
		n++
	}
	return n
}
