// Package safetensors reads and writes named float32 tensors in the safetensors format: eight bytes of header length
// (little endian), a JSON header that places each tensor, and the tensors' bytes.
package safetensors

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"

	"mixmas/nn"
	"mixmas/nn/device"
	"mixmas/nn/dimensions"
)

// MaxHeader bounds the JSON header, in bytes. The format allows 100 MB; the headers of this program's models have a few KB,
// and this bound has room for the names of 10⁶ classes. Decoding takes at most 20 times the length of a header, most of which
// is garbage immediately.
const MaxHeader = 32 << 20

// entry is a tensor's place in the file.
type entry struct {
	Type    string   `json:"dtype"`
	Shape   shape    `json:"shape"`
	Offsets []uint64 `json:"data_offsets"`
}

// shape is decoded with a bound on the number of dimensions, because decoded dimensions take more memory than their text.
type shape []int

// UnmarshalJSON implements [json.Unmarshaler].
func (s *shape) UnmarshalJSON(text []byte) error {
	inner, ok := bytes.CutPrefix(bytes.TrimSuffix(text, []byte("]")), []byte("["))
	if !ok {
		return fmt.Errorf("%.20q is not a shape", text)
	}
	*s = shape{}
	for size := range bytes.SplitSeq(inner, []byte(",")) {
		if size = bytes.TrimSpace(size); len(size) == 0 { // [] has no dimensions; the decoder has checked the syntax
			break
		}
		n, err := strconv.Atoi(string(size))
		if err != nil || len(*s) == device.MaxRank {
			return fmt.Errorf("%.20q is not a shape of at most %d dimensions", text, device.MaxRank)
		}
		*s = append(*s, n)
	}
	return nil
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
		if n, ok := device.Elements(t.Shape...); !ok || n != len(t.Data) {
			return fmt.Errorf("safetensors: tensor %s has %d elements, which do not match its shape %s", name, len(t.Data), dimensions.Text(t.Shape))
		}
		end := at + 4*uint64(len(t.Data))
		header[name] = entry{"F32", append([]int{}, t.Shape...), []uint64{at, end}}
		at = end
	}
	text, err := json.Marshal(header)
	if err != nil {
		return fmt.Errorf("safetensors: %w", err)
	}
	for len(text)%8 != 0 { // tensors begin at a multiple of 8
		text = append(text, ' ')
	}
	if len(text) > MaxHeader {
		return fmt.Errorf("safetensors: the header would have %d bytes, want at most %d", len(text), MaxHeader)
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
