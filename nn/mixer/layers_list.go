package mixer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"

	"mixmas/nn/options"
)

// Layers are layers, one after another.
type Layers []Layer

// Layer is a registered kind of layer with its options.
type Layer struct {
	Name string
	// Options points to the options struct of the kind; nil means its defaults.
	Options any
}

// String returns the layers as they are in keys, for people.
func (l Layers) String() string {
	text, err := json.Marshal(l)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Limits of layers: how many there are, those that are repeated counted each time, and how deep they are nested. Published models
// have some hundreds, three deep.
const (
	mostLayers = 10_000
	// MostNestedLayers is the largest depth of layers within layers.
	MostNestedLayers = 16
)

// own returns the kind of a layer with its options, which are the defaults if there are none.
func (l Layer) own() (LayerKind, any, error) {
	kind, err := LookupLayer(l.Name)
	if err != nil {
		return kind, nil, err
	}
	own := l.Options
	if own == nil {
		own = kind.Options()
	}
	if have, want := reflect.TypeOf(own), reflect.TypeOf(kind.Options()); have != want || reflect.ValueOf(own).IsNil() {
		return kind, nil, fmt.Errorf("options of type %v cannot be used: want %v", have, want)
	}
	return kind, own, nil
}

// LayerPath returns the path of a layer in a list with the given path, such as layers[3].conv, and InnerPath that of the list of
// layers within it: layers[3].residual, or layers[3].layers of a repeat.
func LayerPath(list string, i int, name string) string {
	return list + "[" + strconv.Itoa(i) + "]." + name
}

// InnerPath returns the path of the layers within a layer of this kind: see [LayerPath].
func (k LayerKind) InnerPath(list string, i int) string {
	if k.beside != "" {
		return LayerPath(list, i, k.beside)
	}
	return LayerPath(list, i, k.Name)
}

// Check returns an [*options.Error] for the first thing that is wrong with the layers whatever their input is. path is that of the
// list.
func (l Layers) Check(path string) error {
	_, err := l.check(path, 1)
	return err
}

// check returns the number of layers, each time that they are repeated.
func (l Layers) check(path string, depth int) (count int, err error) {
	if len(l) == 0 {
		return 0, options.Errorf(path, "is empty: list at least one layer")
	}
	if depth > MostNestedLayers {
		return 0, options.Errorf(path, "layers are nested more than %d deep", MostNestedLayers)
	}
	for i, layer := range l {
		at := LayerPath(path, i, layer.Name)
		kind, own, err := layer.own()
		if err != nil {
			return 0, options.Errorf(path+"["+strconv.Itoa(i)+"]", "%v", err)
		}
		if err := options.Check(own); err != nil {
			return 0, within(at, kind, err)
		}
		made := 1
		if kind.inner != nil {
			inner, times := kind.inner(own)
			n, err := inner.check(kind.InnerPath(path, i), depth+1)
			if err != nil {
				return 0, err
			}
			made += n * times // both are small: at most mostLayers, and what the tag allows
		}
		if count += made; count > mostLayers {
			return 0, options.Errorf(at, "with it, there are more than %d layers: repeat fewer", mostLayers)
		}
	}
	return count, nil
}

// within puts the path of a layer before that of its option in an error.
func within(path string, kind LayerKind, err error) error {
	wrong := new(options.Error)
	switch {
	case !errors.As(err, &wrong):
		return options.Errorf(path, "%v", err)
	case wrong.Field == "":
		return options.Errorf(path, "%s", wrong.Text)
	case kind.beside != "" && wrong.Field != kind.beside: // {repeat: 0, layers: [...]}
		return options.Errorf(path, "%s", wrong.Text)
	}
	return options.Errorf(path+"."+wrong.Field, "%s", wrong.Text)
}

// MarshalJSON writes {"name": {options}}, without the options that have their registered values: so an option that a kind gets later
// changes no specification, and no key, that exists. Registered values therefore never change.
func (l Layer) MarshalJSON() ([]byte, error) {
	kind, own, err := l.own()
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	name, err := json.Marshal(l.Name)
	if err != nil {
		return nil, err
	}
	fmt.Fprintf(&b, "{%s:{", name)
	for i, f := range ChangedOptions(kind, own) {
		value, err := json.Marshal(f.Value.Interface())
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, "%q:%s", f.Name, value)
	}
	b.WriteString("}}")
	return b.Bytes(), nil
}

// ChangedOptions returns the options of a layer that do not have their registered values, in the order of the struct.
func ChangedOptions(kind LayerKind, own any) (changed []options.Field) {
	registered := options.Fields(reflect.ValueOf(kind.Options()).Elem())
	for i, f := range options.Fields(reflect.ValueOf(own).Elem()) {
		if !reflect.DeepEqual(f.Value.Interface(), registered[i].Value.Interface()) {
			changed = append(changed, f)
		}
	}
	return changed
}

// UnmarshalJSON reads {"name": {options}}, over the registered options. Unknown names and options are errors.
func (l *Layer) UnmarshalJSON(data []byte) error {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil || len(raw) != 1 {
		return fmt.Errorf("want a layer such as {\"conv\": {\"channels\": 8}}, got %.60s", data)
	}
	for name, text := range raw {
		kind, err := LookupLayer(name)
		if err != nil {
			return err
		}
		*l = Layer{name, kind.Options()}
		return options.Unmarshal(name, text, l.Options)
	}
	return nil
}

// UnmarshalJSON reads a list of layers. The depth is checked first, since each level is read again within the one around it.
func (l *Layers) UnmarshalJSON(data []byte) error {
	const levels = 3 // a list, a layer and its options
	if nested(data) > levels*MostNestedLayers {
		return fmt.Errorf("layers are nested more than %d deep", MostNestedLayers)
	}
	var list []Layer
	if err := json.Unmarshal(data, &list); err != nil {
		return err
	}
	*l = list
	return nil
}

// nested returns the most brackets that are open at once in JSON.
func nested(data []byte) (most int) {
	open, quoted := 0, false
	for i := 0; i < len(data); i++ {
		switch c := data[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			open++
			most = max(most, open)
		case c == '}' || c == ']':
			open--
		}
	}
	return most
}
