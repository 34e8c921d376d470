package files

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
)

// readTar lists the entries of a tar file.
func readTar(ctx context.Context, f io.ReaderAt, size int64) ([]entry, error) {
	content := &window{r: io.NewSectionReader(f, 0, size)}
	var l listing
	for t := tar.NewReader(content); ; {
		header, err := t.Next()
		if err == io.EOF {
			return l.entries, nil
		}
		if errors.Is(err, tar.ErrHeader) {
			return nil, errors.New("it is not a tar archive, or a damaged one")
		}
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		e := entry{name: header.Name, offset: content.at, packed: header.Size, size: header.Size}
		switch header.Typeflag {
		case tar.TypeReg:
			for record := range header.PAXRecords {
				if strings.HasPrefix(record, "GNU.sparse.") {
					e.kind = sparse
				}
			}
		case tar.TypeGNUSparse:
			e.kind = sparse
		case tar.TypeLink, tar.TypeSymlink:
			e.kind = link
		case tar.TypeDir, tar.TypeXGlobalHeader:
			continue
		default:
			e.kind = special
		}
		if e.kind != usual {
			e.packed, e.size = 0, 0
		}
		if err := l.add(e); err != nil {
			return nil, err
		}
	}
}

// window reads a file in pieces, and skips what is not read: one system call per small file instead of several.
type window struct {
	r     io.ReaderAt
	at    int64 // what is read next
	piece []byte
	start int64 // of the piece
	err   error // after the piece
	space [1 << 14]byte
}

func (w *window) Read(p []byte) (int, error) {
	if w.at < w.start || w.at >= w.start+int64(len(w.piece)) {
		var n int
		n, w.err = w.r.ReadAt(w.space[:], w.at)
		w.start, w.piece = w.at, w.space[:n]
		if n == 0 {
			return 0, w.err
		}
	}
	n := copy(p, w.piece[w.at-w.start:])
	w.at += int64(n)
	return n, nil
}

// Seek moves by some bytes; [tar.Reader] asks for nothing else.
func (w *window) Seek(offset int64, whence int) (int64, error) {
	if whence != io.SeekCurrent || offset < 0 || offset > math.MaxInt64-w.at {
		return 0, errors.New("cannot seek")
	}
	w.at += offset
	return w.at, nil
}

// listing collects the entries of an archive.
type listing struct {
	entries []entry
	names   int // bytes of all names
}

// add adds an entry, its name in the shortest form if it is safe.
func (l *listing) add(e entry) error {
	if short, err := safe(e.name); err == nil {
		e.name = short
	}
	if len(e.name) > longest {
		return errors.New("the archive has an entry with a name of " + bytesText(int64(len(e.name))))
	}
	if l.names += len(e.name); len(l.entries) == mostEntries || l.names > mostNames {
		return fmt.Errorf("the archive has more than %d entries, or names of %d MiB: split it", mostEntries, mostNames>>20)
	}
	e.name = strings.Clone(e.name)
	l.entries = append(l.entries, e)
	return nil
}
