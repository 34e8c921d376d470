package search

import (
	"cmp"
	"slices"
	"strings"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
)

// checkCandidates builds every candidate, so that one that does not fit the data is found before anything is trained. What
// a fusion network is given depends on the encoders that win: it is created for the tokens that any of them may make, and
// the whole model is recorded for the first encoders and for those with the most tokens.
func (s *Search) checkCandidates() error {
	var encoders [][]encoder
	for _, m := range s.data.Modalities() {
		different, err := s.differentEncoders(m)
		if err != nil {
			return err
		}
		encoders = append(encoders, different)
	}
	for _, function := range s.config.Search.Fusions {
		ends, err := reachable(fusionChoice(function, s.dropout()), encoders)
		if err != nil {
			return s.config.Errorf("search.fusions", "%s: %v", function.Label, err)
		}
		largest := slices.MaxFunc(ends, func(a, b *fused) int { return cmp.Compare(a.tokens, b.tokens) })
		for _, c := range s.config.Search.Networks {
			network := choice(c, s.dropout())
			for i, end := range ends {
				err := network.Fits(end.tokens, end.fused)
				if err != nil || i == 0 || end == largest {
					err = cmp.Or(recordable(s.fusedModel(end.stages(), function, c, s.dropout())), err) // of the two, the one that says more
				}
				if err != nil {
					return s.config.Errorf("search.networks", "%s with %s of %s: %v", c.Label, function.Label, winners(end.stages()), err)
				}
			}
		}
	}
	return nil
}

// encoder is a candidate of a modality by the tokens that it makes.
type encoder struct {
	label         string
	tokens, width int
}

// differentEncoders builds a modality's candidates and returns those that make tokens of different number or width: to a
// fusion network the others are the same.
func (s *Search) differentEncoders(m dataset.Modality) ([]encoder, error) {
	var different []encoder
	for _, c := range s.config.Search.Encoders[m.Name] {
		spec := s.encoderModel(m, c, s.dropout())
		err := recordable(spec)
		e := encoder{label: c.Label}
		if err == nil {
			e.tokens, e.width, err = spec.Modalities[0].Output()
		}
		if err != nil {
			return nil, s.config.Errorf("search.encoders."+m.Name, "%s: %v", c.Label, err)
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
	// label is the last modality's encoder and before what those before it make, nil for none: an example of how to get there.
	label  string
	before *fused
}

// stages are the encoder stages as they would end.
func (f *fused) stages() []*Stage {
	if f == nil {
		return nil
	}
	return append(f.before.stages(), &Stage{Outcomes: []*Outcome{{Trial: &Trial{Label: f.label}}}})
}

// mostFused bounds the different tokens that are followed from modality to modality. Where there are more, some are left
// out, evenly; a network that does not fit those fails when it is tried, and loses.
const mostFused = 1 << 10

// reachable lists the different tokens that a function may make of those of the encoders, one a modality. A fusion network sees
// no more of the encoders than their number and width. It goes modality by modality, and takes it that a function makes as
// many tokens of all as of the last one and what it makes of those before, as sums and maxima do.
func reachable(function mixer.FusionChoice, encoders [][]encoder) ([]*fused, error) {
	ends := []*fused{nil}
	for _, candidates := range encoders {
		known := map[[2]int]bool{}
		var next []*fused
		for _, before := range ends {
			for _, e := range candidates {
				f := &fused{width: e.width, label: e.label, before: before}
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

// winners names the winners of stages.
func winners(stages []*Stage) string {
	var names []string
	for _, s := range stages {
		names = append(names, s.Winner().Trial.Label)
	}
	return strings.Join(names, ", ")
}
