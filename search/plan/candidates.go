package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"mixmas/nn/mixer"
	"mixmas/search/strategy"
)

// check builds every candidate, so that one that does not fit the data is found before anything is trained. The input of a
// fusion network depends on the encoders that win: the network is created for every number and width of tokens that they can
// make, and the whole model is recorded for the first encoders and for those with the most tokens.
func check(s *strategy.Space) error {
	var encoders [][]encoder
	for _, m := range s.Modalities {
		different, err := differentEncoders(s, m)
		if err != nil {
			return err
		}
		encoders = append(encoders, different)
	}
	for _, fusion := range s.Fusions {
		ends, err := reachable(fusion.Choice, encoders)
		if err != nil {
			return &FieldError{"search.fusions", fusion.Label, fmt.Errorf("%s: %w", fusion.Label, err)}
		}
		largest := slices.MaxFunc(ends, func(a, b *fused) int { return cmp.Compare(a.tokens, b.tokens) })
		for _, network := range s.Networks {
			for i, end := range ends {
				err := network.Choice.Fits(end.tokens, end.fused)
				if err != nil || i == 0 || end == largest {
					err = cmp.Or(recordable(s.Model(end.choices(s.Modalities, fusion, network))), err) // the more specific of the two errors
				}
				if err != nil {
					return &FieldError{"search.networks", network.Label, fmt.Errorf("%s with %s of %s: %w", network.Label, fusion.Label,
						strings.Join(end.labels(), ", "), err)}
				}
			}
		}
	}
	return nil
}

// encoder is a candidate encoder with the number and width of its tokens.
type encoder struct {
	strategy.Candidate
	tokens, width int
}

// differentEncoders builds a modality's candidates and returns those that differ in the number or width of their tokens: a
// fusion network cannot distinguish the others.
func differentEncoders(s *strategy.Space, m strategy.Modality) ([]encoder, error) {
	var different []encoder
	for _, c := range m.Encoders {
		spec := s.EncoderModel(m, c)
		err := recordable(spec)
		e := encoder{Candidate: c}
		if err == nil {
			e.tokens, e.width, err = spec.Modalities[0].Output()
		}
		if err != nil {
			return nil, &FieldError{"search.encoders." + m.Name, c.Label, fmt.Errorf("%s: %w", c.Label, err)}
		}
		same := func(other encoder) bool { return other.tokens == e.tokens && other.width == e.width }
		if !slices.ContainsFunc(different, same) {
			different = append(different, e)
		}
	}
	return different, nil
}

// fused are the fused tokens of encoders of the first modalities.
type fused struct {
	tokens int
	// width is the width of the encoders' tokens before fusion, and fused the width after it.
	width, fused int
	// encoder is the last modality's encoder and before the fused tokens of the previous modalities (nil if there are none):
	// one example of encoders that lead to these tokens.
	encoder strategy.Candidate
	before  *fused
}

// encoders returns the encoders of the example, one per modality.
func (f *fused) encoders() []strategy.Candidate {
	if f == nil {
		return nil
	}
	return append(f.before.encoders(), f.encoder)
}

// labels returns the labels of the encoders.
func (f *fused) labels() (labels []string) {
	for _, e := range f.encoders() {
		labels = append(labels, e.Label)
	}
	return labels
}

// choices returns the encoders with a fusion function and a network.
func (f *fused) choices(modalities []strategy.Modality, fusion strategy.Function, network strategy.Candidate) strategy.Choices {
	c := strategy.Choices{Encoders: map[string]strategy.Candidate{}, Fusion: fusion, Network: network}
	for i, e := range f.encoders() {
		c.Encoders[modalities[i].Name] = e
	}
	return c
}

// mostFused limits the different tokens that are followed from modality to modality. If there are more, an evenly spaced
// selection is followed; a network that does not fit the others fails in its trial, and loses.
const mostFused = 1 << 10

// reachable returns the different tokens that a function can make from the tokens of encoders, one per modality. A fusion
// network sees only their number and width. It proceeds modality by modality and assumes that fusing all modalities gives as
// many tokens as fusing the last one with the fused tokens of the previous ones, as is true of sums and maxima.
func reachable(function mixer.FusionChoice, encoders [][]encoder) ([]*fused, error) {
	ends := []*fused{nil}
	for _, candidates := range encoders {
		known := map[[2]int]bool{}
		var next []*fused
		for _, before := range ends {
			for _, e := range candidates {
				f := &fused{width: e.width, encoder: e.Candidate, before: before}
				counts := []int{e.tokens}
				if before != nil {
					f.width, counts = max(before.width, e.width), []int{before.tokens, e.tokens}
				}
				var err error
				if f.tokens, f.fused, err = function.Output(f.width, counts...); err != nil {
					return nil, err
				}
				if key := [2]int{f.tokens, f.width}; !known[key] {
					known[key] = true
					next = append(next, f)
				}
			}
		}
		ends = thin(next, mostFused)
	}
	return ends, nil
}

// thin returns at most the given number of elements, evenly spaced from the fewest tokens to the most.
func thin(list []*fused, most int) []*fused {
	if len(list) <= most {
		return list
	}
	slices.SortFunc(list, func(a, b *fused) int { return cmp.Or(cmp.Compare(a.tokens, b.tokens), cmp.Compare(a.width, b.width)) })
	kept := make([]*fused, most)
	for i := range kept {
		kept[i] = list[i*(len(list)-1)/(most-1)]
	}
	return kept
}
