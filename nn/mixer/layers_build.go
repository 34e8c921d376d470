package mixer

import (
	"fmt"

	"mixmas/nn"
	"mixmas/nn/options"
)

// BuiltLayer is a layer that was built for what it gets.
type BuiltLayer struct {
	// Name is that of its kind, and Options are its options.
	Name    string
	Options any
	// In is what the layer takes, after the cells of a map or the numbers of a table became tokens, and Out what it gives.
	In, Out Input
	// From is what it was given.
	From Input
	// Inner are the layers within the layer, one list for each time that they are repeated.
	Inner [][]BuiltLayer

	path     string
	kind     LayerKind
	function LayerFunction
}

// buildLayers creates the parameters of layers 0.*, 1.*, ... in the scope layers, and returns them with what the last one gives. path is
// that of the list in errors.
func buildLayers(s *nn.Scope, in Input, list Layers, path string) (built []BuiltLayer, out Input, err error) {
	s = s.In("layers")
	for i, layer := range list {
		b, err := buildLayer(s.In(i), in, layer, path, i)
		if err != nil {
			return nil, in, err
		}
		built, in = append(built, b), b.Out
	}
	return built, in, nil
}

// buildLayer builds the layer with number i of a list.
func buildLayer(s *nn.Scope, in Input, layer Layer, list string, i int) (BuiltLayer, error) {
	path := LayerPath(list, i, layer.Name)
	kind, own, err := layer.own()
	if err != nil {
		return BuiltLayer{}, options.Errorf(path, "%v", err)
	}
	b := BuiltLayer{Name: layer.Name, Options: own, From: in, path: path, kind: kind}
	if kind.first && (i > 0 || list != "layers") {
		return b, options.Errorf(path, "want it first in the list, where it gets the input itself")
	}
	if b.In, err = kind.takes(in, path); err != nil {
		return b, err
	}
	if kind.nest != nil {
		var out Input
		if out, err = b.buildInner(s, kind.InnerPath(list, i)); err != nil {
			return b, err
		}
		b.function, b.Out, err = kind.nest(b.In, b.Inner, out)
	} else {
		b.function, b.Out, err = kind.New(s, b.In, own)
	}
	if err == nil {
		err = s.Parameters().Err()
	}
	if err == nil {
		err = b.Out.check()
	}
	if err != nil {
		return b, within(path, kind, err)
	}
	return b, nil
}

// buildInner builds the layers within a layer, each time that they are repeated, and returns what the last one gives.
func (b *BuiltLayer) buildInner(s *nn.Scope, path string) (Input, error) {
	list, times := b.kind.inner(b.Options)
	out := b.In
	for i := range times {
		inner := s
		if b.kind.beside != "" { // each time has weights of its own
			inner = s.In(i)
		}
		built, given, err := buildLayers(inner, out, list, path)
		if err != nil {
			if i > 0 {
				wrong := err.(*options.Error)
				err = &options.Error{Field: wrong.Field, Text: fmt.Sprintf("%s (repetition %d of %d)", wrong.Text, i+1, times)}
			}
			return out, err
		}
		b.Inner, out = append(b.Inner, built), given
	}
	return out, nil
}

// forwardLayers records layers one after another.
func forwardLayers(g *nn.Graph, list []BuiltLayer, x, mask *nn.Value) (y, own *nn.Value) {
	for _, l := range list {
		if l.From.Kind != l.In.Kind { // cells of a map or numbers of a table become tokens
			x = g.Reshape(x, x.Shape[0], l.In.Shape[0], l.In.Shape[1])
		}
		if mask != nil && l.kind.unmasked != nil && l.kind.unmasked(l.Options) {
			return g.Fail(x.Shape, "%w", options.Errorf(l.path, "a batch norm would count masked steps: want {norm: layer} where rows have lengths of their own or may lack the modality")), mask
		}
		x, mask = l.function(g, x, mask)
	}
	return x, mask
}
