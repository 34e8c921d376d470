package model

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mixmas/nn"
	"mixmas/nn/mixer"
	"mixmas/search/combine"
)

// Ensemble describes several models that predict together.
type Ensemble struct {
	Mean    combine.Mean `json:"mean"`
	Members []Member     `json:"members"`
}

// Member is one model of an ensemble. Its tensors are called member.K.NAME, K being its place, from 0.
type Member struct {
	Name  string              `json:"name,omitempty"`
	Model mixer.Specification `json:"model"`
	combine.Member
	// Training is the key of the member's training in the store.
	Training string `json:"training"`
}

const memberPrefix = "member."

// Join returns the weights of an ensemble, from those of its members.
func Join(members []nn.Weights) nn.Weights {
	all := nn.Weights{}
	for k, weights := range members {
		for name, tensor := range weights {
			all[memberPrefix+strconv.Itoa(k)+"."+name] = tensor
		}
	}
	return all
}

// split sorts what is named as tensors of an ensemble are by member, under the members' own names.
func split[T any](all map[string]T, members int) ([]map[string]T, error) {
	parts := make([]map[string]T, members)
	for name, x := range all {
		rest, ok := strings.CutPrefix(name, memberPrefix)
		number, own, dot := strings.Cut(rest, ".")
		k, err := strconv.Atoi(number)
		if !ok || !dot || err != nil || k < 0 || k >= members || strconv.Itoa(k) != number {
			return nil, fmt.Errorf("the tensors do not match the model: the ensemble of %d members has no %s", members, name)
		}
		if parts[k] == nil {
			parts[k] = map[string]T{}
		}
		parts[k][own] = x
	}
	return parts, nil
}

// build checks the members and builds their networks, whose parameters must match the shapes of the tensors.
func (e *Ensemble) build(shapes map[string][]int) ([]nn.Model, error) {
	if len(e.Members) == 0 {
		return nil, errors.New("the ensemble has no members")
	}
	if len(e.Members) > len(shapes) { // before anything is built for each of them
		return nil, fmt.Errorf("the tensors do not match the model: %d tensors for %d members", len(shapes), len(e.Members))
	}
	if err := e.Mean.Check(); err != nil {
		return nil, err
	}
	parts, err := split(shapes, len(e.Members))
	if err != nil {
		return nil, err
	}
	var networks []nn.Model
	forms := map[string]mixer.Modality{}
	for k, m := range e.Members {
		if err := m.Check(); err != nil {
			return nil, fmt.Errorf("member %d: %w", k, err)
		}
		if err := e.agrees(k, forms); err != nil {
			return nil, fmt.Errorf("member %d: %w", k, err)
		}
		network, err := buildOne(m.Model, parts[k])
		if err != nil {
			return nil, fmt.Errorf("member %d: %w", k, err)
		}
		networks = append(networks, network)
	}
	return networks, nil
}

// agrees returns an error unless a member predicts the same as the first one, and reads modalities in the form in which members
// before it read them: forms has these by name, and gets the others. A member that was trained to do without a modality has a mask that
// others need not have.
func (e *Ensemble) agrees(k int, forms map[string]mixer.Modality) error {
	m, first := e.Members[k].Model, e.Members[0].Model
	if m.Classes != first.Classes || m.MultiLabel != first.MultiLabel {
		return fmt.Errorf("it predicts %d classes, multi-label %t, but member 0 predicts %d, %t", m.Classes, m.MultiLabel, first.Classes, first.MultiLabel)
	}
	for _, reads := range m.Modalities {
		other, known := forms[reads.Name]
		if known && (other.Kind != reads.Kind || !slices.Equal(other.Shape, reads.Shape) || other.Vocabulary != reads.Vocabulary ||
			other.Masked != reads.Masked && !other.Optional && !reads.Optional) {
			return fmt.Errorf("it reads the modality %s in another form than a member before it", reads.Name)
		}
		forms[reads.Name] = reads
	}
	return nil
}

// parts returns the networks with their weights, which match.
func (d *Description) parts(networks []nn.Model, weights nn.Weights) []Part {
	if d.Ensemble == nil {
		return []Part{{networks[0], weights}}
	}
	own, _ := split(weights, len(networks)) // build has checked the names
	list := make([]Part, len(networks))
	for k, network := range networks {
		list[k] = Part{network, own[k]}
	}
	return list
}
