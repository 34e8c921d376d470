package mixer

import (
	"fmt"
	"slices"

	"mixmas/nn"
	"mixmas/nn/options"
	"mixmas/nn/registry"
)

// LayerKind is a registered kind of layer.
type LayerKind struct {
	// Name selects it in configurations; Doc is one line of documentation.
	Name, Doc string
	// Takes are the kinds of values that it takes: [Map], [Sequence], [Tokens]. One that takes tokens also gets the cells of a map or
	// the numbers of a table as tokens.
	Takes []Kind
	// Options returns a pointer to the options struct with its defaults, with tags as in [Architecture]. An option may be added later
	// if its default leaves the layer as it was; a default may not change: see [Layer.MarshalJSON].
	Options func() any
	// New creates the layer's parameters in the scope, and returns what it gives for what it gets, or an error for options that do
	// not fit; the rules of the tags were checked before. The values of a map are (b, height, width, channels), and all others (b,
	// and the shape of the [Input]).
	New func(s *nn.Scope, in Input, options any) (LayerFunction, Input, error)

	// first means that the layer is the first one, and takes what the network takes.
	first bool
	// unmasked reports whether the layer with these options cannot tell masked steps from real ones; nil: it can.
	unmasked func(options any) bool
	// inner returns the layers within the layer, and how often they are repeated; nil for other kinds.
	inner func(options any) (list Layers, times int)
	// nest makes the layer of those within it, of each time one list; nil for other kinds.
	nest func(in Input, times [][]BuiltLayer, out Input) (LayerFunction, Input, error)
	// beside is the option that is written beside the name, such as {repeat: 4, layers: [...]}; empty: it is within.
	beside string
}

// LayerFunction records a layer on x. mask is nil or marks the real steps or tokens of x (b, n); what the others hold may not change
// what the layer makes of the real ones. It returns the mask of the result, which is nil if all are real.
type LayerFunction func(g *nn.Graph, x, mask *nn.Value) (y, own *nn.Value)

var layerKinds = registry.New[LayerKind]("layer")

// RegisterLayer adds a kind of layer. It panics if the name is already used, or if Doc, Options or New is missing: these are
// programming errors.
func RegisterLayer(k LayerKind) {
	if k.Options == nil || (k.New == nil) == (k.nest == nil) {
		panic("layer " + k.Name + " cannot be registered: it needs Options and New")
	}
	options.MustDescribe("layer "+k.Name, k.Options)
	layerKinds.Register(k.Name, k.Doc, k)
}

// LayerKinds lists the registered kinds of layers by name.
func LayerKinds() []LayerKind { return layerKinds.All() }

// LookupLayer finds a kind of layer by name. The error lists the known names.
func LookupLayer(name string) (LayerKind, error) { return layerKinds.Lookup(name) }

// Beside returns the option that a configuration may write beside the layer's name, as in {repeat: 4, layers: [...]}; empty if there is
// none.
func (k LayerKind) Beside() string { return k.beside }

// Inputs lists what the layer takes, for example "map or sequence".
func (k LayerKind) Inputs() string { return Architecture{Kinds: k.Takes}.Inputs() }

// takes returns the input as the layer takes it: the cells of a map and the numbers of a table as tokens, if need be.
func (k LayerKind) takes(in Input, path string) (Input, error) {
	if slices.Contains(k.Takes, in.Kind) {
		return in, nil
	}
	if in.Kind == Text {
		return in, options.Errorf(path, "want numbers, got %s: put an embedding before it, such as {embedding: 64}", in.describe())
	}
	if slices.Contains(k.Takes, Tokens) {
		return in.tokens(path)
	}
	return in, options.Errorf(path, "want a %s, got %s", k.Inputs(), in.describe())
}

// tokens returns the input as tokens or steps.
func (in Input) tokens(path string) (Input, error) {
	switch in.Kind {
	case Map:
		return Input{Kind: Tokens, Shape: []int{in.Shape[1] * in.Shape[2], in.Shape[0]}}, nil
	case Table:
		return Input{Kind: Tokens, Shape: []int{1, in.Shape[0]}}, nil
	case Text:
		return in, options.Errorf(path, "no layer embeds %s: put an embedding first, such as {embedding: 64}", in.describe())
	}
	return in, nil
}

// features returns the number of features of each cell, step or token, and with returns the input with another one.
func (in Input) features() int {
	if in.Kind == Map {
		return in.Shape[0]
	}
	return in.Shape[len(in.Shape)-1]
}

func (in Input) with(features int) Input {
	in.Shape = slices.Clone(in.Shape)
	if in.Kind == Map {
		in.Shape[0] = features
	} else {
		in.Shape[len(in.Shape)-1] = features
	}
	return in
}

// equals reports whether both inputs are the same.
func (in Input) equals(other Input) bool {
	return in.Kind == other.Kind && slices.Equal(in.Shape, other.Shape)
}

// describe says what an input is in errors.
func (in Input) describe() string {
	s := in.Shape
	switch in.Kind {
	case Map:
		return fmt.Sprintf("a map of %d channels, %d×%d", s[0], s[1], s[2])
	case Sequence:
		return fmt.Sprintf("a sequence of %d steps of %d features", s[0], s[1])
	case Text:
		return fmt.Sprintf("a text of %d words", s[0])
	case Table:
		return fmt.Sprintf("a table of %d numbers", s[0])
	}
	return fmt.Sprintf("%d tokens of %d features", s[0], s[1])
}
