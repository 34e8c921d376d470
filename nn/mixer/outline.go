package mixer

import (
	"strings"
)

// Outline is what a model is made of.
type Outline struct {
	// Encoders are those of the modalities, in order.
	Encoders []EncoderOutline
	// Fusion and Network are nil for a model of one modality.
	Fusion, Network *PartOutline
	// Head is the number of parameters of the head, and Classes of what it says.
	Head, Classes int
	// Parameters is the number of parameters of the whole model.
	Parameters int
}

// PartOutline is a part of a model, with the tokens that it passes on and their width.
type PartOutline struct {
	// Name is that of the architecture or fusion function.
	Name          string
	Tokens, Width int
	Parameters    int
}

// EncoderOutline is the encoder of a modality.
type EncoderOutline struct {
	Modality
	PartOutline
	// Align is the number of parameters of the linear layer to the common width, and Head that of the modality's own head.
	Align, Head int
}

// Outline builds the model and tells what it is made of.
func (spec Specification) Outline() (*Outline, error) {
	m, err := Build(spec)
	if err != nil {
		return nil, err
	}
	o := &Outline{Classes: spec.Classes, Parameters: m.Parameters().Count()}
	under := func(prefix string) (n int) {
		for _, p := range m.Parameters().All() {
			if p.Trainable && strings.HasPrefix(p.Name, prefix+".") {
				n += p.Size()
			}
		}
		return n
	}
	part := func(name, prefix string, n interface {
		Tokens() int
		Width() int
	}) PartOutline {
		return PartOutline{Name: name, Tokens: n.Tokens(), Width: n.Width(), Parameters: under(prefix)}
	}
	o.Head = under("head")
	switch m := m.(type) {
	case *Classifier:
		of := spec.Modalities[0]
		o.Encoders = []EncoderOutline{{Modality: of, PartOutline: part(of.Encoder.Architecture, "encoder", m.modality.network)}}
	case *Multimodal:
		for i, of := range spec.Modalities {
			o.Encoders = append(o.Encoders, EncoderOutline{Modality: of, PartOutline: part(of.Encoder.Architecture, "encoders."+of.Name, m.modalities[i].network),
				Align: under("align." + of.Name), Head: under("heads." + of.Name)})
		}
		fusion, network := part(spec.Fusion.Function, "fusion", m.fusion), part(spec.Network.Architecture, "network", m.network)
		o.Fusion, o.Network = &fusion, &network
	}
	return o, nil
}
