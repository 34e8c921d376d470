package safetensors

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"maps"
	"math"
	"slices"

	"mixmas/nn"
)

// Digest returns the SHA-256, as 64 hexadecimal digits, of the tensors' names, shapes and bits. It does not depend on the
// layout of a file. The tensors are hashed in the order of their names: each is the length of its name and the name, the
// number of dimensions and the dimensions, all numbers as eight bytes, and then the elements as in a file.
func Digest(tensors nn.Weights) string {
	hash := sha256.New()
	var head []byte
	for _, name := range slices.Sorted(maps.Keys(tensors)) {
		t := tensors[name]
		head = binary.LittleEndian.AppendUint64(head[:0], uint64(len(name)))
		head = append(head, name...)
		head = binary.LittleEndian.AppendUint64(head, uint64(len(t.Shape)))
		for _, n := range t.Shape {
			head = binary.LittleEndian.AppendUint64(head, uint64(n))
		}
		hash.Write(head)
		_ = writeElements(hash, t.Data) // a hash never fails
	}
	return hex.EncodeToString(hash.Sum(nil))
}

// piece is the number of elements that are encoded or decoded at once.
const piece = 16 << 10

// writeElements writes elements in the format of a file.
func writeElements(w io.Writer, elements []float32) error {
	buffer := make([]byte, 0, 4*min(piece, len(elements)))
	for some := range slices.Chunk(elements, piece) {
		buffer = buffer[:0]
		for _, x := range some {
			buffer = binary.LittleEndian.AppendUint32(buffer, math.Float32bits(x))
		}
		if _, err := w.Write(buffer); err != nil {
			return err
		}
	}
	return nil
}
