package config

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strconv"
	"strings"

	"gopkg.in/yaml.v3"

	"mixmas/nn/options"
	"mixmas/search/dataset"
)

//go:embed builtin.yaml
var builtin []byte

// Default returns the configuration that needs no data files: the built-in audio-visual digits and a small, quick set of
// candidates.
func Default() *Config {
	c, err := Parse("built-in configuration", builtin)
	if err != nil {
		panic(err)
	}
	c.file, c.folder = "", ""
	return c
}

// Load reads a file. It returns the errors of Parse and of reading the file. If the file is not a regular file, such as a
// pipe, relative paths in it start at the working folder.
func Load(path string) (*Config, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	c, err := Read(path, f)
	if err == nil && info.Mode().IsRegular() {
		c.folder = filepath.Dir(path)
	}
	return c, err
}

// Read reads a configuration from a stream, such as standard input, to its end. It returns the errors of Parse and of
// reading; name stands for the file in them. Relative paths in the configuration start at the working folder.
func Read(name string, r io.Reader) (*Config, error) {
	text, err := io.ReadAll(io.LimitReader(r, largest+1))
	if err != nil {
		return nil, fmt.Errorf("configuration: %w", err)
	}
	return parseText(name, text)
}

// Parse reads and checks the text of a configuration. Its error joins one [*Error] for each of the first faults and gives the
// number of the others. name is the file in errors, and relative paths start at its folder.
func Parse(name string, text []byte) (*Config, error) {
	c, err := parseText(name, text)
	if err == nil {
		c.folder = filepath.Dir(name)
	}
	return c, err
}

// Limits of a configuration: bytes, and marks between values. Lists of tens of thousands of classes fit well, and the most
// expensive text of this size takes about a second and less than 256 MiB.
const (
	largest   = 10 << 20
	mostMarks = 200_000
)

func parseText(name string, text []byte) (*Config, error) {
	if len(text) > largest {
		return nil, &Error{File: name, Line: 1, Text: fmt.Sprintf("the configuration is larger than %d MiB", largest>>20)}
	}
	if marks(text) > mostMarks {
		return nil, &Error{File: name, Line: 1,
			Text: fmt.Sprintf("the configuration has more than %d commas, colons, dashes, brackets and line breaks: too many values", mostMarks)}
	}
	d := &decoder{file: name, lines: map[string]int{}, places: map[place]string{}}
	c := base()
	c.file, c.lines = name, d.lines
	root, err := document(name, text)
	if err != nil {
		return nil, err
	}
	if err := checkAliases(name, root); err != nil {
		return nil, err
	}
	d.value(root, "", reflect.ValueOf(c).Elem(), options.Rules{})
	c.listed, c.places = d.listed, d.places
	c.settle()
	if d.failures == 0 || c.Data.Format != "" {
		c.check(d)
	}
	if err := d.err(); err != nil {
		return nil, err
	}
	if c.Name == "" {
		c.Name = c.Data.Format
	}
	return c, nil
}

// marks counts the characters that separate values in a YAML text: each value has at least one next to it.
func marks(text []byte) (n int) {
	for _, c := range text {
		switch c {
		case ',', ':', '-', '?', '[', '{', '\n', '\r':
			n++
		}
	}
	return n
}

// document returns the single document of a YAML text.
func document(name string, text []byte) (*yaml.Node, error) {
	stream := yaml.NewDecoder(bytes.NewReader(text))
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
		return nil, &Error{File: name, Line: max(more.Line, 1), Text: "want one YAML document, got more"}
	}
	return root.Content[0], nil
}

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?`)

// syntaxError moves the line of a YAML error to its place in this package's errors.
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

// positive is the rule for each weight of pos_weight.
var positive, _ = options.ParseRules("exclusiveMinimum=0")

// decode reads {format, pos_weight, the format's options}.
func (data *Data) decode(d *decoder, n *yaml.Node, field string) {
	if n.Kind != yaml.MappingNode {
		d.mapping(n, field, nil)
		return
	}
	name := d.lookup(n, field, "format")
	if name == nil {
		d.errorf(n.Line, field, "format is missing: known are %s", strings.Join(dataset.Names(), ", "))
		return
	}
	d.value(name, join(field, "format"), reflect.ValueOf(&data.Format).Elem(), options.Rules{})
	format, err := dataset.Lookup(data.Format)
	if err != nil {
		if data.Format != "" {
			d.errorf(name.Line, join(field, "format"), "%v", err)
		}
		return
	}
	data.Options = format.Options()
	own := reflect.ValueOf(data.Options).Elem()
	d.mapping(n, field, func(key, value *yaml.Node) bool {
		switch key.Value {
		case "format":
			return true
		case "pos_weight":
			d.value(value, join(field, "pos_weight"), reflect.ValueOf(&data.PosWeight).Elem(), positive)
			return true
		}
		f, ok := options.ByName(own, key.Value)
		if ok {
			d.value(value, join(field, f.Name), f.Value, f.Rules)
		}
		return ok
	}, append([]string{"format", "pos_weight"}, options.Names(own)...)...)
}
