package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"io"

	"golang.org/x/image/bmp"
	"golang.org/x/image/tiff"
	"golang.org/x/image/webp"
)

// header is what must be known of a picture before it is decoded.
type header struct {
	info        Info // with the width and height as stored
	orientation orientation
	unmarked    bool // a JPEG of four channels without Adobe's marker
}

// decoders are the functions that read the formats.
var decoders = map[string]struct {
	config func(io.Reader) (image.Config, error)
	decode func(io.Reader) (image.Image, error)
}{
	formatPNG:  {png.DecodeConfig, png.Decode},
	formatJPEG: {jpeg.DecodeConfig, jpeg.Decode},
	formatGIF:  {gif.DecodeConfig, gif.Decode},
	formatBMP:  {bmp.DecodeConfig, bmp.Decode},
	formatTIFF: {tiff.DecodeConfig, tiff.Decode},
	formatWebP: {webp.DecodeConfig, webp.Decode},
}

// readHeader reads the header, and checks the size.
func readHeader(data []byte) (h header, err error) {
	format, err := sniff(data)
	if err != nil {
		return h, err
	}
	defer func() { err = named(format, recover(), err) }()
	h = header{info: Info{Format: format, Channels: 3, Bits: 8}, orientation: upright}
	most := int64(MostPixels) // pixels that so many bytes can hold
	bytes := int64(len(data))
	switch format {
	case formatPNG:
		most = h.png(data)
	case formatJPEG:
		h.jpeg(data)
		most = 512 * bytes // at least one bit for 8×8 pixels
	case formatGIF:
		h.gif(data)
		most = 4096 * bytes // a code stands for at most so many pixels
	case formatBMP:
		most = 8 * bytes // not compressed
	case formatTIFF:
		h.orientation = exifOrientation(data)
		const photometric, rgb, samples, compression = 262, 2, 277, 259
		switch tiffTag(data, compression) {
		case 0, 1: // not compressed
			most = 8 * bytes
		case 5, 8, 32773, 32946: // LZW, deflate and PackBits; others may compress without bounds
			most = 8 * 4096 * bytes
		}
		h.info.Alpha = tiffTag(data, photometric) == rgb && tiffTag(data, samples) == 4
	case formatWebP:
		if err := h.webp(data); err != nil {
			return h, err
		}
	}
	config, err := decoders[format].config(h.reader(data))
	if err != nil {
		return h, err
	}
	h.info.Width, h.info.Height = config.Width, config.Height
	switch pixels := int64(config.Width) * int64(config.Height); {
	case config.Width < 1 || config.Height < 1:
		return h, fmt.Errorf("its size is %d×%d pixels (width×height)", config.Width, config.Height)
	case pixels > MostPixels:
		return h, &SizeError{config.Width, config.Height}
	case pixels > most:
		return h, fmt.Errorf("it is truncated: %d bytes cannot hold %d×%d pixels (width×height)", bytes, config.Width, config.Height)
	}
	if format == formatBMP || format == formatTIFF {
		h.model(config.ColorModel)
	}
	if palette, ok := config.ColorModel.(color.Palette); ok && isGrey(palette) {
		h.info.Channels = 1
	}
	return h, nil
}

// decode decodes the pixels.
func (h *header) decode(data []byte) (decoded image.Image, err error) {
	defer func() { err = named(h.info.Format, recover(), err) }()
	decoded, err = decoders[h.info.Format].decode(h.reader(data))
	if err != nil {
		return nil, err
	}
	if b := decoded.Bounds(); h.info.Format != formatGIF && (b.Dx() != h.info.Width || b.Dy() != h.info.Height) {
		return nil, fmt.Errorf("it has %d×%d pixels, but its header says %d×%d (width×height)", b.Dx(), b.Dy(), h.info.Width, h.info.Height)
	}
	return decoded, nil
}

// named returns the error of a decoder, which may have panicked, with the name of the format.
func named(format string, panicked any, err error) error {
	switch {
	case panicked != nil:
		return fmt.Errorf("this %s picture cannot be decoded: it is damaged (%v)", format, panicked)
	case err == nil:
		return nil
	case errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF):
		return fmt.Errorf("this %s picture cannot be decoded: it is truncated", format)
	}
	return fmt.Errorf("this %s picture cannot be decoded: %w", format, err)
}

// reader reads the data for a decoder. That of JPEG needs Adobe's marker to read four channels; without one, they are inverted
// CMYK too, as Pillow and other programs take them.
func (h *header) reader(data []byte) io.Reader {
	if !h.unmarked {
		return bytes.NewReader(data)
	}
	const marker = "\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"
	return io.MultiReader(bytes.NewReader(data[:2]), bytes.NewReader([]byte(marker)), bytes.NewReader(data[2:]))
}

// png reads the chunks of a PNG, and returns the largest number of pixels that they can hold.
func (h *header) png(data []byte) (most int64) {
	most = MostPixels
	for rest := data[8:]; len(rest) >= 12; {
		length := int64(binary.BigEndian.Uint32(rest))
		kind := string(rest[4:8])
		body := rest[8:min(int64(len(rest)), 8+length)]
		switch {
		case kind == "IHDR" && len(body) >= 13:
			bits, colours := int64(body[8]), body[9]
			if bits > 8 {
				h.info.Bits = 16
			}
			if colours == 0 || colours == 4 {
				h.info.Channels = 1
			}
			h.info.Alpha = colours == 4 || colours == 6
			channels := map[byte]int64{2: 3, 4: 2, 6: 4}[colours]
			most = min(most, 8*1032*int64(len(data))/max(1, bits*max(1, channels))) // deflate makes at most 1,032 bytes of one
		case kind == "tRNS":
			h.info.Alpha = true
		case kind == "eXIf":
			h.orientation = exifOrientation(body)
		case kind == "IEND":
			return most
		}
		if length > int64(len(rest))-12 {
			break
		}
		rest = rest[12+length:]
	}
	return most
}

