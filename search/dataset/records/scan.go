package records

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/maphash"
	"slices"
	"strings"

	"mixmas/search/dataset/tabular"
	"mixmas/search/escape"
)

// listener sees the cells of every row once, in order.
type listener func(row int, p *part, cells []string) error

// scanner reads each of several rows once, for all that listen.
type scanner struct {
	order     []*rows
	listeners map[*rows][]listener
}

// listen has a function called with every row of r.
func (s *scanner) listen(r *rows, l listener) {
	if s.listeners == nil {
		s.listeners = map[*rows][]listener{}
	}
	if _, known := s.listeners[r]; !known {
		s.order = append(s.order, r)
	}
	s.listeners[r] = append(s.listeners[r], l)
}

// scan reads all rows. The counts of rows and parts are known afterwards.
func (s *scanner) scan(ctx context.Context) error {
	for _, r := range s.order {
		err := r.each(ctx, func(row int, p *part, cells []string) error {
			for _, l := range s.listeners[r] {
				if err := l(row, p, cells); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// contentHash is a digest of some cells of all rows.
type contentHash struct {
	hash   hash.Hash
	buffer []byte
}

func newContentHash() *contentHash { return &contentHash{hash: sha256.New()} }

// add adds the cells of a row.
func (c *contentHash) add(cells ...string) {
	for _, cell := range cells {
		c.buffer = binary.AppendUvarint(c.buffer, uint64(len(cell)))
		c.buffer = append(c.buffer, cell...)
	}
	if len(c.buffer) > 1<<13 {
		c.hash.Write(c.buffer)
		c.buffer = c.buffer[:0]
	}
}

// sum is the digest of what was added.
func (c *contentHash) sum() string {
	c.hash.Write(c.buffer)
	c.buffer = c.buffer[:0]
	return hex.EncodeToString(c.hash.Sum(nil))
}

// seed makes the hashes of keys unforeseeable, so that nobody can make a table whose different keys have equal hashes.
var seed = maphash.MakeSeed()

// sameness is a hash of each of some columns, which tells whether two of them have the same cells in every row.
type sameness []uint64

func (s sameness) listener(columns []int) listener {
	return func(_ int, _ *part, cells []string) error {
		for i, c := range columns {
			const prime = 1099511628211
			s[i] = s[i]*prime + maphash.String(seed, strings.TrimSpace(cells[c]))
		}
		return nil
	}
}

// keys are the hashes of the cells of a key column, without the spaces around them; 0 for an empty cell, which is no key.
type keys struct {
	column int
	hashes []uint64
}

func (k *keys) listen(_ int, _ *part, cells []string) error {
	hash := uint64(0)
	if cell := strings.TrimSpace(cells[k.column]); cell != "" {
		hash = max(maphash.String(seed, cell), 1)
	}
	k.hashes = append(k.hashes, hash)
	return nil
}

// join finds the row of other for each row that has the same key, -1 for none. A key that other has twice is an error.
func join(ctx context.Context, of, other *keys, r *rows) (joined []int32, err error) {
	type entry struct {
		hash uint64
		row  int32
	}
	list := make([]entry, 0, len(other.hashes))
	for i, h := range other.hashes {
		if h != 0 {
			list = append(list, entry{h, int32(i)})
		}
	}
	slices.SortFunc(list, func(a, b entry) int { return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.row, b.row)) })
	for i := range list {
		if i > 0 && list[i].hash == list[i-1].hash {
			err := columnError(r.columns, other.column, fmt.Errorf("the key is also that of row %d: a key names one row", list[i-1].row))
			return nil, r.locate(ctx, int(list[i].row), err)
		}
	}
	joined = make([]int32, len(of.hashes))
	found := false
	for i, h := range of.hashes {
		joined[i] = -1
		if at, ok := slices.BinarySearchFunc(list, h, func(e entry, h uint64) int { return cmp.Compare(e.hash, h) }); ok {
			joined[i], found = list[at].row, true
		}
	}
	if !found {
		return nil, fmt.Errorf("%s: no value of the key column %s is one of those of the rows", r.all(), escape.Terminal(tabular.Title(r.columns, other.column)))
	}
	return joined, nil
}
