package plan

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"mixmas/nn/mixer"
	"mixmas/search/strategy"
)

// check builds every candidate, so that one that does not fit the data is found before anything is trained. What a fusion
// network is given depends on the encoders that win: it is created for the tokens that any of them may make, and the whole model
// is recorded for the first encoders and for those with the most tokens.
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
			return &FieldError{"search.fusions", fmt.Errorf("%s: %w", fusion.Label, err)}
		}
		largest := slices.MaxFunc(ends, func(a, b *fused) int { return cmp.Compare(a.tokens, b.tokens) })
		for _, network := range s.Networks {
			for i, end := range ends {
				err := network.Choice.Fits(end.tokens, end.fused)
				if err != nil || i == 0 || end == largest {
					err = cmp.Or(recordable(s.Model(end.choices(s.Modalities, fusion, network))), err) // of the two, the one that says more
				}
				if err != nil {
					return &FieldError{"search.networks", fmt.Errorf("%s with %s of %s: %w", network.Label, fusion.Label,
						strings.Join(end.labels(), ", "), err)}
				}
			}
		}
	}
	return nil
}

// encoder is a candidate of a modality by the tokens that it makes.
type encoder struct {
	strategy.Candidate
	tokens, width int
}

// differentEncoders builds a modality's candidates and returns those that make tokens of different number or width: to a
// fusion network the others are the same.
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
			return nil, &FieldError{"search.encoders." + m.Name, fmt.Errorf("%s: %w", c.Label, err)}
		}
		same := func(other encoder) bool { return other.tokens == e.tokens && other.width == e.width }
		if !slices.ContainsFunc(different, same) {
			different = append(different, e)
		}
	}
	return different, nil
}

// fused are the tokens that winning encoders of the first modalities are fused to.
type fused struct {
	tokens int
	// width is that of all encoders' tokens before they are fused, and fused that of the result.
	width, fused int
	// encoder is the last modality's and before what those before it make, nil for none: an example of how to get there.
	encoder strategy.Candidate
	before  *fused
}

// encoders are the encoders that lead there, one for each modality.
func (f *fused) encoders() []strategy.Candidate {
	if f == nil {
		return nil
	}
	return append(f.before.encoders(), f.encoder)
}

// labels are those of the encoders.
func (f *fused) labels() (labels []string) {
	for _, e := range f.encoders() {
		labels = append(labels, e.Label)
	}
	return labels
}

// choices are the encoders with a function and a network.
func (f *fused) choices(modalities []strategy.Modality, fusion strategy.Function, network strategy.Candidate) strategy.Choices {
	c := strategy.Choices{Encoders: map[string]strategy.Candidate{}, Fusion: fusion, Network: network}
	for i, e := range f.encoders() {
		c.Encoders[modalities[i].Name] = e
	}
	return c
}

// mostFused bounds the different tokens that are followed from modality to modality. Where there are more, some are left
// out, evenly; a network that does not fit those fails when it is tried, and loses.
const mostFused = 1 << 10

// reachable lists the different tokens that a function may make of those of the encoders, one for each modality. A fusion network sees
// no more of the encoders than their number and width. It goes modality by modality, and takes it that a function makes as
// many tokens of all as of the last one and what it makes of those before, as sums and maxima do.
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

// thin leaves at most as many, evenly between the fewest tokens and the most.
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
