// Package mixer holds the architectures that the search chooses from, one file each, and their registry.
//
// An architecture turns an input into tokens (b, n, d). Adding one is one file that calls [Register] in an init function.
package mixer

import (
	"slices"
	"strings"

	"mixmas/nn"
	"mixmas/nn/options"
	"mixmas/nn/registry"
)

// Kind says how one sample of an input is laid out.
type Kind string

// The kinds of input.
const (
	// Map is a picture or spectrogram: channels, height, width.
	Map Kind = "map"
	// Sequence is a series of steps or words: steps, features.
	Sequence Kind = "sequence"
	// Table is a row of numbers: features.
	Table Kind = "table"
	// Tokens are what encoders give and a fusion network takes: tokens, width. They are not embedded again.
	Tokens Kind = "tokens"
)

// Input describes one sample of what an architecture reads.
type Input struct {
	Kind  Kind
	Shape []int
}

// Network maps a batch of inputs to tokens (b, n, d).
type Network interface {
	// Forward records the network on x, whose shape is (b, Input.Shape...). mask is nil or marks real tokens (b, n).
	Forward(g *nn.Graph, x, mask *nn.Value) *nn.Value
	// Tokens is n and Width is d of the result. Architectures that take any length count the tokens of their Input.
	Tokens() int
	Width() int
}

// Architecture is a registered family of networks.
type Architecture struct {
	// Name is how configurations select it; Doc is one line for people.
	Name, Doc string
	// Kinds are the inputs that it takes. One that takes Tokens can be a fusion network.
	Kinds []Kind
	// Options makes a pointer to the options struct, filled with defaults. Its fields have yaml, json and doc tags, ranges in
	// jsonschema tags, and recipe tags where they follow the training's recipe: see package options.
	Options func() any
	// New creates the network's parameters in the scope. It refuses options that do not fit the input; those that break the
	// rules of their tags do not come so far.
	New func(s *nn.Scope, in Input, options any) (Network, error)
}

// Takes reports whether the architecture reads inputs of the kind.
func (a Architecture) Takes(k Kind) bool { return slices.Contains(a.Kinds, k) }

// Inputs names the kinds that it takes in words, such as "map, sequence or tokens".
func (a Architecture) Inputs() string {
	var b strings.Builder
	for i, k := range a.Kinds {
		switch {
		case i == 0:
		case i == len(a.Kinds)-1:
			b.WriteString(" or ")
		default:
			b.WriteString(", ")
		}
		b.WriteString(string(k))
	}
	return b.String()
}

var architectures = registry.New[Architecture]("architecture")

// Register adds an architecture. It panics if the name is already used, without Doc, and without Options or New: a programmer's
// mistake.
func Register(a Architecture) {
	if a.Options == nil || a.New == nil {
		panic("architecture " + a.Name + " cannot be registered: it needs Options and New")
	}
	options.MustDescribe("architecture "+a.Name, a.Options)
	architectures.Register(a.Name, a.Doc, a)
}

// Build checks the options against the rules of their tags, nil for the defaults, and creates the network's parameters in the
// scope.
func (a Architecture) Build(s *nn.Scope, in Input, given any) (Network, error) {
	own, err := options.Of(a.Options, given)
	if err != nil {
		return nil, err
	}
	return a.New(s, in, own)
}

// All lists the registered architectures by name.
func All() []Architecture { return architectures.All() }

// Names lists their names.
func Names() []string { return architectures.Names() }

// Lookup finds an architecture by name. The error lists the known ones.
func Lookup(name string) (Architecture, error) { return architectures.Lookup(name) }
