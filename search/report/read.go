package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// largest is the largest size of a document in bytes. A search of some ten thousand candidates fits.
const largest = 16 << 20

// Read reads a document that this or an earlier version printed with --json. Its errors begin with the name; they come from
// r, or say why the text is not a document.
func Read(name string, r io.Reader) (Document, error) {
	text, err := io.ReadAll(io.LimitReader(r, largest+1))
	if err != nil {
		return Document{}, fmt.Errorf("%s: %w", name, err)
	}
	d, err := parse(text)
	if err != nil {
		return Document{}, fmt.Errorf("%s: not a mixmas document: %w", name, err)
	}
	return d, nil
}

// parse reads the single document of a text.
func parse(text []byte) (d Document, err error) {
	if len(bytes.TrimSpace(text)) == 0 {
		return d, fmt.Errorf("it is empty")
	}
	if len(text) > largest {
		return d, fmt.Errorf("it is larger than %d MiB", largest>>20)
	}
	var present map[string]json.RawMessage
	if err := json.Unmarshal(text, &present); errors.As(err, new(*json.SyntaxError)) {
		return d, fmt.Errorf("it is not JSON: %w", err)
	} else if err != nil || present == nil {
		return d, errors.New("it is not a JSON object")
	}
	for _, field := range []string{"dataset", "sample", "stages", "trainings", "seconds"} { // all documents have these
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
