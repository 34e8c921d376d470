package dataset

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"mixmas/search/packed"
)

// Column is a list of rows of numbers, all of one shape: the samples of a modality, their lengths, or labels. Formats provide
// columns, as pointers: == must tell whether two roles share a column. All methods except Close may be called from several
// goroutines at once.
type Column interface {
	// Name is its name in errors, such as the path of its file.
	Name() string
	// Rows is the number of rows.
	Rows() int
	// Shape is the shape of one row; empty for a single number.
	Shape() []int
	// Read writes the first len(dst) elements of a row to dst, standardised by s. It allocates nothing.
	Read(row int, s *Scaling, dst []float32) error
	// Facts finds the digest of the content and the requested statistics. A real element (not padding) that is not a finite
	// float32 number is an error, a [*NotFinite], unless it is NaN and the request says that such elements are missing.
	Facts(ctx context.Context, request Request, environment Environment) (Facts, error)
	// Unchanged returns an error if the content may have changed since Facts.
	Unchanged(ctx context.Context) error
	// Close releases files and memory.
	Close() error
}

// rowsReader is a column that reads many rows at once faster than one by one.
type rowsReader interface {
	// ReadRows writes the rows from the given one on to dst, without standardising them.
	ReadRows(first int, dst []float32) error
}

// Rows are some rows of a column, in order: Count rows from First on, or the rows of List if it is not nil.
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

// At returns the column's number of row i.
func (r Rows) At(i int) int {
	if r.List != nil {
		return r.List[i]
	}
	return r.First + i
}

// check returns an error if the column lacks one of the rows.
func (r Rows) check(c Column) error {
	if r.List == nil {
		if r.First < 0 || r.Count < 0 || r.First > c.Rows()-r.Count {
			return fmt.Errorf("%s has no rows %d to %d: it has %d rows", c.Name(), r.First, r.First+r.Count-1, c.Rows())
		}
		return nil
	}
	for _, row := range r.List {
		if row < 0 || row >= c.Rows() {
			return fmt.Errorf("%s has no row %d: it has %d rows", c.Name(), row, c.Rows())
		}
	}
	return nil
}

// listDigest is the SHA-256 of the list of rows; empty if there is none.
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

// Part is the part of a column that belongs to a split. If Column is nil, the split has none.
type Part struct {
	Column Column
	Rows   Rows
}

// Facts are the results of a pass over a column.
type Facts struct {
	SHA256 string `json:"sha256"` // of the content
	// Standardisation is computed from the elements that the request counts.
	Standardisation Standardisation `json:"standardisation"`
}

// Check returns an error if no pass can have found these facts for the request.
func (f Facts) Check(r Request) error {
	if sum, err := hex.DecodeString(f.SHA256); err != nil || len(sum) != sha256.Size {
		return fmt.Errorf("%q is not a SHA-256 digest", f.SHA256)
	}
	if r.per() != f.Standardisation.Per || r.means() != len(f.Standardisation.Mean) {
		return fmt.Errorf("the statistics do not match the request")
	}
	return f.Standardisation.Check()
}

// Request says which statistics of a column to compute. The zero value asks for none.
type Request struct {
	// Per says which elements share a mean and a standard deviation. The elements come in runs of Run elements of one feature;
	// after Features runs, one per feature, the first feature follows again.
	Per           Grouping
	Features, Run int
	// Vocabulary is the number of different tokens of a text, whose real elements must be whole numbers from 0 to Vocabulary-1;
	// 0 for other columns.
	Vocabulary int
	// Rows are the rows that count: the training rows.
	Rows Rows
	// Lengths has, for every row of the column, the number of real steps of Features×Run elements at its beginning; nil if all are
	// real. The elements after them are ignored, whatever their values.
	Lengths *packed.List
	// Missing means that elements that are NaN are missing and do not count.
	Missing bool
}

// NotFinite is the error of an element that is not a finite float32 number.
type NotFinite struct {
	Row   int64 // of the column
	Value float64
}

func (e *NotFinite) Error() string {
	return fmt.Sprintf("row %d: the value %v is not a finite float32 number", e.Row, e.Value)
}

// per is the grouping of the statistics, [None] if there are none.
func (r Request) per() Grouping {
	if r.Rows.Len() == 0 || r.Per == "" {
		return None
	}
	return r.Per
}

// means is the number of means to compute.
func (r Request) means() int {
	switch r.per() {
	case PerFeature:
		return r.Features
	case PerModality:
		return 1
	}
	return 0
}

// Key identifies the request in a cache.
func (r Request) Key() string {
	key := fmt.Sprintf("%s %d %d\n%d rows from %d %s", r.per(), r.means(), r.Run, r.Rows.Len(), r.Rows.First, r.Rows.listDigest())
	if r.Vocabulary > 0 {
		key += fmt.Sprintf("\nvocabulary %d", r.Vocabulary)
	}
	if r.Missing {
		key += "\nmissing"
	}
	if r.Lengths == nil {
		return key
	}
	digest := sha256.New()
	for row := range r.Lengths.Len() {
		digest.Write(binary.LittleEndian.AppendUint32(nil, r.Lengths.At(row)))
	}
	return key + "\nlengths " + hex.EncodeToString(digest.Sum(nil))
}
