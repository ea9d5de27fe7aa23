package graph

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	G "gorgonia.org/gorgonia"

	"neuroloupe/engine"
)

// LowerError says which node of a graph has no place in a Program.
type LowerError struct {
	Node string // its name, or what Gorgonia prints where it has none
	Op   string // what it does
	Why  string
}

// Error names the node, its operator and the reason.
func (e *LowerError) Error() string {
	return fmt.Sprintf("graph: cannot lower node %s (%s): %s", e.Node, e.Op, e.Why)
}

func refuse(n *G.Node, format string, args ...any) error {
	op := "input"
	if n.Op() != nil {
		op = n.Op().String()
	}
	return &LowerError{Node: n.Name(), Op: op, Why: fmt.Sprintf(format, args...)}
}

// Compile builds the graph of spec and lowers it to a Program for training steps of at most capacity rows.
func Compile(spec engine.Spec, capacity int) (*engine.Program, error) {
	net, err := Build(spec, 1)
	if err != nil {
		return nil, err
	}
	return Lower(net, capacity)
}

// Lower turns a network's graph into a Program for training steps of at most capacity rows, whatever the rows it was
// built for. Instructions come in the order in which the nodes were added, so that the same Spec gives the same
// Program: images, labels and masks, forward pass, loss, backward pass, updates. Nodes that neither the loss nor a
// gradient nor a layer needs are left out. Three things are folded away: the constant 1 that differentiation starts
// from, the gradient of a weight's penalty where it is added to that of the loss (the update adds it), and dropout in
// inference.
//
// The error is a *[LowerError] when a node is not an [Op] with an instruction or a sum of gradients.
func Lower(net *Net, capacity int) (*engine.Program, error) {
	if capacity < 1 {
		return nil, fmt.Errorf("graph: program of network %v for steps of %d rows, want at least 1", net.Spec, capacity)
	}
	l := &lowering{
		program: &engine.Program{Spec: net.Spec, Capacity: capacity},
		refs:    map[*G.Node]engine.Ref{},
		names:   map[string]bool{},
		masks:   map[*G.Node]bool{},
	}
	for _, m := range net.Masks {
		l.masks[m] = true
	}
	if err := l.params(net); err != nil {
		return nil, err
	}
	if err := l.train(net); err != nil {
		return nil, err
	}
	return l.program, l.infer(net)
}

// lowering is a Program in the making.
type lowering struct {
	program *engine.Program
	refs    map[*G.Node]engine.Ref // buffers of the nodes so far
	names   map[string]bool        // of the buffers
	masks   map[*G.Node]bool
	infers  bool // inference is being lowered: masks are left out
}

// buffer adds a buffer under a name that is still free.
func (l *lowering) buffer(b engine.Buffer) engine.Ref {
	name := b.Name
	for i := 2; l.names[b.Name]; i++ {
		b.Name = fmt.Sprintf("%s.%d", name, i)
	}
	l.names[b.Name] = true
	if b.Batch {
		b.Rows = 0
	}
	l.program.Buffers = append(l.program.Buffers, b)
	return engine.Ref(len(l.program.Buffers) - 1)
}

// params adds the parameters and the optimiser's state.
func (l *lowering) params(net *Net) error {
	info := net.Spec.ParamInfo()
	if len(net.Params) != len(info) || len(net.Grads) != len(info) || len(net.Layers) != len(net.Spec.Layers) {
		return fmt.Errorf("graph: network %v with %d layers, %d parameters and %d gradients, want %d, %d and %d",
			net.Spec,
			len(net.Layers), len(net.Params), len(net.Grads), len(net.Spec.Layers), len(info), len(info))
	}
	if net.X == nil || net.Y == nil || net.Loss == nil {
		return fmt.Errorf("graph: network %v without x, y or loss; make it with Build", net.Spec)
	}
	for i, p := range info {
		if n := net.Params[i]; !slices.Equal(n.Shape(), p.Shape) {
			return refuse(n, "shape %v, want %v for %s", n.Shape(), p.Shape, p.Name)
		}
		ref := l.buffer(matrix(p.Name, p.Shape))
		l.refs[net.Params[i]] = ref
		l.program.Params = append(l.program.Params, ref)
	}
	for _, s := range net.Spec.StateInfo() {
		l.program.State = append(l.program.State, l.buffer(matrix(s.Name, s.Shape)))
	}
	return nil
}

// matrix returns the buffer of a tensor of at most two dimensions.
func matrix(name string, shape []int) engine.Buffer {
	b := engine.Buffer{Name: name, Rows: 1, Cols: 1}
	if len(shape) > 0 {
		b.Cols = shape[len(shape)-1]
	}
	if len(shape) > 1 {
		b.Rows = shape[0]
	}
	return b
}

