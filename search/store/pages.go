package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
)

// bbolt trusts what it reads: with damaged pages it loops, overflows the stack or crashes in a way that cannot be recovered.
// So its pages are checked before it uses them. All numbers are in the machine's byte order.
//
//	page     id 8, flags 2, number of elements 2, pages that follow and belong to it 4; then the elements, then their data
//	branch   an element a child: position of its key 4, length 4, page 8
//	leaf     an element a key: flags 4, position 4, length of the key 4, of the value 4
//	bucket   the value of a key with flag 1: root page 8, sequence 8; if the root is 0, one leaf page follows inline
//	freelist page numbers of 8, in order; if their number does not fit in the head, it comes first
//
// Positions count from the element. Data are in the order of the elements, without gaps, so a lost element is noticed.
const (
	pageHead = 16
	element  = 16

	branchPage   = 1
	leafPage     = 2
	freelistPage = 16

	bucketElement = 1
	bucketHead    = 16

	// No tree of bbolt is deeper: a branch has at least two children.
	deepest = 64
	// This is the longest key that bbolt accepts.
	longestKey = 32 << 10
)

var order = binary.NativeEndian

// meta holds the newest valid meta page of a bbolt file. The two meta pages are written alternately, so that one survives if
// the writing of the other is interrupted.
type meta struct {
	pageSize    uint32
	root        uint64 // page of the root bucket
	freelist    uint64 // first page of the freelist
	pages       uint64 // pages in use, of the tree or free
	transaction uint64
	checksum    uint64 // FNV-1a of all this
}

// length returns the number of bytes in use.
func (m meta) length() int64 { return int64(m.pages) * int64(m.pageSize) }

// readMeta returns the meta page that bbolt would use. ok is false if bbolt would accept neither, or the page cannot be
// right.
func readMeta(file io.ReaderAt) (newest meta, ok bool) {
	first, valid := metaAt(file, 0)
	if !valid {
		// The other meta page is at the page size, a power of two.
		for size := int64(1 << 10); size <= 64<<10; size *= 2 {
			if second, valid := metaAt(file, size); valid {
				return second, second.sound() && int64(second.pageSize) == size
			}
		}
		return meta{}, false
	}
	second, valid := metaAt(file, int64(first.pageSize))
	if !valid || second.transaction <= first.transaction {
		return first, first.sound()
	}
	return second, second.sound() && second.pageSize == first.pageSize
}

func (m meta) sound() bool {
	return m.pageSize >= 1<<10 && m.pageSize <= 64<<10 && m.pageSize&(m.pageSize-1) == 0 && m.pages < 1<<44
}

// metaAt reads the meta page at a position. It is valid if bbolt would accept it.
func metaAt(file io.ReaderAt, position int64) (m meta, valid bool) {
	var page [80]byte
	if n, _ := file.ReadAt(page[:], position); n < len(page) {
		return meta{}, false
	}
	// After the head: magic, version, page size, flags (4 bytes each), root page and sequence, freelist page, pages in
	// use, transaction, checksum (8 bytes each).
	text := page[pageHead:]
	m = meta{pageSize: order.Uint32(text[8:]), root: order.Uint64(text[16:]), freelist: order.Uint64(text[32:]),
		pages: order.Uint64(text[40:]), transaction: order.Uint64(text[48:]), checksum: order.Uint64(text[56:])}
	sum := fnv.New64a()
	sum.Write(text[:56])
	return m, order.Uint32(text) == 0xED0CDAED && order.Uint32(text[4:]) == 2 && m.checksum == sum.Sum64()
}

// checkLength returns an error if a file of this size is too short for its pages.
func (m meta) checkLength(size int64) error {
	if size < m.length() {
		return fmt.Errorf("%w: it is truncated, %d of at least %d bytes are left", ErrDamaged, size, m.length())
	}
	return nil
}

// pageError returns an error about a page, which is ErrDamaged.
func pageError(page uint64, format string, a ...any) error {
	return fmt.Errorf("%w: page %d: %w", ErrDamaged, page, fmt.Errorf(format, a...))
}

// pages is a walk over the pages of a file that are in use according to the meta page m.
type pages struct {
	meta
	file io.ReaderAt
	used []uint64 // one bit per page
	// buffers holds one page per depth: the pages above the current one are still in use.
	buffers [][]byte
}

func newPages(file io.ReaderAt, m meta) *pages {
	return &pages{meta: m, file: file, used: make([]uint64, m.pages/64+1)}
}

// checkPages walks all pages of a file that is long enough. It reads keys but not values, so records must be checked when
// they are read. It needs one bit of memory per page.
func checkPages(file io.ReaderAt, m meta) error {
	p := newPages(file, m)
	if err := p.freelist(); err != nil {
		return err
	}
	return p.tree(m.root, nil, nil, 0)
}

