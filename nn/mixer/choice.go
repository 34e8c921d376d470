package mixer

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"

	"mixmas/nn"
	"mixmas/nn/options"
)

// Choice is a registered architecture with its options.
type Choice struct {
	Architecture string `json:"architecture"`
	// Options points to the architecture's options struct; nil means its defaults.
	Options any `json:"options"`
}

// UnmarshalJSON finds the architecture and fills its options struct, over the defaults. Unknown names and options are
// errors.
func (c *Choice) UnmarshalJSON(data []byte) error {
	var raw struct {
		Architecture string          `json:"architecture"`
		Options      json.RawMessage `json:"options"`
	}
	if err := options.UnmarshalStrictly(data, &raw); err != nil {
		return err
	}
	architecture, err := Lookup(raw.Architecture)
	if err != nil {
		return err
	}
	*c = Choice{raw.Architecture, architecture.Options()}
	return options.Unmarshal(raw.Architecture, raw.Options, c.Options)
}

// MarshalJSON writes all options, so that a later change of defaults does not change the meaning of the specification.
func (c Choice) MarshalJSON() ([]byte, error) {
	architecture, err := Lookup(c.Architecture)
	if err != nil {
		return nil, err
	}
	if c.Options == nil {
		c.Options = architecture.Options()
	}
	type plain Choice
	return json.Marshal(plain(c))
}

// network creates the chosen architecture's parameters for an input.
func (c Choice) network(s *nn.Scope, in Input) (Network, error) {
	architecture, err := Lookup(c.Architecture)
	if err != nil {
		return nil, err
	}
	if !architecture.Takes(in.Kind) {
		return nil, fmt.Errorf("%s does not take inputs of kind %q: it takes %s", c.Architecture, in.Kind, architecture.Inputs())
	}
	network, err := architecture.Build(s, in, c.Options)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.Architecture, err)
	}
	return network, nil
}

// Fits returns an error if the choice cannot be a fusion network for the given number and width of tokens. It creates the
// network's parameters but records nothing, since recording may take much longer.
func (c Choice) Fits(tokens, width int) error {
	s := nn.NewScope()
	if _, err := c.network(s, Input{Kind: Tokens, Shape: []int{tokens, width}}); err != nil {
		return err
	}
	return s.Parameters().Err()
}

// FusionChoice is a registered fusion function with its options. Its JSON form is the name alone if the function has no
// options, and otherwise an object with the members function and options.
type FusionChoice struct {
	Function string `json:"function"`
	// Options points to the function's options struct; nil means its defaults.
	Options any `json:"options"`
}

// Fuse returns the choice of a fusion function with its default options.
func Fuse(function string) *FusionChoice { return &FusionChoice{Function: function} }

// UnmarshalJSON finds the function and fills its options struct, over the defaults. Unknown names and options are errors.
func (c *FusionChoice) UnmarshalJSON(data []byte) error {
	var raw struct {
		Function string          `json:"function"`
		Options  json.RawMessage `json:"options"`
	}
	into := any(&raw)
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte(`"`)) {
		into = &raw.Function
	}
	if err := options.UnmarshalStrictly(data, into); err != nil {
		return err
	}
	function, err := LookupFusion(raw.Function)
	if err != nil {
		return err
	}
	*c = FusionChoice{raw.Function, function.Options()}
	return options.Unmarshal(raw.Function, raw.Options, c.Options)
}

// MarshalJSON writes all options.
func (c FusionChoice) MarshalJSON() ([]byte, error) {
	function, err := LookupFusion(c.Function)
	if err != nil {
		return nil, err
	}
	if c.Options == nil {
		c.Options = function.Options()
	}
	if reflect.TypeOf(c.Options).Elem().NumField() == 0 {
		return json.Marshal(c.Function)
	}
	type plain FusionChoice
	return json.Marshal(plain(c))
}

// fuser creates the chosen function's parameters for the modalities' numbers of tokens, all of one width.
func (c FusionChoice) fuser(s *nn.Scope, width int, counts []int) (Fuser, error) {
	function, err := LookupFusion(c.Function)
	if err != nil {
		return nil, err
	}
	fuser, err := function.build(s, width, counts, c.Options)
	if err == nil {
		err = s.Parameters().Err()
	}
	if err != nil {
		return nil, fmt.Errorf("fusion function %s: %w", c.Function, err)
	}
	return fuser, nil
}

// Output returns the number and width of the fused tokens, given the modalities' numbers of tokens, all of one width.
func (c FusionChoice) Output(width int, counts ...int) (tokens, fused int, err error) {
	f, err := c.fuser(nn.NewScope(), width, counts)
	if err != nil {
		return 0, 0, err
	}
	return f.Tokens(), f.Width(), nil
}
