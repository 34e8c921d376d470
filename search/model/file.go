package model

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"

	"mixmas/nn"
	"mixmas/nn/safetensors"
	"mixmas/search/regular"
)

// The description in the safetensors metadata, and the SHA-256 of its text, which files of older programs do not have.
const (
	descriptionKey = "mixmas"
	digestKey      = "mixmas.sha256"
)

// Write writes a model file, of an ensemble with the weights that [Join] returns, and adds the format's version and the weights' digest to the description. It refuses a model
// that [Open] would refuse.
func Write(w io.Writer, d *Description, weights nn.Weights) error {
	d.Version, d.Weights = d.version(), safetensors.Digest(weights)
	if _, err := d.build(weights.Shapes()); err != nil {
		return fmt.Errorf("model: %w", err)
	}
	if err := weights.CheckFinite(); err != nil {
		return fmt.Errorf("model: %w: the training diverged", err)
	}
	text, err := json.Marshal(d)
	if err != nil {
		return err
	}
	return safetensors.Write(w, weights, map[string]string{"format": "mixmas", descriptionKey: string(text), digestKey: digest(text)})
}

func digest(text []byte) string {
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// Open reads a model file and rebuilds the network.
func Open(path string) (*Model, error) {
	if info, err := os.Stat(path); err == nil && info.IsDir() {
		return nil, fmt.Errorf("%s is a folder: name the model.safetensors in it", path)
	}
	file, err := regular.Open(path)
	if errors.Is(err, regular.ErrIrregular) {
		return nil, fmt.Errorf("%w: name a model.safetensors", err)
	}
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return Read(file)
}

// Read reads a model from an open file, as [Open] does. Errors name the file.
func Read(file *os.File) (*Model, error) {
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	m, err := read(file, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file.Name(), err)
	}
	return m, nil
}

// Parse reads a model from a file's contents, as [Open] does.
func Parse(file []byte) (*Model, error) { return read(bytes.NewReader(file), int64(len(file))) }

// read reads a file of the given size. It checks the description, also against the tensors' names and shapes, before it reads
// a tensor. Until then it uses memory in proportion to the header and, within a limit, to the number of layers.
func read(r io.Reader, size int64) (*Model, error) {
	header, err := safetensors.ReadHeader(r, size)
	if errors.Is(err, safetensors.ErrJSON) {
		return nil, fmt.Errorf("%w: if it is a model's description, name the model.safetensors beside it", err)
	}
	if err != nil {
		return nil, err
	}
	text, ok := header.Metadata[descriptionKey]
	if !ok {
		return nil, fmt.Errorf("not a mixmas model: the file's metadata have no %q", descriptionKey)
	}
	if want, ok := header.Metadata[digestKey]; ok && digest([]byte(text)) != want {
		return nil, fmt.Errorf("the description does not match its digest: %w", errDamaged)
	}
	m := &Model{}
	if err := m.Description.parse([]byte(text)); err != nil {
		return nil, fmt.Errorf("description: %w", err)
	}
	networks, err := m.Description.build(header.Shapes())
	if err != nil {
		return nil, fmt.Errorf("description: %w", err)
	}
	weights, err := header.ReadTensors(r)
	if err != nil {
		return nil, err
	}
	if want := m.Description.Weights; want != "" {
		if got := safetensors.Digest(weights); got != want {
			return nil, fmt.Errorf("the weights' digest is %.12s, but the description wants %.12s: %w", got, want, errDamaged)
		}
	}
	if err := weights.CheckFinite(); err != nil {
		return nil, fmt.Errorf("%w: %w", err, errDamaged)
	}
	m.parts = m.Description.parts(networks, weights)
	return m, nil
}

// errDamaged is the last part of messages about a damaged file.
var errDamaged = errors.New("the file is damaged: copy it again, or repeat the command that made it, which reuses what is trained already")

// parse decodes a description. It checks the version before the other fields.
func (d *Description) parse(text []byte) error {
	var version struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(text, &version); err != nil {
		return err
	}
	if err := checkVersion(version.Version); err != nil {
		return err
	}
	return json.Unmarshal(text, d)
}
