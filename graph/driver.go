package graph

import (
	"fmt"

	G "gorgonia.org/gorgonia"
	"gorgonia.org/tensor"

	"neuroloupe/engine"
)

// DeviceID is the ID of the one device that [Driver] has.
const DeviceID = "tape"

// Driver runs networks on Gorgonia's TapeMachine. It is the oracle that other backends are compared with: it does not
// read a Program's instructions but builds the graph of Program.Spec again, lets Gorgonia run the forward and the
// backward pass, and changes the parameters by Gorgonia's gradients. It is slow; nothing chooses it by itself.
type Driver struct{}

var (
	_ engine.Driver   = Driver{}
	_ engine.Backend  = (*backend)(nil)
	_ engine.Executor = (*executor)(nil)
)

func device() engine.Device {
	return engine.Device{
		ID:      DeviceID,
		Name:    "Gorgonia TapeMachine",
		Backend: DeviceID,
		Usable:  true,
		Reason:  "the oracle: slow, and never chosen by itself",
	}
}

// Name returns [DeviceID].
func (Driver) Name() string { return DeviceID }

// Devices returns the TapeMachine, which is always usable.
func (Driver) Devices() []engine.Device { return []engine.Device{device()} }

// Open opens the device with ID [DeviceID].
func (Driver) Open(id string) (engine.Backend, error) {
	if id != DeviceID {
		return nil, fmt.Errorf("graph: no device %q; want %q", id, DeviceID)
	}
	return &backend{}, nil
}

type backend struct{ closed bool }

func (*backend) Device() engine.Device { return device() }

func (b *backend) Close() error {
	b.closed = true
	return nil
}

func (b *backend) Compile(p *engine.Program) (engine.Executor, error) {
	if b.closed {
		return nil, engine.ErrClosed
	}
	if err := p.Validate(); err != nil {
		return nil, err
	}
	e := &executor{
		backend:  b,
		program:  p,
		update:   updateInstr(p.Spec.Update),
		resident: map[string]engine.Tensor{},
		train:    map[int]*machine{},
		infer:    map[int]*machine{},
	}
	for _, t := range p.Spec.ParamInfo() {
		t.Data = make([]float32, t.Len())
		e.resident[t.Name] = t
		e.params = append(e.params, t)
		e.values = append(e.values, tensor.New(tensor.WithShape(t.Shape...), tensor.WithBacking(t.Data)))
	}
	for _, t := range p.Spec.StateInfo() {
		t.Data = make([]float32, t.Len())
		e.resident[t.Name] = t
		e.state = append(e.state, t.Data)
	}
	return e, nil
}

// maxMachines is how many batch sizes keep their graph: a full batch and the rest of an epoch, twice.
const maxMachines = 4

// machine is a graph for one batch size on a TapeMachine, with the arrays of its inputs.
type machine struct {
	net   *Net
	vm    G.VM
	x, y  []float32
	masks [][]float32
}

// newMachine compiles net's graph for a TapeMachine, with the parameters bound to params.
func newMachine(net *Net, params []*tensor.Dense) (*machine, error) {
	if err := distinct(net.Graph); err != nil {
		return nil, err
	}
	prog, locs, err := G.Compile(net.Graph)
	if err != nil {
		return nil, fmt.Errorf("graph: network %v: %w", net.Spec, err)
	}
	m := &machine{net: net, vm: G.NewTapeMachine(net.Graph, G.WithPrecompiled(prog, locs))}
	bind := func(n *G.Node) []float32 {
		if n == nil || err != nil {
			return nil
		}
		data := make([]float32, n.Shape().TotalSize())
		err = G.Let(n, tensor.New(tensor.WithShape(n.Shape()...), tensor.WithBacking(data)))
		return data
	}
	m.x, m.y = bind(net.X), bind(net.Y)
	for _, n := range net.Masks {
		m.masks = append(m.masks, bind(n))
	}
	for i, n := range net.Params {
		if err == nil {
			err = G.Let(n, params[i])
		}
	}
	if err != nil {
		return nil, fmt.Errorf("graph: network %v: %w", net.Spec, err)
	}
	return m, nil
}

// run runs the graph once and calls read for the values, before Reset drops them. Without Reset the next run would do
// nothing.
func (m *machine) run(read func() error) error {
	defer m.vm.Reset()
	if err := m.vm.RunAll(); err != nil {
		return fmt.Errorf("graph: network %v: %w", m.net.Spec, err)
	}
	return read()
}

// distinct checks that no two nodes of g have the same hash. A TapeMachine computes only the first of them and takes
// its value for the other's, without comparing them.
func distinct(g *G.ExprGraph) error {
	nodes := map[uint32]*G.Node{}
	for _, n := range g.AllNodes() {
		if other, ok := nodes[n.Hashcode()]; ok {
			return fmt.Errorf("graph: a TapeMachine takes node %s for node %s, whose hash is the same; use another "+
				"device",
				n.Name(), other.Name())
		}
		nodes[n.Hashcode()] = n
	}
	return nil
}
