package records

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"

	"mixmas/nn/dimensions"
	"mixmas/search/dataset"
)

// digestOf is the digest of a column in memory, row by row, with the statistics of a request.
func digestOf(ctx context.Context, what string, c dataset.Column, r dataset.Request) (dataset.Facts, error) {
	size := dimensions.Product(c.Shape())
	digest, statistics := sha256.New(), dataset.NewStatistics(r, size)
	fmt.Fprintf(digest, "%s %v\n", what, c.Shape())
	values, wide := make([]float32, size), make([]float64, size)
	var raw []byte
	for row := range c.Rows() {
		if row%1024 == 0 && ctx.Err() != nil {
			return dataset.Facts{}, ctx.Err()
		}
		if err := c.Read(row, nil, values); err != nil {
			return dataset.Facts{}, err
		}
		for i, v := range values {
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
			wide[i] = float64(v)
		}
		if len(raw) > 1<<14 {
			digest.Write(raw)
			raw = raw[:0]
		}
		if err := statistics.Add(wide); err != nil {
			return dataset.Facts{}, fmt.Errorf("%s: %w", c.Name(), err)
		}
	}
	digest.Write(raw)
	return dataset.Facts{SHA256: hex.EncodeToString(digest.Sum(nil)), Standardisation: statistics.Standardisation()}, nil
}
