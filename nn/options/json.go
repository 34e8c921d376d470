package options

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Unmarshal fills the options struct of what is called name from JSON, over the values that it has, if there is any. Unknown options are
// errors.
func Unmarshal(name string, text json.RawMessage, options any) error {
	if len(text) == 0 || bytes.Equal(text, []byte("null")) {
		return nil
	}
	if err := UnmarshalStrictly(text, options); err != nil {
		return fmt.Errorf("options of %s: %w", name, err)
	}
	return nil
}

// UnmarshalStrictly is [json.Unmarshal], but unknown fields are errors, and what follows the value is not read.
func UnmarshalStrictly(data []byte, into any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	return d.Decode(into)
}
