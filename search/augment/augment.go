// Package augment changes the samples that a training reads, so that a model does not learn what should not matter: where in a picture
// something is, when a sound begins, a single word.
//
// An augmentation is registered by name with an options struct, one file each. It reads and writes standardised samples, in which 0 is
// the mean: what an augmentation takes away becomes 0. All that it draws comes from a [Draw], so that a sample is the same for the same
// seed, epoch and row, whatever runs beside it and on which machine.
package augment

import (
	"encoding/json"
	"fmt"
	"slices"

	"mixmas/nn/mixer"
	"mixmas/nn/options"
	"mixmas/nn/registry"
)

// Function changes a sample in place. steps is the number of its real steps: those of a sequence or text that are not padding, at the
// beginning of the sample. It is 1 for maps and tables. Samples without real steps are never changed. A function may have memory of
// its own: only one goroutine calls it at a time. It allocates nothing.
type Function func(draw *Draw, sample []float32, steps int)

// Augmentation is a registered family of changes.
type Augmentation struct {
	// Name selects it in configurations; Doc is one line of documentation.
	Name, Doc string
	// Kinds are the kinds of samples that it changes.
	Kinds []mixer.Kind
	// Options returns a pointer to the options struct with its defaults, with tags as package options reads them.
	Options func() any
	// New returns the function for samples of a kind and shape. The options satisfy the rules of their tags.
	New func(in mixer.Input, options any) (Function, error)
}

// Takes reports whether the augmentation changes samples of a kind.
func (a Augmentation) Takes(k mixer.Kind) bool { return slices.Contains(a.Kinds, k) }

// Inputs lists the kinds of samples that it changes, for example "map or sequence".
func (a Augmentation) Inputs() string { return mixer.Architecture{Kinds: a.Kinds}.Inputs() }

var augmentations = registry.New[Augmentation]("augmentation")

// Register adds an augmentation. It panics if the name is already used, or if Doc, Options or New is missing: these are programming
// errors.
func Register(a Augmentation) {
	if a.Options == nil || a.New == nil {
		panic("augmentation " + a.Name + " cannot be registered: it needs Options and New")
	}
	options.MustDescribe("augmentation "+a.Name, a.Options)
	augmentations.Register(a.Name, a.Doc, a)
}

// All lists the registered augmentations by name.
func All() []Augmentation { return augmentations.All() }

// Names lists the names of the augmentations.
func Names() []string { return augmentations.Names() }

// Lookup finds an augmentation by its name.
func Lookup(name string) (Augmentation, error) { return augmentations.Lookup(name) }

// Choice is a registered augmentation with its options.
type Choice struct {
	Augmentation string `json:"augmentation"`
	// Options points to the augmentation's options struct; nil means its defaults.
	Options any `json:"options"`
}

// UnmarshalJSON finds the augmentation and fills its options struct, over the defaults. Unknown names and options are errors.
func (c *Choice) UnmarshalJSON(data []byte) error {
	var raw struct {
		Augmentation string          `json:"augmentation"`
		Options      json.RawMessage `json:"options"`
	}
	if err := options.UnmarshalStrictly(data, &raw); err != nil {
		return err
	}
	a, err := Lookup(raw.Augmentation)
	if err != nil {
		return err
	}
	*c = Choice{raw.Augmentation, a.Options()}
	return options.Unmarshal(raw.Augmentation, raw.Options, c.Options)
}

// MarshalJSON writes all options, so that a later change of defaults does not change the meaning of the choice.
func (c Choice) MarshalJSON() ([]byte, error) {
	a, err := Lookup(c.Augmentation)
	if err != nil {
		return nil, err
	}
	if c.Options == nil {
		c.Options = a.Options()
	}
	type plain Choice
	return json.Marshal(plain(c))
}

// Function returns the chosen function for samples of a kind and shape.
func (c Choice) Function(in mixer.Input) (Function, error) {
	a, err := Lookup(c.Augmentation)
	if err != nil {
		return nil, err
	}
	if !a.Takes(in.Kind) {
		return nil, fmt.Errorf("%s does not change samples of kind %q: it changes %s", c.Augmentation, in.Kind, a.Inputs())
	}
	own, err := options.Of(a.Options, c.Options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Augmentation, err)
	}
	f, err := a.New(in, own)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Augmentation, err)
	}
	return f, nil
}