// input adds a node that an instruction without operands fills, one row per example.
func (l *lowering) input(in engine.Instr, n *G.Node) error {
	if n.Dims() != 2 {
		return refuse(n, "shape %v, want rows×columns", n.Shape())
	}
	in.Out = l.buffer(engine.Buffer{Name: n.Name(), Batch: true, Cols: n.Shape()[1]})
	in.In = [3]engine.Ref{engine.None, engine.None, engine.None}
	l.refs[n] = in.Out
	l.program.Train = append(l.program.Train, in)
	return nil
}

func (l *lowering) train(net *Net) error {
	if err := l.input(engine.Instr{Op: engine.OpImages}, net.X); err != nil {
		return err
	}
	l.program.Infer = slices.Clone(l.program.Train)
	if err := l.input(engine.Instr{Op: engine.OpLabels}, net.Y); err != nil {
		return err
	}
	for i, m := range net.Masks {
		if err := l.input(engine.Instr{Op: engine.OpMask, Keep: keep(net.Spec), Layer: i + 1}, m); err != nil {
			return err
		}
	}
	roots := G.Nodes{net.Loss}
	updates := make([]engine.Instr, len(net.Grads))
	for i, g := range net.Grads {
		updates[i] = updateInstr(net.Spec.Update)
		if data, penalty := splitPenalty(g, net.Params[i]); penalty != nil {
			updates[i].L2, updates[i].L1 = penalty.L2, penalty.L1
			g = data
		}
		roots = append(roots, g)
	}
	if err := l.nodes(&l.program.Train, roots); err != nil {
		return err
	}
	l.program.Loss = l.refs[net.Loss]
	kept := len(net.Spec.Update.Method.StateNames())
	for i, update := range updates {
		update.Out = l.program.Params[i]
		update.In = [3]engine.Ref{l.refs[roots[i+1]], engine.None, engine.None}
		copy(update.In[1:], l.program.State[kept*i:kept*(i+1)])
		l.program.Train = append(l.program.Train, update)
	}
	return nil
}

func (l *lowering) infer(net *Net) error {
	l.infers = true
	var roots G.Nodes
	for _, layer := range net.Layers {
		roots = append(roots, layer.Z, layer.A)
	}
	if err := l.nodes(&l.program.Infer, roots); err != nil {
		return err
	}
	for _, layer := range net.Layers {
		l.program.Layers = append(l.program.Layers, engine.LayerRefs{Z: l.refs[layer.Z], A: l.refs[layer.A]})
	}
	return nil
}

// nodes appends to code what computes roots. Nodes are numbered as they are added, operands before what reads them, so
// that sorting by number is both the order of the text that built the graph and a topological one.
func (l *lowering) nodes(code *[]engine.Instr, roots G.Nodes) error {
	operands := map[*G.Node]G.Nodes{}
	var live G.Nodes
	var visit func(n *G.Node) error
	visit = func(n *G.Node) error {
		if _, seen := operands[n]; seen || l.given(n) {
			return nil
		}
		in, err := l.operands(n)
		if err != nil {
			return err
		}
		operands[n] = in
		live = append(live, n)
		for _, c := range in {
			if err := visit(c); err != nil {
				return err
			}
		}
		return nil
	}
	for _, r := range roots {
		if err := visit(r); err != nil {
			return err
		}
	}
	slices.SortFunc(live, func(a, b *G.Node) int { return cmp.Compare(a.ID(), b.ID()) })
	for _, n := range live {
		in, err := l.instr(n, operands[n])
		if err != nil {
			return err
		}
		*code = append(*code, in)
	}
	return nil
}

// given says that n is a parameter or filled by an instruction that is already there.
func (l *lowering) given(n *G.Node) bool {
	_, ok := l.refs[n]
	return ok && n.Op() == nil
}

// operands returns the nodes that the instruction of n reads, or why it has none.
func (l *lowering) operands(n *G.Node) (G.Nodes, error) {
	in := childrenOf(n)
	if isSum(n) {
		return in, nil
	}
	op, ok := n.Op().(*Op)
	switch {
	case n.Op() == nil:
		return nil, refuse(n, "it is neither a parameter nor x, y or a mask of the network")
	case !ok:
		return nil, refuse(n, "it is neither an operator of package graph nor a sum of gradients")
	case int(op.Kind) >= len(instructions) || instructions[op.Kind] == noInstr:
		return nil, refuse(n, "there is no such instruction")
	case op.Kind == LossGrad || op.Kind == PenaltyGrad:
		up := in[len(in)-1]
		if !isOne(up) {
			return nil, refuse(n, "the gradient from above is %v, want the constant 1", up)
		}
		in = in[:len(in)-1]
	}
	if l.infers {
		for k, c := range in {
			in[k] = l.withoutMask(c)
		}
	}
	return in, nil
}

