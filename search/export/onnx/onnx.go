package onnx

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"mixmas/nn"
	"mixmas/search/dataset/records"
	"mixmas/search/model"
)

// Options say who writes a file.
type Options struct {
	// Producer is the version of the program, for the file's producer_version.
	Producer string
}

// Write writes a model as an ONNX file (opset 17, IR version 8): from raw inputs to logits, probabilities and labels, with a
// batch of any size. docs/export.md describes its inputs, outputs and metadata. The same model gives the same bytes. The error
// names an operation that has no translation, or what is too large for a file of this kind.
func Write(w io.Writer, m *model.Model, o Options) error {
	var file *message
	if err := guarded(func() { file = encode(m, o) }); err != nil {
		return fmt.Errorf("export as ONNX: %w", err)
	}
	_, err := file.WriteTo(w)
	return err
}

// encode builds the file.
func encode(m *model.Model, o Options) *message {
	g := newGraph("logits", "probabilities", "labels")
	prepared := map[string]*tensor{}
	var inputs []Input
	var features map[string][]string
	if m.Input != nil {
		features, _ = records.FeatureNames(m.Input) // other formats have recipes without names
	}
	for _, modality := range m.Modalities() {
		inputs = append(inputs, g.prepare(modality, m.Preprocessing[modality.Name], features[modality.Name], prepared)...)
	}
	g.whole(m, prepared)
	var logits []*tensor
	for i, p := range m.Parts() {
		if m.Ensemble != nil {
			g.prefix = fmt.Sprintf("member.%d.", i)
		}
		if err := guarded(func() { logits = append(logits, g.translate(p.Network, p.Weights, prepared)) }); err != nil {
			if m.Ensemble != nil {
				err = fmt.Errorf("member %d: %w", i, err)
			}
			fail("%w", err)
		}
	}
	all := logits[0]
	if m.Ensemble != nil {
		all = g.combined(m.Kind(), m.Ensemble.Mean, m.Ensemble.Members, logits)
	}
	g.predictions(m, all)
	about := fmt.Sprintf("%s, trained by mixmas on data of fingerprint %s. It reads %s.", m.Name, m.Data.Fingerprint, m.Reads())
	return o.file(g.encode(), about, metadata(m, inputs))
}

// whole gives members of an ensemble that read the mask of a modality, which others read without one, a mask of ones: no row lacks it.
func (g *graph) whole(m *model.Model, prepared map[string]*tensor) {
	for _, modality := range m.Modalities() {
		mask := modality.Name + ".mask"
		if prepared[mask] != nil {
			continue
		}
		for _, p := range m.Parts() {
			if slices.ContainsFunc(p.Network.Inputs(), func(in nn.ModelInput) bool { return in.Name == mask }) {
				g.scope = modality.Name
				steps := modality.Kind.Steps(modality.Shape)
				one := g.numbers(mask, fixedAll(1, steps), slices.Repeat([]float32{1}, steps))
				prepared[mask] = g.expand(one, []size{theBatch, fixed(steps)})
				break
			}
		}
	}
}

// metadata are the file's properties, in their order: name and value.
func metadata(m *model.Model, inputs []Input) [][2]string {
	text := func(v any) string {
		b, err := json.Marshal(v)
		if err != nil {
			fail("metadata: %w", err)
		}
		return string(b)
	}
	list := [][2]string{
		{"classes", text(m.Classes)},
		{"inputs", text(inputs)},
		{"task", strings.ReplaceAll(m.Kind().String(), " ", "_")},
		{"mixmas", text(m.Description)},
	}
	if m.Thresholds != nil {
		list = append(list, [2]string{"thresholds", text(m.Thresholds)})
	}
	return list
}

var errTooLarge = errors.New("the file would be larger than 2 GiB, the most that an ONNX file in one piece can be")
