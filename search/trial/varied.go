package trial

import (
	"fmt"
	"maps"
	"slices"
	"sync"

	"mixmas/nn"
	"mixmas/nn/dimensions"
	"mixmas/nn/mixer"
	"mixmas/search/augment"
)

// varied are training samples that differ from epoch to epoch: augmented, mixed with other rows, and without some of their
// modalities, in this order. Everything depends on the seed, the epoch and the row alone. It implements [nn.EpochSamples].
type varied struct {
	nn.Samples
	recipe Recipe
	seed   uint64
	inputs []variedInput
	// modalities are the numbers of the inputs of each modality and its mask, the latter -1 if it has none.
	modalities []variedModality

	mutex            sync.Mutex // guards the memory below
	draw             augment.Draw
	other, otherMask []float32
}

type variedModality struct {
	input, mask, steps int
	masks              []float32
}

// variedInput is an input of a model.
type variedInput struct {
	modality int
	isMask   bool
	// functions change the samples, each for a purpose of random numbers.
	functions []augment.Function
	purposes  []uint32
	// blank is what a row has that lacks the modality; nil for zeros.
	blank []float32
}

// varies returns whether a training of a recipe reads samples that differ from epoch to epoch.
func (r Recipe) varies() bool { return len(r.Augment) > 0 || r.Mixup > 0 || r.DropModality > 0 }

// settled returns a specification without the parts of its recipe that have no effect, so that their values do not matter to its
// key: augmentation of modalities that the model does not read, or whose encoder is frozen and so runs once, and missing modalities if
// there is only one. A model that is to do without modalities gets a mask for each.
func (s Specification) settled() Specification {
	augmented := map[string][]augment.Choice{}
	for _, m := range s.Model.Modalities {
		if list := s.Recipe.Augment[m.Name]; len(list) > 0 && !s.Frozen {
			augmented[m.Name] = list
		}
	}
	if s.Recipe.Augment = augmented; len(augmented) == 0 {
		s.Recipe.Augment = nil
	}
	if len(s.Model.Modalities) < 2 {
		s.Recipe.DropModality = 0
	}
	if s.Recipe.DropModality > 0 {
		s.Model.Modalities = slices.Clone(s.Model.Modalities)
		for i := range s.Model.Modalities {
			m := &s.Model.Modalities[i]
			m.Masked, m.Optional = true, true
		}
	}
	return s
}

// Settle removes what has no effect from the job's recipe, and lets the model do without modalities if the recipe says so. It is called
// when the model, the recipe and Frozen are set.
func (j *Job) Settle() { j.Specification = j.Specification.settled() }

