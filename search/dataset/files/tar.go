package files

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

// readTar lists the entries of a tar file.
func readTar(ctx context.Context, f io.ReaderAt, size int64) ([]entry, error) {
	content := io.NewSectionReader(f, 0, size)
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
		offset, err := content.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		e := entry{name: header.Name, offset: offset, packed: header.Size, size: header.Size}
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
	if l.names += len(e.name); len(l.entries) == mostEntries || l.names > mostNames {
		return fmt.Errorf("the archive has more than %d entries, or names of %d MiB: split it", mostEntries, mostNames>>20)
	}
	e.name = strings.Clone(e.name)
	l.entries = append(l.entries, e)
	return nil
}
