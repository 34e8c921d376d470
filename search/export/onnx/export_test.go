package onnx

import (
	"bytes"
	"io"
	"math"

	"mixmas/nn"
)

// Untranslated names the operations that have no translation.
func Untranslated() []string { return translations.Missing() }

// Network exports a network without what belongs to a model around it: it has inputs of numbers and logits.
func Network(network nn.Model, weights nn.Weights) (file []byte, err error) {
	var b bytes.Buffer
	err = guarded(func() {
		g := newGraph("logits")
		inputs := map[string]*tensor{}
		for _, in := range network.Inputs() {
			inputs[in.Name] = g.input(in.Name, in.Name, floats, append([]size{theBatch}, fixedAll(in.Shape...)...)...)
		}
		g.output("logits", "logits", g.translate(network, weights, inputs))
		_, err = Options{Producer: "test"}.file(g.encode(), "", nil).WriteTo(&b)
	})
	return b.Bytes(), err
}

// TooLarge is the error for a file that is too large.
func TooLarge() error {
	return guarded(func() { Options{}.file(&message{size: math.MaxInt32}, "", nil) })
}

// Message is a message that tests write to.
type Message struct{ m message }

func (m *Message) Integer(field int, v int64)         { m.m.integer(field, v) }
func (m *Message) Float(field int, v float32)         { m.m.float(field, v) }
func (m *Message) Text(field int, s string)           { m.m.text(field, s) }
func (m *Message) Integers(field int, list []int64)   { m.m.integers(field, list) }
func (m *Message) Raw(field int, list []float32)      { m.m.raw(field, list) }
func (m *Message) Message(field int, inner *Message)  { m.m.message(field, &inner.m) }
func (m *Message) Size() int                          { return m.m.size }
func (m *Message) WriteTo(w io.Writer) (int64, error) { return m.m.WriteTo(w) }