// checkFreelist checks the pages that bbolt reads as soon as it opens a file for writing.
func checkFreelist(file io.ReaderAt, m meta) error { return newPages(file, m).freelist() }

// take marks pages as used. A page that is used twice is damaged: the tree has a cycle, or pages overlap.
func (p *pages) take(first, count uint64) error {
	if first < 2 || count > p.pages || first > p.pages-count {
		return pageError(first, "it is not among the %d pages of the file", p.pages)
	}
	for id := first; id < first+count; id++ {
		bit := uint64(1) << (id % 64)
		if p.used[id/64]&bit != 0 {
			return pageError(id, "it is used twice")
		}
		p.used[id/64] |= bit
	}
	return nil
}

// read fills the buffer from a position in a page and its overflow pages.
func (p *pages) read(id, position uint64, buffer []byte) error {
	n, err := p.file.ReadAt(buffer, int64(id*uint64(p.pageSize)+position))
	switch {
	case n == len(buffer):
		return nil
	case errors.Is(err, io.EOF):
		return pageError(id, "the file ends before it")
	}
	return err
}

// head is the head of a page.
type head struct {
	flags, count uint16
	size         uint64 // in bytes, with its overflow pages
}

// open reads the head of a page and marks the page as used. buffer receives the beginning of the page.
func (p *pages) open(id uint64, buffer []byte) (h head, err error) {
	if id < 2 || id >= p.pages {
		return h, pageError(id, "it is not among the %d pages of the file", p.pages)
	}
	if err := p.read(id, 0, buffer); err != nil {
		return h, err
	}
	if said := order.Uint64(buffer); said != id {
		return h, pageError(id, "its header says page %d", said)
	}
	run := uint64(order.Uint32(buffer[12:])) + 1
	h = head{flags: order.Uint16(buffer[8:]), count: order.Uint16(buffer[10:]), size: run * uint64(p.pageSize)}
	return h, p.take(id, run)
}

// freelist checks the list of free pages and marks them as used, so that the tree cannot contain them.
func (p *pages) freelist() error {
	id := p.meta.freelist
	buffer := make([]byte, p.pageSize)
	h, err := p.open(id, buffer)
	if err != nil {
		return err
	}
	if h.flags != freelistPage {
		return pageError(id, "flags %#x where the list of free pages should be", h.flags)
	}
	position, count := uint64(pageHead), uint64(h.count)
	if count == 0xFFFF {
		count = order.Uint64(buffer[pageHead:])
		position += 8
	}
	if count > (h.size-position)/8 {
		return pageError(id, "it cannot hold %d free pages", count)
	}
	for previous := uint64(0); count > 0; {
		part := buffer[:min(count*8, uint64(len(buffer)))]
		if err := p.read(id, position, part); err != nil {
			return err
		}
		for ; len(part) > 0; part = part[8:] {
			free := order.Uint64(part)
			if free <= previous {
				return pageError(id, "its free pages are not in order")
			}
			if err := p.take(free, 1); err != nil {
				return err
			}
			previous = free
			count--
			position += 8
		}
	}
	return nil
}

// buffer returns the page-sized buffer of a depth.
func (p *pages) buffer(depth int) []byte {
	for len(p.buffers) <= depth {
		p.buffers = append(p.buffers, make([]byte, p.pageSize))
	}
	return p.buffers[depth]
}

// tree checks a page of a bucket and all pages below it. Its keys must begin with first and be less than high, unless these
// are nil.
func (p *pages) tree(id uint64, first, high []byte, depth int) error {
	if depth > deepest {
		return pageError(id, "it is nested %d pages deep", depth)
	}
	buffer := p.buffer(depth)
	h, err := p.open(id, buffer)
	if err != nil {
		return err
	}
	n := node{id: id, head: h, bytes: func(position, length uint64) ([]byte, error) {
		if position+length <= uint64(len(buffer)) {
			return buffer[position:][:length], nil
		}
		apart := make([]byte, length)
		return apart, p.read(id, position, apart)
	}}
	switch {
	case h.flags == branchPage && h.count > 0:
		return p.branch(n, first, high, depth)
	case h.flags == leafPage && (h.count > 0 || id == p.root): // bbolt keeps other empty buckets inline
		return p.leaf(n, first, high, depth)
	case h.flags == branchPage || h.flags == leafPage:
		return pageError(id, "it is empty")
	}
	return pageError(id, "flags %#x where keys should be", h.flags)
}

