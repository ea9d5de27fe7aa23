package exchange

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"

	"neuroloupe/engine"
)

// Field numbers and values of onnx.proto (https://github.com/onnx/onnx/blob/main/onnx/onnx.proto).
const (
	onnxIRVersion = 7  // of opset 13
	onnxOpset     = 13 // Gemm and Softmax have not changed since
	onnxFloat     = 1  // TensorProto.DataType.FLOAT; also AttributeProto.AttributeType.FLOAT
	onnxInt       = 2  // AttributeProto.AttributeType.INT

	modelIRVersion, modelProducer, modelVersion, modelDoc, modelGraph, modelOpset, modelMeta = 1, 2, 3, 6, 7, 8, 14

	opsetDomain, opsetVersion = 1, 2
	metaKey, metaValue        = 1, 2

	graphNode, graphName, graphInitializer, graphInput, graphOutput = 1, 2, 5, 11, 12

	nodeInput, nodeOutput, nodeName, nodeOp, nodeAttribute = 1, 2, 3, 4, 5
	attributeName, attributeInt, attributeType             = 1, 3, 20

	tensorDims, tensorType, tensorName, tensorRaw = 1, 2, 8, 9

	valueName, valueType, valueDoc           = 1, 2, 3
	typeTensor, typeElem, typeShape          = 1, 1, 2
	shapeDim, dimValue, dimName              = 1, 1, 2
	onnxBatch, onnxInputName, onnxOutputName = "N", "pixels", "output"
)

// message is a protocol buffer being written.
type message []byte

func (m *message) bytes(field protowire.Number, b []byte) {
	*m = protowire.AppendBytes(protowire.AppendTag(*m, field, protowire.BytesType), b)
}

func (m *message) text(field protowire.Number, s string) { m.bytes(field, []byte(s)) }

func (m *message) int(field protowire.Number, v int) {
	*m = protowire.AppendVarint(protowire.AppendTag(*m, field, protowire.VarintType), uint64(v))
}

// WriteONNX writes the network as an ONNX model of opset 13 that takes pixels, N×In float32 of pixel/255, and gives
// output, N×Out: for each layer a Gemm, z = x·W + b, and its activation. Classes and image size are in the metadata.
func WriteONNX(w io.Writer, s engine.Spec, ps engine.Params, l Labels, version string) error {
	if len(ps) != 2*len(s.Layers) {
		return fmt.Errorf("onnx: %d arrays, want %d", len(ps), 2*len(s.Layers))
	}
	var graph message
	x := onnxInputName
	for i, layer := range s.Layers {
		a := fmt.Sprintf("layer%d.a", i+1)
		if i == len(s.Layers)-1 {
			a = onnxOutputName
		}
		z := fmt.Sprintf("layer%d.z", i+1)
		graph.bytes(graphNode, onnxNode("Gemm", z, x, ps.Weight(i+1).Name, ps.Bias(i+1).Name))
		op, err := onnxOp(layer.Activation)
		if err != nil {
			return err
		}
		graph.bytes(graphNode, onnxNode(op, a, z))
		x = a
	}
	graph.text(graphName, s.String())
	for _, t := range ps {
		graph.bytes(graphInitializer, onnxTensor(t))
	}
	graph.bytes(graphInput, onnxValue(onnxInputName, s.Inputs, inputText))
	graph.bytes(graphOutput, onnxValue(onnxOutputName, s.Classes(), "activation of each class"))

	var opset, model message
	opset.text(opsetDomain, "")
	opset.int(opsetVersion, onnxOpset)
	model.int(modelIRVersion, onnxIRVersion)
	model.text(modelProducer, "neuroloupe")
	model.text(modelVersion, version)
	model.text(modelDoc, fmt.Sprintf("%v; %s", s, inputText))
	model.bytes(modelGraph, graph)
	model.bytes(modelOpset, opset)
	meta := metadata(s, l)
	for _, k := range slices.Sorted(maps.Keys(meta)) {
		var entry message
		entry.text(metaKey, k)
		entry.text(metaValue, meta[k])
		model.bytes(modelMeta, entry)
	}
	_, err := w.Write(model)
	return err
}

// onnxOp returns the operator of an activation.
func onnxOp(a engine.Activation) (string, error) {
	switch a {
	case engine.Identity:
		return "Identity", nil
	case engine.Sigmoid:
		return "Sigmoid", nil
	case engine.Tanh:
		return "Tanh", nil
	case engine.ReLU:
		return "Relu", nil
	case engine.Softmax:
		return "Softmax", nil
	}
	return "", fmt.Errorf("onnx: no operator for activation %v", a)
}

func onnxNode(op, output string, inputs ...string) message {
	var m message
	for _, name := range inputs {
		m.text(nodeInput, name)
	}
	m.text(nodeOutput, output)
	m.text(nodeName, output)
	m.text(nodeOp, op)
	if op == "Softmax" { // along the row
		var axis message
		axis.text(attributeName, "axis")
		axis.int(attributeInt, 1)
		axis.int(attributeType, onnxInt)
		m.bytes(nodeAttribute, axis)
	}
	return m
}

func onnxTensor(t engine.Tensor) message {
	var m message
	for _, d := range t.Shape {
		m.int(tensorDims, d)
	}
	m.int(tensorType, onnxFloat)
	m.text(tensorName, t.Name)
	m.bytes(tensorRaw, rawData(t))
	return m
}

// onnxValue describes an N×width array of float32.
func onnxValue(name string, width int, doc string) message {
	var batch, columns, dims, tensor, kind, m message
	batch.text(dimName, onnxBatch)
	columns.int(dimValue, width)
	dims.bytes(shapeDim, batch)
	dims.bytes(shapeDim, columns)
	tensor.int(typeElem, onnxFloat)
	tensor.bytes(typeShape, dims)
	kind.bytes(typeTensor, tensor)
	m.text(valueName, name)
	m.bytes(valueType, kind)
	m.text(valueDoc, doc)
	return m
}