// withoutMask returns the node that n is the dropout of, else n.
func (l *lowering) withoutMask(n *G.Node) *G.Node {
	if op, ok := n.Op().(*Op); ok && op.Kind == Mul {
		if in := childrenOf(n); l.masks[in[1]] {
			return in[0]
		}
	}
	return n
}

// instr returns the instruction of n and makes the buffer it writes, unless training has made it already.
func (l *lowering) instr(n *G.Node, operands G.Nodes) (engine.Instr, error) {
	out := matrix(n.Name(), n.Shape())
	in := engine.Instr{Op: engine.OpAdd, In: [3]engine.Ref{engine.None, engine.None, engine.None}}
	for k, c := range operands {
		ref, ok := l.refs[c]
		if !ok {
			return in, refuse(n, "it was added to the graph before its operand %s", c.Name())
		}
		in.In[k] = ref
	}
	if op, ok := n.Op().(*Op); ok {
		in.Op = instructions[op.Kind]
		in.Activation, in.Loss, in.L2, in.L1 = op.Activation, op.Loss, op.L2, op.L1
		sig := op.signature()
		out.Batch = strings.HasPrefix(sig.out, "n")
		for k, c := range operands {
			if b := l.program.Buffers[in.In[k]]; b.Batch != strings.HasPrefix(sig.in[k], "n") {
				return in, refuse(n, "operand %d, %s, has one row per example: %t, want %t", k+1, c.Name(), b.Batch,
					!b.Batch)
			}
		}
	} else {
		x, y := l.program.Buffers[in.In[0]], l.program.Buffers[in.In[1]]
		out.Name = x.Name + ".sum"
		out.Batch = x.Batch
		if x.Rows != y.Rows || x.Cols != y.Cols { // a batch counts 0 rows, so it is never a parameter's shape
			return in, refuse(n, "it adds %s and %s, whose shapes differ", x.Name, y.Name)
		}
	}
	if _, ok := l.refs[n]; !ok {
		l.refs[n] = l.buffer(out)
	}
	in.Out = l.refs[n]
	return in, nil
}

const noInstr engine.Op = 255

// instructions are those of the operators; an operand that says where the gradient comes from is not among theirs.
var instructions = [...]engine.Op{
	Dense:        engine.OpDense,
	DenseDX:      engine.OpDenseDX,
	DenseDW:      engine.OpDenseDW,
	DenseDB:      engine.OpDenseDB,
	Activate:     engine.OpActivate,
	ActivateGrad: engine.OpActivateGrad,
	Mul:          engine.OpMul,
	Loss:         engine.OpLoss,
	LossGrad:     engine.OpLossGrad,
	Penalty:      noInstr,
	PenaltyGrad:  engine.OpPenaltyGrad,
	Sum:          noInstr,
}

// keep returns the probability with which dropout keeps an activation.
func keep(s engine.Spec) float32 { return float32(1 - s.Dropout) }

// updateInstr returns the update of u with the defaults of its constants, without operands and penalties.
func updateInstr(u engine.Update) engine.Instr {
	in := engine.Instr{Op: engine.OpUpdate, Method: u.Method}
	switch u.Method {
	case engine.Momentum, engine.Nesterov:
		in.Momentum = float32(u.Momentum)
	case engine.Adam:
		in.Beta1 = float32(cmp.Or(u.Beta1, 0.9))
		in.Beta2 = float32(cmp.Or(u.Beta2, 0.999))
		in.Epsilon = float32(cmp.Or(u.Epsilon, 1e-8))
	}
	return in
}

// splitPenalty takes a gradient that is the sum of another and the gradient of w's penalty apart. The penalty is nil
// when it is not.
func splitPenalty(grad, w *G.Node) (data *G.Node, penalty *Op) {
	if !isSum(grad) {
		return grad, nil
	}
	terms := childrenOf(grad)
	for k, t := range terms {
		op, ok := t.Op().(*Op)
		if !ok || op.Kind != PenaltyGrad {
			continue
		}
		if in := childrenOf(t); in[0] == w && isOne(in[1]) {
			return terms[1-k], op
		}
	}
	return grad, nil
}

// isSum says that n is x + y as differentiation makes it where gradients meet. Gorgonia's operators are unexported:
// their text is all there is.
func isSum(n *G.Node) bool {
	op, ok := n.Op().(G.BinaryOp)
	return ok && op.String() == "+ false"
}

// isOne says that n is the scalar constant 1.
func isOne(n *G.Node) bool {
	if n.Op() == nil || !strings.HasPrefix(n.Op().String(), "const ") {
		return false
	}
	v, ok := n.Value().(*G.F32)
	return ok && *v == 1
}
