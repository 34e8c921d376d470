package torch

import (
	"fmt"
	"slices"

	"mixmas/nn/mixer"
	"mixmas/nn/options"
	"mixmas/search/model"
)

// member is a network of a model: the only one, or one of an ensemble.
type member struct {
	mixer.Specification
	tokens, widths []int // of the encoders
	width          int   // of the tokens that are fused
}

// specifications are the model's architecture, or those of its members.
func specifications(m *model.Model) []mixer.Specification {
	if m.Ensemble == nil {
		return []mixer.Specification{m.Description.Model}
	}
	var list []mixer.Specification
	for _, member := range m.Ensemble.Members {
		list = append(list, member.Model)
	}
	return list
}

func newMember(spec mixer.Specification) (member, error) {
	m := member{Specification: spec, width: spec.Width}
	for _, modality := range spec.Modalities {
		n, d, err := modality.Output()
		if err != nil {
			return m, err
		}
		m.tokens, m.widths = append(m.tokens, n), append(m.widths, d)
	}
	if m.width == 0 {
		m.width = slices.Max(m.widths)
	}
	return m, nil
}

// aligned reports whether a modality's tokens have another width than those that are fused.
func (m member) aligned() bool {
	return m.Fusion != nil && slices.ContainsFunc(m.widths, func(d int) bool { return d != m.width })
}

// network is the expression of the model.
func (f *file) network() (string, error) {
	var members []string
	for _, m := range f.members {
		expression, err := m.expression(f.holds["both"])
		if err != nil {
			return "", err
		}
		members = append(members, expression)
	}
	if f.Ensemble == nil {
		return members[0], nil
	}
	list := brackets("[", members, "]")
	if slices.Equal(members[1:], members[:len(members)-1]) { // one architecture, trained several times
		list = times(len(members), members[0])
	}
	var weights, temperatures []float64
	for _, m := range f.Ensemble.Members {
		weights, temperatures = append(weights, m.Weight), append(temperatures, m.Temperature)
	}
	return Call("Ensemble", list, wrapped("weights=[", floats(weights), "]"), wrapped("temperatures=[", floats(temperatures), "]")), nil
}

// expression makes the network. both means that the ensemble has members of both predictions, mean and fusion.
func (m member) expression(both bool) (string, error) {
	var names, encoders, heads, aligned, aligns []string
	var tokens []mixer.Input
	for i, modality := range m.Modalities {
		encoder, err := architecture(modality.Encoder, modality.Input())
		if err != nil {
			return "", fmt.Errorf("modality %s: %w", modality.Name, err)
		}
		names, encoders, heads = append(names, modality.Name), append(encoders, encoder), append(heads, linear(m.widths[i], m.Classes))
		tokens = append(tokens, mixer.Input{Kind: mixer.Tokens, Shape: []int{m.tokens[i], m.width}})
		if m.widths[i] != m.width {
			aligned, aligns = append(aligned, modality.Name), append(aligns, linear(m.widths[i], m.width))
		}
	}
	if m.Fusion == nil {
		return Call("Classifier", text(names[0]), encoders[0], "head="+heads[0]), nil
	}
	fusion, err := fusionFunction(*m.Fusion, tokens)
	if err != nil {
		return "", err
	}
	n, d, err := m.Fusion.Output(m.width, m.tokens...)
	if err != nil {
		return "", err
	}
	fused := mixer.Input{Kind: mixer.Tokens, Shape: []int{n, d}}
	body, err := architecture(*m.Network, fused)
	if err != nil {
		return "", fmt.Errorf("fusion network: %w", err)
	}
	built, _, err := network(m.Network.Architecture, fused, m.Network.Options)
	if err != nil {
		return "", err
	}
	arguments := []string{"encoders=" + dictionary(names, encoders), "heads=" + dictionary(names, heads)}
	if len(aligned) > 0 {
		arguments = append(arguments, "align="+dictionary(aligned, aligns))
	}
	arguments = append(arguments, "fusion="+fusion, "network="+body, "head="+linear(built.Width(), m.Classes))
	if both && m.Prediction == mixer.FusionPrediction {
		arguments = append(arguments, `prediction="fusion"`)
	}
	return Call("Multimodal", arguments...), nil
}

// architecture is the expression of a chosen architecture for an input.
func architecture(c mixer.Choice, in mixer.Input) (string, error) {
	known, err := mixer.Lookup(c.Architecture)
	if err != nil {
		return "", err
	}
	form, ok := architectures.Get(c.Architecture)
	if !ok {
		return "", missing("architecture", c.Architecture, "Register")
	}
	own, err := options.Of(known.Options, c.Options)
	if err != nil {
		return "", err
	}
	return form.New(in, own)
}

// fusionFunction is the expression of a chosen fusion function for tokens.
func fusionFunction(c mixer.FusionChoice, tokens []mixer.Input) (string, error) {
	known, err := mixer.LookupFusion(c.Function)
	if err != nil {
		return "", err
	}
	form, ok := fusions.Get(c.Function)
	if !ok {
		return "", missing("fusion function", c.Function, "RegisterFusion")
	}
	own, err := options.Of(known.Options, c.Options)
	if err != nil {
		return "", err
	}
	return form.New(tokens, own)
}

// missing is the error for a part without a PyTorch form.
func missing(kind, name, register string) error {
	return fmt.Errorf("the %s %s has no PyTorch form: where it is registered, call torch.%s too, as docs/extending.md says", kind, name, register)
}
