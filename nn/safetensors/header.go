package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/dimensions"
)

// ErrJSON reports that a file is JSON text instead of a safetensors file.
var ErrJSON = errors.New("the file is JSON text, not tensors")

var errNoTensors = errors.New("this is not a file of tensors: it does not begin with a header and its length")

// Header is the header of a file: its metadata, and where each tensor is.
type Header struct {
	Metadata map[string]string
	tensors  []place // in the order of their bytes, without overlap or gap
}

// place is a tensor's name, shape and bytes, counted from the end of the header.
type place struct {
	name     string
	shape    []int
	from, to uint64
}

// Parse reads a whole file. It rejects what [ReadHeader] rejects.
func Parse(file []byte) (tensors nn.Weights, metadata map[string]string, err error) {
	r := bytes.NewReader(file)
	h, err := ReadHeader(r, int64(len(file)))
	if err != nil {
		return nil, nil, err
	}
	tensors, err = h.ReadTensors(r)
	return tensors, h.Metadata, err
}

// ReadHeader reads the header of a file of the given size in bytes, and no further. It rejects headers above [MaxHeader],
// duplicate names, types other than F32, tensors that overlap or extend beyond the file, and gaps.
func ReadHeader(r io.Reader, size int64) (*Header, error) {
	h, err := readHeader(r, size)
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	return h, nil
}

func readHeader(r io.Reader, size int64) (*Header, error) {
	var first [8]byte
	if size < int64(len(first)) {
		return nil, fmt.Errorf("%d bytes are too few for a header", size)
	}
	if _, err := io.ReadFull(r, first[:]); err != nil {
		return nil, err
	}
	length, rest := binary.LittleEndian.Uint64(first[:]), uint64(size)-uint64(len(first))
	if length > rest && first[0] == '{' {
		return nil, ErrJSON
	}
	if length > rest && length > MaxHeader {
		return nil, errNoTensors
	}
	if length > rest {
		return nil, fmt.Errorf("the file is truncated, or not a file of tensors: its header has %d bytes, and only %d follow", length, rest)
	}
	if length > MaxHeader {
		return nil, fmt.Errorf("the header has %d bytes, want at most %d", length, MaxHeader)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return nil, err
	}
	if length == 0 || text[0] != '{' {
		return nil, errNoTensors
	}
	h := &Header{}
	if err := h.decode(text, rest-length); err != nil {
		return nil, err
	}
	return h, tiled(h.tensors, rest-length)
}

// decode reads the JSON of a header that size bytes of tensors follow.
func (h *Header) decode(text []byte, size uint64) error {
	d := json.NewDecoder(bytes.NewReader(text))
	err := object(d, "header", func(name string) error {
		if name == "__metadata__" {
			h.Metadata = map[string]string{}
			return object(d, "metadata", func(key string) error {
				var value string
				err := d.Decode(&value)
				h.Metadata[key] = value
				return err
			})
		}
		var e entry
		if err := d.Decode(&e); err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		n, ok := device.Elements(e.Shape...)
		switch {
		case e.Type != "F32":
			return fmt.Errorf("tensor %q has type %q, want F32", name, e.Type)
		case e.Shape == nil || len(e.Offsets) != 2:
			return fmt.Errorf("tensor %q has no shape, or not two offsets", name)
		case !ok || e.Offsets[0] > e.Offsets[1] || e.Offsets[1] > size || e.Offsets[1]-e.Offsets[0] != 4*uint64(n):
			return fmt.Errorf("tensor %q: shape %s does not fit bytes %v of %d", name, dimensions.Text(e.Shape), e.Offsets, size)
		}
		h.tensors = append(h.tensors, place{name, e.Shape, e.Offsets[0], e.Offsets[1]})
		return nil
	})
	if rest := bytes.TrimSpace(text[d.InputOffset():]); err == nil && len(rest) > 0 {
		return errors.New("header: unexpected text after the JSON")
	}
	return err
}

// object reads a JSON object and calls field after each name to read its value. Duplicate names are an error.
func object(d *json.Decoder, what string, field func(name string) error) error {
	token, err := d.Token()
	if err == nil && token != json.Delim('{') {
		err = fmt.Errorf("it begins with %v", token)
	}
	seen := map[string]bool{}
	for err == nil && d.More() {
		if token, err = d.Token(); err != nil {
			break
		}
		name, _ := token.(string)
		if seen[name] {
			return fmt.Errorf("%s: duplicate name %q", what, name)
		}
		seen[name] = true
		if err := field(name); err != nil {
			return err
		}
	}
	if err == nil {
		_, err = d.Token()
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// tiled sorts the tensors by their bytes and checks that they follow each other without overlap or gap, up to the end.
func tiled(tensors []place, end uint64) error {
	slices.SortFunc(tensors, func(a, b place) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(a.to, b.to), cmp.Compare(a.name, b.name))
	})
	var at uint64
	for _, p := range tensors {
		if p.from != at {
			return fmt.Errorf("tensor %q begins at byte %d, the one before it ends at %d", p.name, p.from, at)
		}
		at = p.to
	}
	if at != end {
		return fmt.Errorf("the tensors end at byte %d, the file at %d", at, end)
	}
	return nil
}

// Shapes returns the tensors' shapes by name.
func (h *Header) Shapes() map[string][]int {
	shapes := map[string][]int{}
	for _, p := range h.tensors {
		shapes[p.name] = p.shape
	}
	return shapes
}

// ReadTensors reads the tensors from r, which is where [ReadHeader] left it.
func (h *Header) ReadTensors(r io.Reader) (nn.Weights, error) {
	tensors, buffer := nn.Weights{}, make([]byte, 4*piece)
	for _, p := range h.tensors {
		data := make([]float32, (p.to-p.from)/4)
		for some := range slices.Chunk(data, piece) {
			text := buffer[:4*len(some)]
			if _, err := io.ReadFull(r, text); err != nil {
				return nil, fmt.Errorf("safetensors: tensor %q: %w", p.name, err)
			}
			for i := range some {
				some[i] = math.Float32frombits(binary.LittleEndian.Uint32(text[4*i:]))
			}
		}
		tensors[p.name] = nn.Tensor{Shape: p.shape, Data: data}
	}
	return tensors, nil
}
