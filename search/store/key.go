package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Key returns the canonical JSON of a specification and its SHA-256 in hex, which is the key of the trial. In canonical JSON
// the keys of objects are sorted, there is no insignificant white space, integers have all their digits, and other numbers
// have the shortest form that gives the same float64, so equal specifications give equal bytes. A specification that JSON
// cannot hold (NaN, infinities, functions) is an error.
func Key(specification any) (key string, canonical json.RawMessage, err error) {
	text, err := marshal(specification)
	if err != nil {
		return "", nil, fmt.Errorf("store: specification cannot be a key: %w", err)
	}
	if canonical, err = canonicalise(text); err != nil {
		return "", nil, fmt.Errorf("store: specification cannot be a key: %w", err)
	}
	return string(digest(canonical)), canonical, nil
}

// Digest is the SHA-256 of a file's content in hex; "" means that there is no file.
type Digest string

func digest(content []byte) Digest {
	sum := sha256.Sum256(content)
	return Digest(hex.EncodeToString(sum[:]))
}

// valid reports whether d is 64 lower-case hex digits, and so safe as part of a path.
func (d Digest) valid() bool {
	return len(d) == 2*sha256.Size && strings.Trim(string(d), "0123456789abcdef") == ""
}

// marshal is json.Marshal without HTML escapes, which would change stored specifications.
func marshal(v any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), nil
}

func canonicalise(text []byte) ([]byte, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("text after the JSON value")
	}
	value, err := canonicalNumbers(value)
	if err != nil {
		return nil, err
	}
	return marshal(value)
}

func canonicalNumbers(value any) (any, error) {
	var err error
	switch v := value.(type) {
	case map[string]any:
		for name := range v {
			if v[name], err = canonicalNumbers(v[name]); err != nil {
				return nil, err
			}
		}
	case []any:
		for i := range v {
			if v[i], err = canonicalNumbers(v[i]); err != nil {
				return nil, err
			}
		}
	case json.Number:
		if !strings.ContainsAny(v.String(), ".eE") {
			if v == "-0" {
				return json.Number("0"), nil
			}
			return v, nil
		}
		f, err := strconv.ParseFloat(v.String(), 64)
		if err != nil {
			return nil, fmt.Errorf("number %s: out of range", v)
		}
		return f + 0, nil // -0 + 0 is 0
	}
	return value, nil
}
