package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// largest is the most bytes of a document: a search of some ten thousand candidates.
const largest = 16 << 20

// Read reads a document as --json prints it, of this version or an earlier one. Its errors, which begin with the name, are
// those of r, or say why it is none.
func Read(name string, r io.Reader) (Document, error) {
	text, err := io.ReadAll(io.LimitReader(r, largest+1))
	if err != nil {
		return Document{}, fmt.Errorf("%s: %w", name, err)
	}
	d, err := parse(text)
	if err != nil {
		return Document{}, fmt.Errorf("%s: not a document of mixmas: %w", name, err)
	}
	return d, nil
}

// parse reads the one document of a text.
func parse(text []byte) (d Document, err error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return d, fmt.Errorf("it is empty")
	}
	if len(text) > largest {
		return d, fmt.Errorf("it is larger than %d MiB", largest>>20)
	}
	var present map[string]json.RawMessage
	if err := json.Unmarshal(text, &present); errors.As(err, new(*json.SyntaxError)) {
		return d, fmt.Errorf("it is no JSON: %w", err)
	} else if err != nil || present == nil {
		return d, errors.New("it is no JSON object")
	}
	for _, field := range []string{"dataset", "sample", "stages", "trainings", "seconds"} { // which all documents have
		if value, has := present[field]; !has || string(value) == "null" {
			return d, fmt.Errorf("it has no %q", field)
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return Document{}, err
	}
	if d.Dataset.Name == "" {
		return Document{}, fmt.Errorf(`its "dataset" has no "name"`)
	}
	return d, nil
}