// node is a page of a bucket, or an inline page.
type node struct {
	id uint64 // for an inline page, the page that holds it
	head
	bytes func(position, length uint64) ([]byte, error) // may be called for ranges within size
}

// elements calls f with each element, its key, and the position after the key; f returns the end of the element's data. It
// checks that the data have no gaps, and that the keys are in order, begin with first and are less than high, unless these
// are nil.
func (n node) elements(first, high []byte, f func(element, key []byte, end uint64) (uint64, error)) (end uint64, err error) {
	end = pageHead + uint64(n.count)*element
	if end > n.size {
		return 0, pageError(n.id, "it cannot hold %d elements", n.count)
	}
	list, err := n.bytes(pageHead, uint64(n.count)*element)
	if err != nil {
		return 0, err
	}
	previous := first
	for i := range uint64(n.count) {
		e := list[i*element:][:element]
		position, length := uint64(order.Uint32(e)), uint64(order.Uint32(e[4:]))
		if n.flags == leafPage {
			position, length = uint64(order.Uint32(e[4:])), uint64(order.Uint32(e[8:]))
		}
		if pageHead+i*element+position != end {
			return 0, pageError(n.id, "the data of element %d are not where they should be", i)
		}
		if length == 0 || length > longestKey || length > n.size-end {
			return 0, pageError(n.id, "element %d has a key of %d bytes", i, length)
		}
		key, err := n.bytes(end, length)
		if err != nil {
			return 0, err
		}
		switch c := bytes.Compare(key, previous); {
		case i == 0 && first != nil && c != 0:
			return 0, pageError(n.id, "its first key is not the one that leads to it")
		case i > 0 && c <= 0:
			return 0, pageError(n.id, "the key of element %d is not in order", i)
		}
		if high != nil && bytes.Compare(key, high) >= 0 {
			return 0, pageError(n.id, "the key of element %d belongs to another page", i)
		}
		previous = key
		if end, err = f(e, key, end+length); err != nil {
			return 0, err
		}
	}
	return end, nil
}

func (p *pages) branch(n node, first, high []byte, depth int) error {
	var keys [][]byte
	var children []uint64
	_, err := n.elements(first, high, func(e, key []byte, end uint64) (uint64, error) {
		keys, children = append(keys, key), append(children, order.Uint64(e[8:]))
		return end, nil
	})
	if err != nil {
		return err
	}
	for i, child := range children {
		next := high
		if i+1 < len(keys) {
			next = keys[i+1]
		}
		if err := p.tree(child, keys[i], next, depth+1); err != nil {
			return err
		}
	}
	return nil
}

func (p *pages) leaf(n node, first, high []byte, depth int) error {
	_, err := n.elements(first, high, func(e, key []byte, end uint64) (uint64, error) {
		flags, length := order.Uint32(e), uint64(order.Uint32(e[12:]))
		switch {
		case length > n.size-end:
			return 0, pageError(n.id, "it cannot hold a value of %d bytes", length)
		case flags == bucketElement:
			return end + length, p.bucket(n, end, length, depth)
		case flags != 0:
			return 0, pageError(n.id, "flags %#x of an element", flags)
		}
		return end + length, nil
	})
	return err
}

// bucket checks the bucket that is a value of a leaf page.
func (p *pages) bucket(n node, position, length uint64, depth int) error {
	if length < bucketHead || length > uint64(p.pageSize) {
		return pageError(n.id, "a bucket of %d bytes", length)
	}
	value, err := n.bytes(position, length)
	if err != nil {
		return err
	}
	root, inline := order.Uint64(value), value[bucketHead:]
	if root != 0 {
		if len(inline) > 0 {
			return pageError(n.id, "%d bytes after a bucket", len(inline))
		}
		return p.tree(root, nil, nil, depth+1)
	}
	if len(inline) < pageHead {
		return pageError(n.id, "a bucket without a page")
	}
	small := node{id: n.id, head: head{flags: order.Uint16(inline[8:]), count: order.Uint16(inline[10:]), size: uint64(len(inline))},
		bytes: func(position, length uint64) ([]byte, error) { return inline[position:][:length], nil }}
	if small.flags != leafPage {
		return pageError(n.id, "flags %#x in an inline bucket", small.flags)
	}
	end, err := small.elements(nil, nil, func(e, key []byte, end uint64) (uint64, error) {
		length := uint64(order.Uint32(e[12:]))
		if order.Uint32(e) != 0 || length > small.size-end {
			return 0, pageError(n.id, "an element of an inline bucket has flags %#x and %d bytes", order.Uint32(e), length)
		}
		return end + length, nil
	})
	if err == nil && end != small.size {
		err = pageError(n.id, "%d unused bytes in an inline bucket", small.size-end)
	}
	return err
}
