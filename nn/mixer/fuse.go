package mixer

import (
	"errors"

	"mixmas/nn"
	"mixmas/nn/options"
	"mixmas/nn/registry"
)

// Fusion is a registered family of functions that fuse the tokens of all modalities into one set.
type Fusion struct {
	// Name selects it in configurations; Doc is one line of documentation.
	Name, Doc string
	// Options returns a pointer to the options struct with its defaults; see [Architecture]. It is nil if there are no
	// options.
	Options func() any
	// New creates the function's parameters in the scope for the tokens, all of one width, of one or more modalities. It
	// rejects options that do not fit the tokens; the rules of the tags were checked before.
	New func(s *nn.Scope, tokens []Input, options any) (Fuser, error)
}

// Fuser is a fusion function for given modalities.
type Fuser interface {
	// Forward records the function on tokens (b, n_i, d). A mask is nil, or (b, n_i) with 1 for real tokens and 0 for
	// others. It returns tokens (b, n, d') and their mask, which is nil if all are real.
	Forward(g *nn.Graph, tokens, masks []*nn.Value) (fused, mask *nn.Value)
	// Tokens returns n of the result, and Width d'.
	Tokens() int
	Width() int
}

var fusions = registry.NewOrdered[Fusion]("fusion function")

// RegisterFusion adds a fusion function. It panics if the name is already used, or if Doc or New is missing: these are
// programming errors.
func RegisterFusion(f Fusion) {
	if f.New == nil {
		panic("fusion function " + f.Name + " cannot be registered: it needs New")
	}
	if f.Options == nil {
		f.Options = func() any { return &struct{}{} }
	}
	options.MustDescribe("fusion function "+f.Name, f.Options)
	fusions.Register(f.Name, f.Doc, f)
}

// build checks the options and creates the function's parameters for the modalities' numbers of tokens, all of one width.
func (f Fusion) build(s *nn.Scope, width int, counts []int, given any) (Fuser, error) {
	own, err := options.Of(f.Options, given)
	if err != nil {
		return nil, err
	}
	if len(counts) == 0 {
		return nil, errors.New("there are no tokens to fuse")
	}
	var tokens []Input
	for _, n := range counts {
		in := Input{Kind: Tokens, Shape: []int{n, width}}
		if err := in.check(); err != nil {
			return nil, err
		}
		tokens = append(tokens, in)
	}
	return f.New(s, tokens, own)
}

// Fusions lists the fusion functions in the order of their registration: concat, mean, max, sum, then those that programs
// add.
func Fusions() []Fusion { return fusions.All() }

// FusionNames lists the names of the fusion functions.
func FusionNames() []string { return fusions.Names() }

// LookupFusion finds a fusion function by name. The error lists the known names.
func LookupFusion(name string) (Fusion, error) { return fusions.Lookup(name) }

func init() {
	RegisterFusion(Fusion{Name: "concat", Doc: "All tokens, one modality after the other.",
		New: func(_ *nn.Scope, tokens []Input, _ any) (Fuser, error) {
			n := 0
			for _, in := range tokens {
				n += in.Shape[0]
			}
			return concat{n, tokens[0].Shape[1]}, nil
		}})
	for _, f := range []struct {
		name, doc string
		combine   func(g *nn.Graph, tokens []*nn.Value) *nn.Value
	}{
		{"mean", "The mean of the modalities' tokens, padded with zeros to the largest number.", meanTokens},
		{"max", "The element-wise maximum of the modalities' tokens, padded with zeros to the largest number.", maxTokens},
		{"sum", "The sum of the modalities' tokens, padded with zeros to the largest number.", addTokens},
	} {
		RegisterFusion(Fusion{Name: f.name, Doc: f.doc, New: func(_ *nn.Scope, tokens []Input, _ any) (Fuser, error) {
			return NewAlignedFuser(tokens, f.combine), nil
		}})
	}
}

// concat keeps all tokens and their masks.
type concat struct{ tokens, width int }

func (c concat) Tokens() int { return c.tokens }
func (c concat) Width() int  { return c.width }

func (c concat) Forward(g *nn.Graph, tokens, masks []*nn.Value) (fused, mask *nn.Value) {
	mask = concatMasks(g, tokens, masks)
	return g.Concat(1, tokens...), mask
}

// concatMasks returns the concatenated masks, nil if no modality has one.
func concatMasks(g *nn.Graph, tokens, masks []*nn.Value) *nn.Value {
	masked := false
	row := make([]*nn.Value, len(masks))
	for i, mask := range masks {
		if row[i] = mask; mask != nil {
			masked = true
		} else {
			row[i] = g.ConstantOf("mask", nn.Ones, tokens[i].Shape[0], tokens[i].Shape[1])
		}
	}
	if !masked {
		return nil
	}
	return g.Concat(1, row...)
}

// aligned combines the modalities' tokens by position: the first of each, then the second of each, and so on.
type aligned struct {
	tokens, width int
	combine       func(g *nn.Graph, tokens []*nn.Value) *nn.Value
}

// NewAlignedFuser returns a fusion function that combines tokens of the same position. combine gets the tokens (b, n, d) of
// each modality, padded with zeros to the largest number. Masked tokens are zeros as well, and all tokens of the result
// count as real.
func NewAlignedFuser(tokens []Input, combine func(g *nn.Graph, tokens []*nn.Value) *nn.Value) Fuser {
	a := aligned{width: tokens[0].Shape[1], combine: combine}
	for _, in := range tokens {
		a.tokens = max(a.tokens, in.Shape[0])
	}
	return a
}

func (a aligned) Tokens() int { return a.tokens }
func (a aligned) Width() int  { return a.width }

func (a aligned) Forward(g *nn.Graph, tokens, masks []*nn.Value) (fused, mask *nn.Value) {
	n := 0
	real := make([]*nn.Value, len(tokens))
	for i, t := range tokens {
		if real[i] = t; masks[i] != nil {
			real[i] = g.Mul(t, g.Reshape(masks[i], t.Shape[0], t.Shape[1], 1))
		}
		n = max(n, t.Shape[1])
	}
	for i, t := range real {
		real[i] = g.Pad(t, 1, n)
	}
	return a.combine(g, real), nil
}

func addTokens(g *nn.Graph, tokens []*nn.Value) *nn.Value {
	sum := tokens[0]
	for _, t := range tokens[1:] {
		sum = g.Add(sum, t)
	}
	return sum
}

func meanTokens(g *nn.Graph, tokens []*nn.Value) *nn.Value {
	return g.Scale(addTokens(g, tokens), 1/float64(len(tokens)))
}

// maxTokens gives the gradient of equal elements to the first modality.
func maxTokens(g *nn.Graph, tokens []*nn.Value) *nn.Value {
	shape := tokens[0].Shape
	stacked := make([]*nn.Value, len(tokens))
	for i, t := range tokens {
		stacked[i] = g.Reshape(t, append([]int{1}, shape...)...)
	}
	return g.Max(g.Concat(0, stacked...), 0)
}