// checkVaried returns an error unless the samples of a specification can vary as its recipe says.
func (s Specification) checkVaried() error {
	r := s.Recipe
	switch {
	case !(r.Mixup >= 0 && r.Mixup <= 1):
		return fmt.Errorf("mixup of %v: want from 0 to 1", r.Mixup)
	case !(r.DropModality >= 0 && r.DropModality < 1):
		return fmt.Errorf("modalities dropped with probability %v: want from 0 to less than 1", r.DropModality)
	}
	for _, m := range s.Model.Modalities {
		switch {
		case r.Mixup > 0 && m.Kind == mixer.Text && !s.Frozen:
			return fmt.Errorf("modality %s: mixup mixes numbers, but it is a text", m.Name)
		case r.DropModality > 0 && !m.Masked:
			return fmt.Errorf("modality %s: the recipe drops modalities, but the model has no mask for it", m.Name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(r.Augment)) {
		i := slices.IndexFunc(s.Model.Modalities, func(m mixer.Modality) bool { return m.Name == name })
		if i < 0 || s.Frozen {
			return fmt.Errorf("the recipe augments modality %s, which the model does not read as it is", name)
		}
		for _, c := range r.Augment[name] {
			if _, err := c.Function(s.Model.Modalities[i].Input()); err != nil {
				return fmt.Errorf("modality %s: %w", name, err)
			}
		}
	}
	return nil
}

// newVaried returns the samples of a training as its recipe varies them. Their inputs are those of the model. blanks has for modalities
// what a row reads that lacks them, instead of zeros.
func newVaried(samples nn.Samples, spec Specification, model nn.Model, seed uint64, blanks map[string][]float32) (*varied, error) {
	v := &varied{Samples: samples, recipe: spec.Recipe, seed: seed}
	largest := 0
	for i, m := range spec.Model.Modalities {
		of := variedModality{mask: -1, steps: m.Kind.Steps(m.Shape)}
		for _, in := range model.Inputs() {
			read := variedInput{modality: i}
			switch in.Name {
			case m.Name, mixer.TokensInput(m.Name):
				of.input = len(v.inputs)
				read.blank = blanks[m.Name]
				for k, c := range spec.Recipe.Augment[m.Name] {
					f, err := c.Function(m.Input())
					if err != nil {
						return nil, fmt.Errorf("modality %s: %w", m.Name, err)
					}
					read.functions = append(read.functions, f)
					read.purposes = append(read.purposes, augment.Purpose(fmt.Sprintf("augment %s %d %s", m.Name, k, c.Augmentation)))
				}
			case m.Name + ".mask":
				of.mask, read.isMask = len(v.inputs), true
				of.masks = make([]float32, of.steps)
			default:
				continue
			}
			largest = max(largest, dimensions.Product(in.Shape))
			v.inputs = append(v.inputs, read)
		}
		v.modalities = append(v.modalities, of)
	}
	largest = max(largest, model.Classes())
	v.other, v.otherMask = make([]float32, largest), make([]float32, largest)
	return v, nil
}

// Varies implements [nn.EpochSamples], as do the other methods.
func (v *varied) Varies(input int) bool {
	return len(v.inputs[input].functions) > 0 || v.recipe.Mixup > 0 || v.recipe.DropModality > 0
}

func (v *varied) VariesLabel() bool { return v.recipe.Mixup > 0 }

func (v *varied) ReadIn(epoch, row, input int, dst []float32) error {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	in := v.inputs[input]
	if dropped, err := v.drops(epoch, row, in.modality); err != nil {
		return err
	} else if dropped {
		clear(dst)
		copy(dst, in.blank)
		return nil
	}
	if in.isMask {
		return v.readMask(epoch, row, input, dst)
	}
	if err := v.augmented(epoch, row, input, dst); err != nil || v.recipe.Mixup == 0 {
		return err
	}
	partner, share := v.partner(epoch, row)
	other := v.other[:len(dst)]
	if err := v.augmented(epoch, partner, input, other); err != nil {
		return err
	}
	mix(dst, other, share)
	return nil
}

func (v *varied) LabelIn(epoch, row int, dst []float32) error {
	v.mutex.Lock()
	defer v.mutex.Unlock()
	if err := v.Label(row, dst); err != nil || v.recipe.Mixup == 0 {
		return err
	}
	partner, share := v.partner(epoch, row)
	other := v.other[:len(dst)]
	if err := v.Label(partner, other); err != nil {
		return err
	}
	mix(dst, other, share)
	return nil
}

// mix mixes a share of x with another one. The conversions keep the products apart from the sum, so that all machines round alike.
func mix(x, other []float32, share float32) {
	for i := range x {
		x[i] = float32(share*x[i]) + float32((1-share)*other[i])
	}
}

// readMask reads the mask of a row: of one that is mixed with another, what is real in either.
func (v *varied) readMask(epoch, row, input int, dst []float32) error {
	if err := v.Read(row, input, dst); err != nil || v.recipe.Mixup == 0 {
		return err
	}
	partner, _ := v.partner(epoch, row)
	other := v.otherMask[:len(dst)]
	if err := v.Read(partner, input, other); err != nil {
		return err
	}
	for i := range dst {
		dst[i] = max(dst[i], other[i])
	}
	return nil
}

// augmented reads one input of a row and augments it.
func (v *varied) augmented(epoch, row, input int, dst []float32) error {
	if err := v.Read(row, input, dst); err != nil {
		return err
	}
	in := v.inputs[input]
	if len(in.functions) == 0 {
		return nil
	}
	steps, err := v.steps(row, in.modality)
	if steps == 0 || err != nil {
		return err
	}
	for i, f := range in.functions {
		v.draw = augment.NewDraw(v.seed, in.purposes[i], epoch, row)
		f(&v.draw, dst, steps)
	}
	return nil
}

// steps returns how many steps of a modality of a row are real.
func (v *varied) steps(row, modality int) (int, error) {
	m := v.modalities[modality]
	if m.mask < 0 {
		return m.steps, nil
	}
	if err := v.Read(row, m.mask, m.masks); err != nil {
		return 0, err
	}
	n := 0
	for n < len(m.masks) && m.masks[n] != 0 {
		n++
	}
	return n, nil
}

var (
	mixing   = augment.Purpose("mixup")
	dropping = augment.Purpose("drop modality")
)

// partner returns the row that a row is mixed with, and the share of the row itself.
func (v *varied) partner(epoch, row int) (partner int, share float32) {
	draw := augment.NewDraw(v.seed, mixing, epoch, row)
	return draw.Below(v.Len()), draw.Beta(v.recipe.Mixup)
}

// drops reports whether a row lacks a modality in an epoch. A row that has modalities keeps at least one of them: that with the largest
// random number.
func (v *varied) drops(epoch, row, modality int) (bool, error) {
	if v.recipe.DropModality == 0 {
		return false, nil
	}
	draw := augment.NewDraw(v.seed, dropping, epoch, row)
	own, kept, largest := 0.0, -1, -1.0
	for i := range v.modalities {
		u := draw.Uniform()
		if i == modality {
			own = u
		}
		if u <= largest {
			continue
		}
		if steps, err := v.steps(row, i); err != nil {
			return false, err
		} else if steps > 0 {
			kept, largest = i, u
		}
	}
	return own < v.recipe.DropModality && kept != modality, nil
}
