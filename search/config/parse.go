package config

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"mixmas/search/dataset"
)

//go:embed builtin.yaml
var builtin []byte

// Default is the plan that needs no data: the built-in audio-visual digits and a small, quick set of candidates.
func Default() *Config {
	c, err := Parse("built-in configuration", builtin)
	if err != nil {
		panic(err)
	}
	c.file = ""
	return c
}

// Load reads a file. Its errors are those of Parse, or of reading the file.
func Load(path string) (*Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return Parse(path, text)
}

// Parse reads and checks a configuration. Its error joins one [*Error] for each thing that is wrong; name is the file in
// them.
func Parse(name string, text []byte) (*Config, error) {
	d := &decoder{file: name, lines: map[string]int{}}
	c := base()
	c.file, c.lines = name, d.lines
	root, err := document(name, text)
	if err != nil {
		return nil, err
	}
	d.value(root, "", reflect.ValueOf(c).Elem(), rules{})
	if len(d.errs) == 0 || c.Data.Format != "" {
		c.check(d)
	}
	if len(d.errs) > 0 {
		return nil, errors.Join(d.errs...)
	}
	if c.Name == "" {
		c.Name = c.Data.Format
	}
	return c, nil
}

// document is the one document of a YAML text.
func document(name string, text []byte) (*yaml.Node, error) {
	stream := yaml.NewDecoder(strings.NewReader(string(text)))
	var root, more yaml.Node
	switch err := stream.Decode(&root); {
	case errors.Is(err, io.EOF):
		return nil, &Error{File: name, Line: 1, Text: "the configuration is empty"}
	case err != nil:
		return nil, syntaxError(name, err)
	}
	switch err := stream.Decode(&more); {
	case errors.Is(err, io.EOF):
	case err != nil:
		return nil, syntaxError(name, err)
	default:
		return nil, &Error{File: name, Line: max(more.Line, 1), Text: "want one YAML document, got a second one"}
	}
	return root.Content[0], nil
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntaxError moves the line of a YAML error to where other errors have it.
func syntaxError(name string, err error) error {
	e := &Error{File: name, Line: 1, Text: err.Error()}
	if m := yamlLine.FindStringSubmatch(e.Text); m != nil {
		e.Text = strings.TrimPrefix(e.Text, m[0])
		if line, err := strconv.Atoi(m[1]); err == nil {
			e.Line = line
		}
	}
	return e
}

// decode reads {format, pos_weight, the format's options}.
func (data *Data) decode(d *decoder, n *yaml.Node, field string) {
	if n.Kind != yaml.MappingNode {
		d.mapping(n, field, nil)
		return
	}
	name := lookup(n, "format")
	if name == nil {
		_, err := dataset.Lookup("")
		_, known, _ := strings.Cut(err.Error(), ": ")
		d.errorf(n.Line, field, "format is missing: %s", known)
		return
	}
	d.value(name, join(field, "format"), reflect.ValueOf(&data.Format).Elem(), rules{})
	format, err := dataset.Lookup(data.Format)
	if err != nil {
		if data.Format != "" {
			d.errorf(name.Line, join(field, "format"), "%v", err)
		}
		return
	}
	data.Options = format.Options()
	options := reflect.ValueOf(data.Options).Elem()
	d.mapping(n, field, func(key, value *yaml.Node) bool {
		switch key.Value {
		case "format":
			return true
		case "pos_weight":
			d.value(value, join(field, "pos_weight"), reflect.ValueOf(&data.PosWeight).Elem(), parseRules("exclusiveMinimum=0"))
			return true
		}
		f, ok := fieldByName(options, key.Value)
		if ok {
			d.value(value, join(field, f.name), f.value, f.rules)
		}
		return ok
	}, append([]string{"format", "pos_weight"}, fieldNames(options)...)...)
}
