package dataset

import (
	"encoding/binary"
	"hash/maphash"
	"math"
	"slices"
)

// RowReader reads all modalities of a row, and hashes what it reads: equal rows have equal hashes, whatever their padding
// holds. One goroutine may use it; readers with the same seed hash alike.
type RowReader struct {
	data         Dataset
	seed         maphash.Seed
	read         func(split Split, modality, row int, dst []float32) error
	sample, mask []float32
	raw          []byte
}

// NewRowReader returns a reader of a data set. Missing elements are NaN if the data set tells them apart: see [WithMissing].
func NewRowReader(d Dataset, seed maphash.Seed) *RowReader {
	r := &RowReader{data: d, seed: seed, read: d.Read}
	if m, ok := d.(WithMissing); ok {
		r.read = m.ReadMissing
	}
	return r
}

// Read reads a row, calls use, if it is not nil, with each sample and its number of real steps, and returns the hash of the row.
// The sample is only valid in the call.
func (r *RowReader) Read(split Split, row int, use func(modality int, sample []float32, steps int)) (uint64, error) {
	r.raw = r.raw[:0]
	for i, m := range r.data.Modalities() {
		r.sample = slices.Grow(r.sample[:0], m.Size())[:m.Size()]
		if err := r.read(split, i, row, r.sample); err != nil {
			return 0, err
		}
		steps := m.Steps()
		if m.Masked {
			r.mask = slices.Grow(r.mask[:0], steps)[:steps]
			if err := r.data.Mask(split, i, row, r.mask); err != nil {
				return 0, err
			}
			steps = 0
			for _, real := range r.mask {
				steps += int(real)
			}
			r.raw = binary.LittleEndian.AppendUint32(r.raw, uint32(steps))
		}
		for _, v := range r.sample {
			if v == 0 {
				v = 0 // not -0
			}
			r.raw = binary.LittleEndian.AppendUint32(r.raw, math.Float32bits(v))
		}
		if use != nil {
			use(i, r.sample, steps)
		}
	}
	return maphash.Bytes(r.seed, r.raw), nil
}