// jpeg reads the segments of a JPEG up to its pixels.
func (h *header) jpeg(data []byte) {
	adobe, channels := false, 0
	for rest := data[2:]; len(rest) >= 4; {
		if rest[0] != 0xff {
			break
		}
		marker := rest[1]
		if marker == 0xff { // padding
			rest = rest[1:]
			continue
		}
		length := int(binary.BigEndian.Uint16(rest[2:]))
		if marker == 0xda || length < 2 || 2+length > len(rest) { // the pixels begin, or the file is damaged
			break
		}
		body := rest[4 : 2+length]
		switch {
		case marker == 0xe1 && bytes.HasPrefix(body, []byte("Exif\x00\x00")):
			h.orientation = exifOrientation(body)
		case marker == 0xee && bytes.HasPrefix(body, []byte("Adobe")):
			adobe = true
		case marker >= 0xc0 && marker <= 0xc2 && len(body) >= 6:
			channels = int(body[5])
		}
		rest = rest[2+length:]
	}
	if channels == 1 {
		h.info.Channels = 1
	}
	h.unmarked = channels == 4 && !adobe
}

// gif finds out whether the first frame has a transparent colour, or does not cover the picture.
func (h *header) gif(data []byte) {
	// the blocks before the first frame: extensions, of which the one with the label 0xf9 has the flag
	rest := data[min(len(data), 10):]
	if len(rest) < 3 {
		return
	}
	if flags := rest[0]; flags&0x80 != 0 {
		rest = rest[min(len(rest), 3+3<<(flags&7+1)):]
	} else {
		rest = rest[3:]
	}
	for len(rest) >= 10 {
		if rest[0] == ',' { // the frame
			var side [4]int
			for i := range side {
				side[i] = int(binary.LittleEndian.Uint16(rest[1+2*i:]))
			}
			width, height := int(binary.LittleEndian.Uint16(data[6:])), int(binary.LittleEndian.Uint16(data[8:]))
			h.info.Alpha = h.info.Alpha || side != [4]int{0, 0, width, height}
			return
		}
		if rest[0] != '!' {
			return
		}
		if rest[1] == 0xf9 && rest[3]&1 != 0 {
			h.info.Alpha = true
		}
		rest = rest[2:]
		for len(rest) > 0 && rest[0] != 0 { // blocks of data
			rest = rest[min(len(rest), 1+int(rest[0])):]
		}
		rest = rest[min(len(rest), 1):]
	}
}

// webp reads the chunks of a WebP.
func (h *header) webp(data []byte) error {
	const animated, alpha = 0x02, 0x10
	if len(data) < 12 || int64(len(data))+1 < 8+int64(binary.LittleEndian.Uint32(data[4:])) { // some writers omit the padding
		return io.ErrUnexpectedEOF
	}
	for rest := data[12:]; len(rest) >= 8; {
		length := int64(binary.LittleEndian.Uint32(rest[4:]))
		body := rest[8:min(int64(len(rest)), 8+length)]
		switch kind := string(rest[:4]); {
		case kind == "VP8X" && len(body) > 0:
			if body[0]&animated != 0 {
				return fmt.Errorf("it is animated, which is not supported")
			}
			h.info.Alpha = body[0]&alpha != 0
		case kind == "VP8 " && len(body) >= 10: // its own size may differ from that of the whole
			if w, h := binary.LittleEndian.Uint16(body[6:])&0x3fff, binary.LittleEndian.Uint16(body[8:])&0x3fff; int(w)*int(h) > MostPixels {
				return &SizeError{int(w), int(h)}
			}
		case kind == "VP8L" && len(body) >= 5:
			bits := binary.LittleEndian.Uint32(body[1:])
			if w, h := bits&0x3fff+1, bits>>14&0x3fff+1; int(w)*int(h) > MostPixels {
				return &SizeError{int(w), int(h)}
			}
			h.info.Alpha = h.info.Alpha || bits>>28&1 != 0
		case kind == "EXIF":
			h.orientation = exifOrientation(body)
		}
		length += length & 1
		if length > int64(len(rest))-8 {
			break
		}
		rest = rest[8+length:]
	}
	return nil
}

// model reads the channels and bits from the colour model of a decoder.
func (h *header) model(m color.Model) {
	switch m {
	case color.GrayModel:
		h.info.Channels = 1
	case color.Gray16Model:
		h.info.Channels, h.info.Bits = 1, 16
	case color.RGBA64Model:
		h.info.Bits = 16
	case color.NRGBA64Model:
		h.info.Alpha, h.info.Bits = true, 16
	case color.NRGBAModel:
		h.info.Alpha = true
	}
}

// isGrey reports whether all colours of a palette are grey.
func isGrey(palette color.Palette) bool {
	for _, c := range palette {
		if r, g, b, _ := c.RGBA(); r != g || g != b {
			return false
		}
	}
	return len(palette) > 0
}
