package mixer

import (
	"fmt"
	"strings"

	"mixmas/nn"
)

// Fusion is a registered function that makes one set of tokens of those of all modalities.
type Fusion struct {
	// Name is how configurations select it; Doc is one line for people.
	Name, Doc string
	// Tokens is the number of tokens of the result.
	Tokens func(counts []int) int
	// Forward records the function on tokens (b, n_i, d) of one width.
	Forward func(g *nn.Graph, tokens []*nn.Value) *nn.Value
	// KeepsTokens says that the result's tokens are the given ones, in their order, so that their masks go with them.
	KeepsTokens bool
}

var fusions []Fusion

// RegisterFusion adds a fusion function. It panics if the name is taken.
func RegisterFusion(f Fusion) {
	if _, err := LookupFusion(f.Name); err == nil {
		panic("mixer: fusion function registered twice: " + f.Name)
	}
	fusions = append(fusions, f)
}

// Fusions lists the fusion functions in the order of their registration: concat, mean, max, sum, and those of others.
func Fusions() []Fusion { return fusions }

// LookupFusion finds a fusion function by name. The error lists the known ones.
func LookupFusion(name string) (Fusion, error) {
	var known []string
	for _, f := range fusions {
		if f.Name == name {
			return f, nil
		}
		known = append(known, f.Name)
	}
	return Fusion{}, fmt.Errorf("unknown fusion function %q: known are %s", name, strings.Join(known, ", "))
}

func init() {
	RegisterFusion(Fusion{Name: "concat", Doc: "All tokens, one modality after the other.", KeepsTokens: true,
		Tokens: func(counts []int) int {
			sum := 0
			for _, n := range counts {
				sum += n
			}
			return sum
		},
		Forward: func(g *nn.Graph, tokens []*nn.Value) *nn.Value { return g.Concat(1, tokens...) }})
	RegisterFusion(Fusion{Name: "mean", Doc: "The mean of the modalities' tokens, padded with zeros to the largest number.",
		Tokens: most,
		Forward: func(g *nn.Graph, tokens []*nn.Value) *nn.Value {
			return g.Scale(addTokens(g, tokens), 1/float64(len(tokens)))
		}})
	RegisterFusion(Fusion{Name: "max", Doc: "The largest of the modalities' tokens, padded with zeros to the largest number.",
		Tokens: most, Forward: maxTokens})
	RegisterFusion(Fusion{Name: "sum", Doc: "The sum of the modalities' tokens, padded with zeros to the largest number.",
		Tokens: most, Forward: addTokens})
}

func most(counts []int) int {
	n := 0
	for _, c := range counts {
		n = max(n, c)
	}
	return n
}

// padTokens pads all tokens with zeros to the largest number of them.
func padTokens(g *nn.Graph, tokens []*nn.Value) []*nn.Value {
	n := 0
	for _, t := range tokens {
		n = max(n, t.Shape[1])
	}
	padded := make([]*nn.Value, len(tokens))
	for i, t := range tokens {
		padded[i] = g.Pad(t, 1, n)
	}
	return padded
}

func addTokens(g *nn.Graph, tokens []*nn.Value) *nn.Value {
	tokens = padTokens(g, tokens)
	sum := tokens[0]
	for _, t := range tokens[1:] {
		sum = g.Add(sum, t)
	}
	return sum
}

// maxTokens gives a tied gradient to the first modality.
func maxTokens(g *nn.Graph, tokens []*nn.Value) *nn.Value {
	tokens = padTokens(g, tokens)
	shape := tokens[0].Shape
	stacked := make([]*nn.Value, len(tokens))
	for i, t := range tokens {
		stacked[i] = g.Reshape(t, append([]int{1}, shape...)...)
	}
	return g.Max(g.Concat(0, stacked...), 0)
}
