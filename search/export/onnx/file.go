package onnx

import (
	"math"
	"strings"
)

// The versions of the format: files of opset 17 need IR version 8, and both are read by onnxruntime 1.12 and later.
const (
	opset = 17
	ir    = 8
)

// The numbers of the fields of onnx.proto that are written.
const (
	modelIR, modelProducer, modelProducerVersion, modelDomain, modelVersion, modelDoc, modelGraph, modelOpset, modelMetadata = 1, 2, 3, 4, 5, 6, 7, 8, 14

	graphNode, graphName, graphInitializer, graphDoc, graphInput, graphOutput = 1, 2, 5, 10, 11, 12

	nodeInput, nodeOutput, nodeName, nodeOperation, nodeAttribute = 1, 2, 3, 4, 5

	attributeName, attributeFloat, attributeInt, attributeString, attributeInts, attributeType = 1, 2, 3, 4, 8, 20

	tensorDims, tensorType, tensorName, tensorRaw = 1, 2, 8, 9

	valueName, valueType, valueDoc                                       = 1, 2, 3
	typeTensor, tensorElements, tensorShape                              = 1, 1, 2
	shapeDim, dimValue, dimParameter                                     = 1, 1, 2
	opsetDomain, opsetVersion                                            = 1, 2
	propertyKey, propertyValue                                           = 1, 2
	attributeIsFloat, attributeIsInt, attributeIsString, attributeIsInts = 1, 2, 3, 7
)

// encode writes the graph: the nodes that the outputs need, in their order, and the constants that they read.
func (g *graph) encode() *message {
	nodes, constants := g.needed()
	m := &message{}
	for _, n := range nodes {
		m.message(graphNode, encodeNode(n))
	}
	m.text(graphName, "mixmas")
	for _, t := range constants {
		m.message(graphInitializer, encodeConstant(t))
	}
	for _, t := range g.inputs {
		m.message(graphInput, encodeValue(t))
	}
	for _, t := range g.outputs {
		m.message(graphOutput, encodeValue(t))
	}
	return m
}

// file is a file with a graph. properties are its metadata: names and values.
func (o Options) file(graph *message, about string, properties [][2]string) *message {
	file := &message{}
	file.integer(modelIR, ir)
	file.text(modelProducer, "mixmas")
	file.text(modelProducerVersion, o.Producer)
	file.integer(modelVersion, 1)
	file.text(modelDoc, strings.ToValidUTF8(about, "�"))
	file.message(modelGraph, graph)
	set := &message{}
	set.text(opsetDomain, "")
	set.integer(opsetVersion, opset)
	file.message(modelOpset, set)
	for _, p := range properties {
		property := &message{}
		property.text(propertyKey, p[0])
		property.text(propertyValue, strings.ToValidUTF8(p[1], "�"))
		file.message(modelMetadata, property)
	}
	if file.size > math.MaxInt32 {
		fail("%w", errTooLarge)
	}
	return file
}

// needed lists the nodes that outputs need and the constants that these read. A constant that is read in several orders is
// written once, and nodes make the others.
func (g *graph) needed() (nodes []*node, constants []*tensor) {
	wanted := map[*tensor]bool{}
	var reach func(t *tensor)
	reach = func(t *tensor) {
		if wanted[t] {
			return
		}
		wanted[t] = true
		if t.node != nil {
			for _, in := range t.node.inputs {
				reach(in)
			}
		}
	}
	for _, t := range g.outputs {
		reach(t)
	}
	forms := map[*tensor]int{} // by the constant that they are the elements of
	for t := range wanted {
		if t.constant != nil {
			forms[rootOf(t)]++
		}
	}
	names := map[string]bool{}
	for _, n := range g.nodes {
		names[n.output.name] = true
	}
	for _, t := range g.inputs {
		names[t.name] = true
	}
	written := map[*tensor]bool{}
	var constant func(t *tensor)
	constant = func(t *tensor) {
		if written[t] {
			return
		}
		written[t] = true
		for names[t.name] {
			t.name += "_"
		}
		names[t.name] = true
		if t.constant.parent == nil || forms[rootOf(t)] == 1 {
			constants = append(constants, t)
			return
		}
		for _, in := range t.constant.via.inputs {
			constant(in)
		}
		t.constant.via.name = t.name
		nodes = append(nodes, t.constant.via)
	}
	for _, n := range g.nodes {
		if !wanted[n.output] {
			continue
		}
		for _, in := range n.inputs {
			if in.constant != nil {
				constant(in)
			}
		}
		nodes = append(nodes, n)
	}
	return nodes, constants
}

// rootOf is the constant whose elements a constant has in another order.
func rootOf(t *tensor) *tensor {
	for t.constant.parent != nil {
		t = t.constant.parent
	}
	return t
}

func encodeNode(n *node) *message {
	m := &message{}
	for _, in := range n.inputs {
		m.text(nodeInput, in.name)
	}
	m.text(nodeOutput, n.output.name)
	m.text(nodeName, n.name)
	m.text(nodeOperation, n.operation)
	for _, a := range n.attributes {
		m.message(nodeAttribute, encodeAttribute(a))
	}
	return m
}

func encodeAttribute(a attribute) *message {
	m := &message{}
	m.text(attributeName, a.name)
	switch v := a.value.(type) {
	case float32:
		m.float(attributeFloat, v)
		m.integer(attributeType, attributeIsFloat)
	case int:
		m.integer(attributeInt, int64(v))
		m.integer(attributeType, attributeIsInt)
	case string:
		m.text(attributeString, v)
		m.integer(attributeType, attributeIsString)
	case []int:
		for _, n := range v {
			m.integer(attributeInts, int64(n))
		}
		m.integer(attributeType, attributeIsInts)
	}
	return m
}

func encodeConstant(t *tensor) *message {
	m := &message{}
	dims := make([]int64, len(t.dims))
	for i, d := range t.dims {
		dims[i] = int64(d.n)
	}
	m.integers(tensorDims, dims)
	m.integer(tensorType, int64(t.kind))
	m.text(tensorName, t.name)
	if t.kind == floats {
		m.raw(tensorRaw, t.constant.floats)
		return m
	}
	m.text(tensorRaw, string(littleEndian(t.constant.integers)))
	return m
}

func encodeValue(t *tensor) *message {
	shape := &message{}
	for _, d := range t.dims {
		dim := &message{}
		if d.batch {
			dim.text(dimParameter, "batch")
		} else {
			dim.integer(dimValue, int64(d.n))
		}
		shape.message(shapeDim, dim)
	}
	of := &message{}
	of.integer(tensorElements, int64(t.kind))
	of.message(tensorShape, shape)
	kind := &message{}
	kind.message(typeTensor, of)
	m := &message{}
	m.text(valueName, t.name)
	m.message(valueType, kind)
	m.text(valueDoc, t.doc)
	return m
}
