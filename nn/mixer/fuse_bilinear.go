package mixer

import (
	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/options"
)

func init() {
	RegisterFusion(Fusion{
		Name: "bilinear", Doc: "The product of all modalities' tokens by a tensor of low rank, padded with zeros to the largest number (Liu et al. 2018).",
		Options: func() any { return &BilinearOptions{Rank: 4} },
		New:     newBilinear,
	})
}

// BilinearOptions are the options of the fusion function bilinear.
type BilinearOptions struct {
	Rank int `yaml:"rank" json:"rank" jsonschema:"minimum=1,maximum=68719476736" doc:"Rank of the tensor: the number of products that are added up."`
}

// newBilinear returns the sum over r of the product over the modalities of W_ri [x_i; 1], element by element, for the tokens x_i of
// the same position (low-rank multimodal fusion, Liu et al. 2018). Tokens that are not real or padded are zeros: of them, the ones
// alone count, so that the others are kept. It creates factors.0.weight (rank·d, d) and factors.0.bias, ..., one for each
// modality.
func newBilinear(s *nn.Scope, tokens []Input, given any) (Fuser, error) {
	rank, d := given.(*BilinearOptions).Rank, tokens[0].Shape[1]
	width, ok := device.Elements(rank, d)
	if !ok {
		return nil, options.Errorf("rank", "%d products of %d features are more than %d elements", rank, d, device.MaxElements)
	}
	factors := make([]*nn.Linear, len(tokens))
	for i := range tokens {
		factors[i] = nn.NewLinear(s.In("factors", i), d, width)
	}
	return NewAlignedFuser(tokens, func(g *nn.Graph, tokens []*nn.Value) *nn.Value {
		var product *nn.Value
		for i, x := range tokens {
			if y := factors[i].Forward(g, x); product == nil {
				product = y
			} else {
				product = g.Mul(product, y)
			}
		}
		b, n := product.Shape[0], product.Shape[1]
		return g.Sum(g.Reshape(product, b, n, rank, d), 2)
	}), nil
}
