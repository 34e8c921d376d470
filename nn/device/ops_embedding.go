package device

// Embedding looks up the rows of a table: row r of Y (Rows, Width) is the row of Table (Vocabulary, Width) that element r of
// IDs (Rows) names; see [Token]. Rows with the id [Padding] are zeros, whatever the table holds.
type Embedding struct {
	IDs, Table, Y           Buffer
	Rows, Width, Vocabulary int
}

// EmbeddingGrad is the gradient of [Embedding] for the table: each row of DTable is that of Plus, if present, and the sum of
// the rows of DY whose id names it. The row of [Padding] gets no gradient. The result does not depend on the number of workers
// or on the order in which threads run.
type EmbeddingGrad struct {
	IDs, DY, DTable, Plus   Buffer
	Rows, Width, Vocabulary int
}

// The ids with a meaning of their own.
const (
	Padding = 0 // no token: the row of Y is zeros
	Unknown = 1 // a token that is not in the vocabulary
)

// MaxIDs bounds the vocabulary of an [Embedding]: ids are float32 numbers, and whole numbers are exact up to here.
const MaxIDs = 1 << 24

// Token returns the row of a table that an id names: the number before its decimal point. Ids outside 0 to vocabulary-1 and
// NaN are [Unknown], so that no device reads outside the table.
func Token(id float64, vocabulary int) int {
	if id >= 0 && id < float64(vocabulary) {
		return int(id)
	}
	return Unknown
}

var (
	_ = kind(&Embedding{})
	_ = kind(&EmbeddingGrad{})
)

// Name implements [Operation].
func (o *Embedding) Name() string { return "embedding" }

// Buffers implements [Operation].
func (o *Embedding) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.IDs, o.Table), present(w, o.Y)
}

// Cost implements [Operation].
func (o *Embedding) Cost() Cost { return traffic(0, o.Rows*(1+2*o.Width)) }

// Sizes implements [Operation].
func (o *Embedding) Sizes() string { return sizes(o.Rows, o.Width) + " of " + sizes(o.Vocabulary) }

// Check implements [Operation].
func (o *Embedding) Check(c *Checker) {
	checkEmbedding(c, o.Rows, o.Width, o.Vocabulary)
	c.Need("IDs", o.IDs, o.Rows)
	c.Need("Table", o.Table, o.Vocabulary*o.Width)
	c.Need("Y", o.Y, o.Rows*o.Width)
}

// Name implements [Operation].
func (o *EmbeddingGrad) Name() string { return "embedding_grad" }

// Buffers implements [Operation].
func (o *EmbeddingGrad) Buffers(r, w []Buffer) ([]Buffer, []Buffer) {
	return present(r, o.IDs, o.DY, o.Plus), present(w, o.DTable)
}

// Cost implements [Operation].
func (o *EmbeddingGrad) Cost() Cost {
	return traffic(o.Rows*o.Width, o.Rows*(1+o.Width)+o.Vocabulary*o.Width)
}

// Sizes implements [Operation].
func (o *EmbeddingGrad) Sizes() string {
	return sizes(o.Rows, o.Width) + " of " + sizes(o.Vocabulary) + with("plus", o.Plus)
}

// Check implements [Operation].
func (o *EmbeddingGrad) Check(c *Checker) {
	checkEmbedding(c, o.Rows, o.Width, o.Vocabulary)
	n := o.Vocabulary * o.Width
	c.Need("IDs", o.IDs, o.Rows)
	c.Need("DY", o.DY, o.Rows*o.Width)
	c.Need("DTable", o.DTable, n)
	c.Maybe("Plus", o.Plus, n)
	c.Share(o.DTable, o.Plus)
}

func checkEmbedding(c *Checker, rows, width, vocabulary int) {
	c.Positive("rows and width", rows, width)
	c.Counts(rows)
	if vocabulary < 2 || vocabulary > MaxIDs {
		c.Fail("a vocabulary of %d: want 2 to %d", vocabulary, MaxIDs)
	}
}
