package mixer

import (
	"errors"
	"fmt"
	"strings"

	"mixmas/nn"
	"mixmas/nn/registry"
)

// Predictions of a multimodal model.
const (
	// MeanPrediction is the mean of the logits of the fused tokens and of all modalities. Searched models use it.
	MeanPrediction = "mean"
	// FusionPrediction uses the logits of the fused tokens alone, as M2-Mixer does (Bezirganyan et al. 2023).
	FusionPrediction = "fusion"
)

// Multimodal has one encoder per modality, linear layers to a common width, a fusion function, a fusion network, and a head
// on the mean of the network's tokens. Each modality also has a head on the mean of its own tokens. The loss is that of the
// prediction plus those of all modalities. A modality that a row lacks has no part in it: its logits are 0, do not count in
// the prediction's mean, and train nothing. It implements [nn.Model].
type Multimodal struct {
	labelling
	modalities []encodedModality
	align      []*nn.Linear // nil if the modality has the common width
	heads      []*nn.Linear
	fusion     Fuser
	network    Network
	head       *nn.Linear
	prediction string
}

// newMultimodal creates encoders.NAME.*, by the function encode, and align.NAME.*, heads.NAME.*, fusion.*, network.* and head.*.
func newMultimodal(spec Specification, encode func(*nn.Scope, Modality) (encodedModality, error)) (nn.Model, error) {
	if len(spec.Modalities) == 0 {
		return nil, errors.New("a model needs at least one modality")
	}
	if spec.Fusion == nil || spec.Network == nil {
		return nil, errors.New("a multimodal model needs both a fusion function and a fusion network")
	}
	s := nn.NewScope()
	m := &Multimodal{prediction: spec.Prediction}
	var err error
	if m.labelling, err = newLabelling(s, spec); err != nil {
		return nil, err
	}
	if m.prediction == "" {
		m.prediction = MeanPrediction
	}
	if m.prediction != MeanPrediction && m.prediction != FusionPrediction {
		return nil, registry.Unknown("prediction", m.prediction, []string{MeanPrediction, FusionPrediction})
	}
	width := 0
	var counts []int
	for _, modality := range spec.Modalities {
		e, err := encode(s.In("encoders", modality.Name), modality)
		if err != nil {
			return nil, err
		}
		m.modalities = append(m.modalities, e)
		width, counts = max(width, e.network.Width()), append(counts, e.network.Tokens())
	}
	if spec.Width < 0 {
		return nil, fmt.Errorf("width: want 0 or more, got %d", spec.Width)
	}
	if spec.Width > 0 {
		width = spec.Width
	}
	for _, e := range m.modalities {
		var align *nn.Linear
		if e.network.Width() != width {
			align = nn.NewLinear(s.In("align", e.name), e.network.Width(), width)
		}
		m.align = append(m.align, align)
		m.heads = append(m.heads, nn.NewLinear(s.In("heads", e.name), e.network.Width(), spec.Classes))
	}
	if m.fusion, err = spec.Fusion.fuser(s.In("fusion"), width, counts); err != nil {
		return nil, err
	}
	fused := Input{Kind: Tokens, Shape: []int{m.fusion.Tokens(), m.fusion.Width()}}
	if m.network, err = spec.Network.network(s.In("network"), fused); err != nil {
		return nil, fmt.Errorf("fusion network: %w", err)
	}
	m.head = nn.NewLinear(s.In("head"), m.network.Width(), spec.Classes)
	return m, s.Parameters().Err()
}

// Inputs implements [nn.Model].
func (m *Multimodal) Inputs() []nn.ModelInput {
	var list []nn.ModelInput
	for _, e := range m.modalities {
		list = append(list, e.inputs()...)
	}
	return list
}

// Forward implements [nn.Model].
func (m *Multimodal) Forward(g *nn.Graph, inputs []*nn.Value, labels *nn.Value) (logits, loss *nn.Value) {
	logits, each := m.Logits(g, inputs)
	return logits, m.loss(g, labels, append([]*nn.Value{logits}, each...)...)
}

// Logits records the model's prediction and the logits of each modality, all (b, classes).
func (m *Multimodal) Logits(g *nn.Graph, inputs []*nn.Value) (prediction *nn.Value, each []*nn.Value) {
	var all, masks, presents []*nn.Value
	for i, modality := range m.modalities {
		var e encoded
		e, inputs = modality.encode(g, inputs)
		z := m.heads[i].Forward(g, e.mean(g))
		if e.present != nil {
			z = g.Mul(z, e.present)
			presents = append(presents, e.present)
		}
		each = append(each, z)
		if m.align[i] != nil {
			if e.tokens = m.align[i].Forward(g, e.tokens); e.present != nil { // without the bias where there is no token
				e.tokens = g.Mul(e.tokens, g.Reshape(e.mask, e.mask.Shape[0], e.mask.Shape[1], 1))
			}
		}
		all, masks = append(all, e.tokens), append(masks, e.mask)
	}
	fused, mask := m.fusion.Forward(g, all, masks)
	fused = m.network.Forward(g, fused, mask)
	if m.network.Tokens() != m.fusion.Tokens() { // the mask does not describe the network's tokens
		mask = nil
	}
	prediction = m.head.Forward(g, meanToken(g, fused, mask))
	if m.prediction == MeanPrediction {
		for _, z := range each {
			prediction = g.Add(prediction, z)
		}
		if presents == nil {
			return g.Scale(prediction, 1/float64(len(each)+1)), each
		}
		count := g.Constant("always", []float32{float32(1 + len(each) - len(presents))}, 1)
		for _, present := range presents {
			count = g.Add(present, count)
		}
		prediction = g.Div(prediction, count)
	}
	return prediction, each
}

// WarmStart renames the weights of a modality's [Classifier] to what the [Multimodal] model calls them: encoder.* becomes
// encoders.NAME.*, and head.* becomes heads.NAME.*.
func WarmStart(modality string, classifier nn.Weights) nn.Weights {
	renamed := nn.Weights{}
	for name, tensor := range classifier {
		part, rest, _ := strings.Cut(name, ".")
		renamed[part+"s."+modality+"."+rest] = tensor
	}
	return renamed
}
