package files

import (
	"context"
	"fmt"
	"io"
)

// Zip is a zip file that its reader knows as one, whatever its name is, such as an .npz. It holds no file open.
type Zip struct{ archive }

// OpenZip lists the entries of a zip file of so many bytes. Errors call it by the name.
func OpenZip(ctx context.Context, name string, content io.ReaderAt, size int64) (*Zip, error) {
	z := &Zip{archive{path: name, content: content, zip: true, size: size}}
	return z, z.index(ctx)
}

// Names are the sorted names of the files in it, without hidden ones. It is an error if one of them cannot be read.
func (z *Zip) Names() ([]string, error) { return z.list("") }

// Entry is a file in a [Zip].
type Entry struct {
	Size, Packed int64 // bytes of the content, and what they are compressed to
	// First is where the content begins in the zip file if it is not compressed, otherwise -1.
	First int64

	zip   *Zip
	entry entry
}

// Entry returns the file with a name.
func (z *Zip) Entry(name string) (*Entry, error) {
	e, found, err := z.find(name)
	if err == nil && !found {
		err = z.missing(name)
	}
	if err == nil {
		err = z.check(e)
	}
	if err != nil {
		return nil, err
	}
	file := &Entry{Size: e.size, Packed: e.packed, First: -1, zip: z, entry: e}
	if e.method == stored {
		if e.size != e.packed {
			return nil, fmt.Errorf("%s: entry %s: the archive is damaged: its sizes differ, but it is not compressed", z.shown(), shorten(name))
		}
		if file.First, err = zipContent(z.content, z.size, e); err != nil {
			return nil, fmt.Errorf("%s: entry %s: %w", z.shown(), shorten(name), err)
		}
	}
	return file, nil
}

// Open opens the content of the file.
func (e *Entry) Open() (io.ReadCloser, error) { return e.zip.open(Options{}, e.entry) }
