// Package safetensors reads and writes named float32 tensors in the safetensors format: eight bytes of header length
// (little endian), a JSON header that places each tensor, and the tensors' bytes.
package safetensors

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"

	"mixmas/nn"
)

// maxHeader bounds the JSON header, as the format's reference implementation does.
const maxHeader = 100 << 20

// entry is a tensor's place in the file.
type entry struct {
	Type    string    `json:"dtype"`
	Shape   []int     `json:"shape"`
	Offsets [2]uint64 `json:"data_offsets"`
}

// Write writes the tensors, in the order of their names, with metadata (which may be nil).
func Write(w io.Writer, tensors nn.Weights, metadata map[string]string) error {
	header := map[string]any{}
	if len(metadata) > 0 {
		header["__metadata__"] = metadata
	}
	names := slices.Sorted(maps.Keys(tensors))
	var at uint64
	for _, name := range names {
		t := tensors[name]
		if n, ok := elements(t.Shape); !ok || n != len(t.Data) {
			return fmt.Errorf("safetensors: tensor %s has %d elements, its shape %v does not", name, len(t.Data), t.Shape)
		}
		end := at + 4*uint64(len(t.Data))
		header[name] = entry{"F32", append([]int{}, t.Shape...), [2]uint64{at, end}}
		at = end
	}
	text, err := json.Marshal(header)
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	for len(text)%8 != 0 { // tensors begin at a multiple of 8
		text = append(text, ' ')
	}
	if err := binary.Write(w, binary.LittleEndian, uint64(len(text))); err != nil {
		return err
	}
	if _, err := w.Write(text); err != nil {
		return err
	}
	for _, name := range names {
		if err := writeElements(w, tensors[name].Data); err != nil {
			return err
		}
	}
	return nil
}

// Parse reads a whole file. It refuses types other than F32, tensors that overlap or leave the file, and gaps.
func Parse(file []byte) (tensors nn.Weights, metadata map[string]string, err error) {
	if len(file) < 8 {
		return nil, nil, fmt.Errorf("safetensors: %d bytes are too few for a header", len(file))
	}
	length := binary.LittleEndian.Uint64(file)
	if length > maxHeader || length > uint64(len(file)-8) {
		return nil, nil, fmt.Errorf("safetensors: the header of %d bytes does not fit the file of %d", length, len(file))
	}
	data := file[8+length:]
	var header map[string]json.RawMessage
	if err := json.Unmarshal(file[8:8+length], &header); err != nil {
		return nil, nil, fmt.Errorf("safetensors: header: %w", err)
	}
	if text, ok := header["__metadata__"]; ok {
		if err := json.Unmarshal(text, &metadata); err != nil {
			return nil, nil, fmt.Errorf("safetensors: metadata: %w", err)
		}
		delete(header, "__metadata__")
	}
	tensors = nn.Weights{}
	var places [][2]uint64
	for _, name := range slices.Sorted(maps.Keys(header)) {
		var e entry
		if err := json.Unmarshal(header[name], &e); err != nil {
			return nil, nil, fmt.Errorf("safetensors: tensor %q: %w", name, err)
		}
		n, ok := elements(e.Shape)
		switch {
		case e.Type != "F32":
			return nil, nil, fmt.Errorf("safetensors: tensor %q has type %q, want F32", name, e.Type)
		case !ok || e.Offsets[0] > e.Offsets[1] || e.Offsets[1] > uint64(len(data)) || e.Offsets[1]-e.Offsets[0] != 4*uint64(n):
			return nil, nil, fmt.Errorf("safetensors: tensor %q of shape %v does not fit bytes %v of %d", name, e.Shape, e.Offsets, len(data))
		}
		places = append(places, e.Offsets)
		values := make([]float32, n)
		for i := range values {
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[e.Offsets[0]+4*uint64(i):]))
		}
		tensors[name] = nn.Tensor{Shape: e.Shape, Data: values}
	}
	if err := tiled(places, uint64(len(data))); err != nil {
		return nil, nil, err
	}
	return tensors, metadata, nil
}

// tiled checks that the places follow each other without overlap or gap, up to the end.
func tiled(places [][2]uint64, end uint64) error {
	slices.SortFunc(places, func(a, b [2]uint64) int { return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1])) })
	var at uint64
	for _, p := range places {
		if p[0] != at {
			return fmt.Errorf("safetensors: a tensor begins at byte %d, the one before it ends at %d", p[0], at)
		}
		at = p[1]
	}
	if at != end {
		return fmt.Errorf("safetensors: the tensors end at byte %d, the file at %d", at, end)
	}
	return nil
}

// elements is the product of a shape, and false where it is negative or too large for a file.
func elements(shape []int) (int, bool) {
	n := 1
	for _, d := range shape {
		if d < 0 || d > 0 && n > math.MaxInt32*64/d {
			return 0, false
		}
		n *= d
	}
	return n, true
}
