// Package mixer holds the architectures that the search chooses from, one file each, and their registry.
//
// An architecture turns an input into tokens (b, n, d). To add one, write a file that calls [Register] in an init function.
package mixer

import (
	"fmt"
	"slices"
	"strings"

	"mixmas/nn"
	"mixmas/nn/dimensions"
	"mixmas/nn/options"
	"mixmas/nn/registry"
)

// Kind describes the dimensions of one sample of an input.
type Kind string

// The kinds of input.
const (
	// Map is a picture or spectrogram: channels, height, width.
	Map Kind = "map"
	// Sequence is a series of steps: steps, features.
	Sequence Kind = "sequence"
	// Text is a text cut into words or parts of words, as their numbers in a vocabulary: tokens. 0 is padding and 1 an
	// unknown word.
	Text Kind = "text"
	// Table is a row of numbers: features.
	Table Kind = "table"
	// Tokens are the output of encoders and the input of a fusion network: tokens, width. They are not embedded again.
	Tokens Kind = "tokens"
)

// Input describes one sample of an architecture's input.
type Input struct {
	Kind  Kind
	Shape []int
	// Vocabulary is the number of different tokens of a text, padding and the unknown word included; 0 for other kinds. The
	// numbers of tokens are from 0 to Vocabulary-1.
	Vocabulary int
	// Vectors is the width of the word vectors that a text's table starts from; 0 if it starts from random numbers. Where it is
	// not the width of the tokens, a layer follows the table.
	Vectors int
}

// Network maps a batch of inputs to tokens (b, n, d).
type Network interface {
	// Forward records the network on x, whose shape is (b, Input.Shape...). mask is nil or marks real tokens (b, n). A text always
	// has a mask; a map or table that some rows lack has none, and what the network makes of those rows does not count.
	Forward(g *nn.Graph, x, mask *nn.Value) *nn.Value
	// Tokens returns n of the result, and Width d. For architectures that take any length, n follows from the shape of the
	// Input.
	Tokens() int
	Width() int
}

// Architecture is a registered family of networks.
type Architecture struct {
	// Name selects it in configurations; Doc is one line of documentation.
	Name, Doc string
	// Kinds are the kinds of input that it takes. An architecture that takes Tokens can be a fusion network.
	Kinds []Kind
	// Options returns a pointer to the options struct with its defaults. Its fields have yaml, json and doc tags, ranges in
	// jsonschema tags, and recipe tags if they follow the training's recipe: see package options.
	Options func() any
	// New creates the network's parameters in the scope. It rejects options that do not fit the input; the rules of the
	// tags were checked before.
	New func(s *nn.Scope, in Input, options any) (Network, error)
	// Suit returns a pointer to options that suit an input and a number of training rows, or nil if the architecture does not
	// suit the input. If a configuration names no candidates, those with Suit are tried: see package search/defaults. It may be
	// nil: then the architecture is only tried where a configuration names it.
	Suit func(in Input, rows int) any
	// Needs says, in tables, what an input must have that Suit gives options for, such as "a map of more than one cell"; empty if Suit
	// never returns nil.
	Needs string
	// Extra architectures have Suit, but are tried only where a configuration names them or asks for all.
	Extra bool
}

// Takes reports whether the architecture reads inputs of the kind.
func (a Architecture) Takes(k Kind) bool { return slices.Contains(a.Kinds, k) }

// Suited returns the options that suit an input and a number of training rows, or nil with the reason why the architecture does not
// suit it, such as "takes no table". It may not be called without Suit.
func (a Architecture) Suited(in Input, rows int) (own any, reason string) {
	if !a.Takes(in.Kind) {
		return nil, fmt.Sprintf("takes no %s", in.Kind)
	}
	if own = a.Suit(in, rows); own != nil {
		return own, ""
	}
	reason = fmt.Sprintf("does not suit a %s of %s", in.Kind, dimensions.Text(in.Shape))
	if a.Needs != "" {
		reason += ": it needs " + a.Needs
	}
	return nil, reason
}

// Inputs lists the kinds of input that it takes, for example "map, sequence or tokens".
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

// Register adds an architecture. It panics if the name is already used, or if Doc, Options or New is missing: these are
// programming errors.
func Register(a Architecture) {
	if a.Options == nil || a.New == nil {
		panic("architecture " + a.Name + " cannot be registered: it needs Options and New")
	}
	options.MustDescribe("architecture "+a.Name, a.Options)
	architectures.Register(a.Name, a.Doc, a)
}

// Build checks the options against the rules of their tags and creates the network's parameters in the scope. nil options
// mean the defaults.
func (a Architecture) Build(s *nn.Scope, in Input, given any) (Network, error) {
	own, err := options.Of(a.Options, given)
	if err != nil {
		return nil, err
	}
	return a.New(s, in, own)
}

// All lists the registered architectures by name.
func All() []Architecture { return architectures.All() }

// Names lists the names of the architectures.
func Names() []string { return architectures.Names() }

// Lookup finds an architecture by name. The error lists the known names.
func Lookup(name string) (Architecture, error) { return architectures.Lookup(name) }
