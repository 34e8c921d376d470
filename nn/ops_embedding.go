package nn

import (
	"slices"

	"mixmas/nn/device"
)

// Embedding looks up rows of table (vocabulary, d): the result has the shape of ids and one more dimension d. Ids are whole
// numbers from 0 to vocabulary-1. Id 0 is padding: it gives zeros, and row 0 of the table gets no gradient. Ids outside of the
// table count as 1, the unknown token. No gradient flows to the ids.
func (g *Graph) Embedding(ids, table *Value) *Value {
	if len(table.Shape) != 2 || table.Shape[0] < 2 || table.Shape[0] > device.MaxIDs {
		return g.Fail(ids.Shape, "embedding: the table %v is not (vocabulary, width) with a vocabulary of 2 to %d", table.Shape, device.MaxIDs)
	}
	vocabulary, width := table.Shape[0], table.Shape[1]
	shape := append(slices.Clone(ids.Shape), width)
	if g.err != nil {
		return &Value{Shape: shape}
	}
	y := g.value("embedding", shape)
	rows := ids.Size()
	op := &device.Embedding{IDs: ids.buffer, Table: table.buffer, Y: y.buffer, Rows: rows, Width: width, Vocabulary: vocabulary}
	return g.record(op, y, func(dy device.Buffer) {
		if d, plus := g.contribution(table); d != 0 {
			g.emit(&device.EmbeddingGrad{IDs: ids.buffer, DY: dy, DTable: d, Plus: plus, Rows: rows, Width: width, Vocabulary: vocabulary})
		}
	}, table)
}
