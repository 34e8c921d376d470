package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"mixmas/search/packed"
)

// Column is rows of numbers that all have one shape: the samples of a modality, their lengths, or labels. A format gives them.
// It is a pointer, as columns with several roles are told apart by ==. All methods but Close may be called from several goroutines
// at once.
type Column interface {
	// Name is what errors call it, such as the path of its file.
	Name() string
	// Rows is the number of rows.
	Rows() int
	// Shape is that of one row; empty for a single number.
	Shape() []int
	// Read writes the first elements of a row, as many as dst has, standardised by s. It allocates nothing.
	Read(row int, s *Scaling, dst []float32) error
	// Facts finds what is to be known of the content, and refuses elements that are not finite float32 numbers.
	Facts(ctx context.Context, request Request, environment Environment) (Facts, error)
	// Unchanged is an error where the content may be another than Facts stand for.
	Unchanged(ctx context.Context) error
	// Close releases files and memory.
	Close() error
}

// rowsReader is a column that reads many rows at once faster than one by one.
type rowsReader interface {
	// ReadRows writes the rows from the first on, as they are, into dst.
	ReadRows(first int, dst []float32) error
}

// Rows are rows of a column, in order: Count of them from First on, or those of List where it is not nil.
type Rows struct {
	First, Count int
	List         []int
}

// Len is the number of rows.
func (r Rows) Len() int {
	if r.List != nil {
		return len(r.List)
	}
	return r.Count
}

// At is the number of row i in the column.
func (r Rows) At(i int) int {
	if r.List != nil {
		return r.List[i]
	}
	return r.First + i
}

// check refuses rows that a column does not have.
func (r Rows) check(c Column) error {
	if r.List == nil {
		if r.First < 0 || r.Count < 0 || r.First > c.Rows()-r.Count {
			return fmt.Errorf("%s has no rows %d to %d: it has %d", c.Name(), r.First, r.First+r.Count-1, c.Rows())
		}
		return nil
	}
	for _, row := range r.List {
		if row < 0 || row >= c.Rows() {
			return fmt.Errorf("%s has no row %d: it has %d", c.Name(), row, c.Rows())
		}
	}
	return nil
}

// listDigest is the digest of a list of rows, empty where there is none.
func (r Rows) listDigest() string {
	if r.List == nil {
		return ""
	}
	digest := sha256.New()
	for _, row := range r.List {
		digest.Write(binary.LittleEndian.AppendUint64(nil, uint64(row)))
	}
	return hex.EncodeToString(digest.Sum(nil))
}

// Part is what a split has of a column. A Part without column is none.
type Part struct {
	Column Column
	Rows   Rows
}

// Facts are what a pass over a column finds.
type Facts struct {
	SHA256 string `json:"sha256"` // of the content
	// Standardisation is by the elements that the request counts.
	Standardisation Standardisation `json:"standardisation"`
}

// Check refuses facts that no pass can have found for the request.
func (f Facts) Check(r Request) error {
	if sum, err := hex.DecodeString(f.SHA256); err != nil || len(sum) != sha256.Size {
		return fmt.Errorf("%q is no SHA-256", f.SHA256)
	}
	if r.per() != f.Standardisation.Per || r.means() != len(f.Standardisation.Mean) {
		return fmt.Errorf("statistics of another kind")
	}
	return f.Standardisation.Check()
}

// Request says which statistics of a column are asked for. The zero value asks for none.
type Request struct {
	// Per says which elements share a mean and a deviation. Those of one of Features follow each other in runs of Run elements,
	// feature by feature, over and over.
	Per           Grouping
	Features, Run int
	// Rows are the rows that count: those for training.
	Rows Rows
	// Lengths are, for every row of the column, how many of its first elements are real; nil where all are. Others count for
	// nothing, whatever they are.
	Lengths *packed.List
}

// per is the grouping of the statistics, [None] where there are none.
func (r Request) per() Grouping {
	if r.Rows.Len() == 0 || r.Per == "" {
		return None
	}
	return r.Per
}

// means is the number of means that are asked for.
func (r Request) means() int {
	switch r.per() {
	case PerFeature:
		return r.Features
	case PerModality:
		return 1
	}
	return 0
}

// Key is what of the request a cached answer depends on.
func (r Request) Key() string {
	key := fmt.Sprintf("%s %d %d\n%d rows from %d %s", r.per(), r.means(), r.Run, r.Rows.Len(), r.Rows.First, r.Rows.listDigest())
	if r.Lengths == nil {
		return key
	}
	digest := sha256.New()
	for row := range r.Lengths.Len() {
		digest.Write(binary.LittleEndian.AppendUint32(nil, r.Lengths.At(row)))
	}
	return key + "\nlengths " + hex.EncodeToString(digest.Sum(nil))
}
