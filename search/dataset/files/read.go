package files

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/dustin/go-humanize"
)

const (
	defaultBytes = 32 << 30
	harmless     = 1 << 30 // what anything may unpack to
	mostRatio    = 250     // of unpacked to packed bytes, beyond that. Data rarely reach 100, bombs 1,000
)

// CheckUnpacked returns an error if so many compressed bytes must not unpack to that much: see [Options].
func CheckUnpacked(packed, unpacked int64) error {
	if most := (Options{}).bound(packed); unpacked > most {
		return tooLarge(most)
	}
	return nil
}

// bound is how much so many compressed bytes may unpack to.
func (o Options) bound(packed int64) int64 {
	most := o.Bytes
	if most == 0 {
		most = defaultBytes
	}
	if packed > most/mostRatio { // their product may not fit
		return most
	}
	return min(most, max(harmless, packed*mostRatio))
}

// tooLarge is the error of what unpacks to more than most bytes.
func tooLarge(most int64) error {
	return fmt.Errorf("it unpacks to more than %s, and is not read further, since it may be a decompression bomb: unpack it yourself if that is meant", bytesText(most))
}

func bytesText(n int64) string { return humanize.IBytes(uint64(n)) }

// bounded reads at most left bytes, and returns tooLarge if there are more.
type bounded struct {
	r          io.Reader
	left, most int64
}

func bound(r io.Reader, most int64) *bounded { return &bounded{r, most, most} }

func (b *bounded) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, tooLarge(b.most)
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return n - 1, tooLarge(b.most)
	}
	return n, err
}

// interruptible reads until ctx ends.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

func (i interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.r.Read(p)
}

// named adds the name of the file to errors of reading it.
type named struct {
	name   string
	r      io.Reader
	closer io.Closer
}

func (n *named) Read(p []byte) (int, error) {
	read, err := n.r.Read(p)
	if err != nil && err != io.EOF {
		err = fmt.Errorf("%s: %w", n.name, explain(err))
	}
	return read, err
}

func (n *named) Close() error { return n.closer.Close() }

// explain makes errors of compressed data clearer.
func explain(err error) error {
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the file is truncated")
	case errors.Is(err, gzip.ErrHeader):
		return errors.New("the compressed file is damaged, or something follows it")
	case errors.Is(err, gzip.ErrChecksum):
		return errors.New("the compressed file is damaged: its checksum is wrong")
	}
	return err
}

const pointer = "version https://git-lfs.github.com/spec/"

// CheckPointer returns an error if a file that begins so holds no data, but says where Git LFS keeps them.
func CheckPointer(head []byte) error {
	if bytes.HasPrefix(head, []byte(pointer)) {
		return errors.New("the file is not the data but a pointer of Git LFS: fetch the data with git lfs pull")
	}
	return nil
}

// content returns what a file holds: decompressed if it is compressed with gzip. raw are its bytes, size their number.
func (r *Root) content(ctx context.Context, name string, raw io.ReadCloser, size int64) (io.ReadCloser, error) {
	source := interruptible{ctx, raw}
	head := make([]byte, len(pointer))
	n, err := io.ReadFull(source, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		raw.Close()
		return nil, fmt.Errorf("%s: %w", name, explain(err))
	}
	head = head[:n]
	if err := CheckPointer(head); err != nil {
		raw.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	whole := io.MultiReader(bytes.NewReader(head), source)
	if !bytes.HasPrefix(head, []byte{0x1f, 0x8b, 8}) {
		return &named{name, whole, raw}, nil
	}
	z, err := gzip.NewReader(whole)
	if err != nil {
		raw.Close()
		return nil, fmt.Errorf("%s: %w", name, explain(err))
	}
	return &named{name, bound(z, r.options.bound(size)), raw}, nil
}
