// Package picture decodes pictures: PNG, JPEG, GIF (the first frame), BMP, TIFF (the first page) and WebP (not animated).
//
// The content decides which format a picture has, whatever its file is called. A picture is turned as its EXIF orientation says,
// laid over white where it is transparent (or keeps its opacity as a channel), and stretched to the size of the [Form]: its
// proportions are not kept. Bytes behind the end of a picture are ignored; a truncated picture is an error.
package picture

import (
	"errors"
	"fmt"
	"slices"
	"sync"
)

// MostPixels is the largest number of pixels of a picture, width times height. More are an error before memory is taken for
// them: while it is decoded, a picture takes up to 16 bytes per pixel.
const MostPixels = 100_000_000

// ErrFormat is wrapped by the error for data that are not a picture, or are one in another format. Its text names the format
// if it is a known one.
var ErrFormat = errors.New("not a picture in a format that is read: want PNG, JPEG, GIF, BMP, TIFF or WebP")

// Info is what the header of a picture says.
type Info struct {
	Format        string // PNG, JPEG, GIF, BMP, TIFF or WebP
	Width, Height int    // in pixels, after the picture is turned as its EXIF orientation says
	Channels      int    // 1 for grey, 3 for colours
	Alpha         bool   // it may have transparent pixels
	Bits          int    // per channel: 16 if a channel has more than 8, otherwise 8
}

// Form is the form that pictures are decoded to.
type Form struct {
	Height    int  `json:"height"`
	Width     int  `json:"width"`
	Channels  int  `json:"channels"`             // 1 for grey, 3 for red, green and blue
	KeepAlpha bool `json:"keep_alpha,omitempty"` // the opacity is one more channel; otherwise the picture is laid over white
}

// Shape is the shape of a decoded picture: channels (with that of the opacity), height, width.
func (f Form) Shape() []int {
	channels := f.Channels
	if f.KeepAlpha {
		channels++
	}
	return []int{channels, f.Height, f.Width}
}

// Check returns an error for a form that pictures cannot be decoded to.
func (f Form) Check() error {
	if f.Channels != 1 && f.Channels != 3 {
		return fmt.Errorf("pictures have 1 channel (grey) or 3 (colours), not %d", f.Channels)
	}
	if f.Height < 1 || f.Width < 1 || f.Height > MostPixels/f.Width {
		return fmt.Errorf("pictures cannot have the size %d×%d (height×width): want at least 1 pixel, and at most %d", f.Height, f.Width, MostPixels)
	}
	return nil
}

// SizeError is the error of a picture with more than [MostPixels].
type SizeError struct{ Width, Height int }

func (e *SizeError) Error() string {
	return fmt.Sprintf("its size is %d×%d pixels (width×height), want at most %d pixels", e.Width, e.Height, MostPixels)
}

// Probe reads the header of a picture. It takes no memory for the pixels, and does not notice damage behind the header.
func Probe(data []byte) (Info, error) {
	h, err := readHeader(data)
	if err != nil {
		return Info{}, err
	}
	if h.orientation.swaps() {
		h.info.Width, h.info.Height = h.info.Height, h.info.Width
	}
	return h.info, nil
}

// Decode writes a picture to dst, which has as many elements as the [Form.Shape] says: channel by channel, row by row, from 0
// to 255. Pictures with 8 bits give whole numbers, those with 16 also fractions. The grey of a colour is its luma by Rec. 601.
// Where the opacity is kept, the colours are those of the opaque picture, and 0 where nothing is seen of them.
// After an error, dst may hold anything.
func (f Form) Decode(data []byte, dst []float32) error {
	if err := f.Check(); err != nil {
		return err
	}
	shape := f.Shape()
	if want := shape[0] * f.Height * f.Width; len(dst) != want {
		return fmt.Errorf("a picture has %d elements, but the destination has %d", want, len(dst))
	}
	h, err := readHeader(data)
	if err != nil {
		return err
	}
	decoded, err := h.decode(data)
	if err != nil {
		return err
	}
	s := scratches.Get().(*scratch)
	defer scratches.Put(s)
	pixels := newPixels(decoded, h)
	if h.orientation == upright {
		s.resize(pixels, f, f.Height, f.Width, dst)
	} else {
		height, width := f.Height, f.Width
		if h.orientation.swaps() {
			height, width = width, height
		}
		s.stored = slices.Grow(s.stored[:0], len(dst))[:len(dst)]
		s.resize(pixels, f, height, width, s.stored)
		h.orientation.turn(s.stored, height, width, dst)
	}
	finish(dst, f, h.info.Bits > 8)
	return nil
}

// scratches keeps the memory of decodings for later ones.
var scratches = sync.Pool{New: func() any { return new(scratch) }}
