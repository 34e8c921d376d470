package picture

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
)

// The formats that are read.
const (
	formatPNG  = "PNG"
	formatJPEG = "JPEG"
	formatGIF  = "GIF"
	formatBMP  = "BMP"
	formatTIFF = "TIFF"
	formatWebP = "WebP"
)

// signature is how the data of a format begin.
type signature struct {
	at     int
	begins string
	name   string
}

// readable are the formats that are read.
var readable = []signature{
	{0, "\x89PNG\r\n\x1a\n", formatPNG},
	{0, "\xff\xd8\xff", formatJPEG},
	{0, "GIF87a", formatGIF},
	{0, "GIF89a", formatGIF},
	{0, "II*\x00", formatTIFF},
	{0, "MM\x00*", formatTIFF},
	{8, "WEBP", formatWebP},
}

// others are what people keep where a picture should be.
var others = []signature{
	{4, "ftypavif", "an AVIF picture"},
	{4, "ftypavis", "an AVIF picture"},
	{4, "ftyphei", "a HEIC picture"},
	{4, "ftyphev", "a HEIC picture"},
	{4, "ftypmif1", "a HEIC or AVIF picture"},
	{4, "ftypmsf1", "a HEIC or AVIF picture"},
	{4, "ftyp", "a video"},
	{0, "%PDF", "a PDF document"},
	{0, "%!PS", "a PostScript document"},
	{0, "\xff\x0a", "a JPEG XL picture"},
	{0, "\x00\x00\x00\x0cJXL ", "a JPEG XL picture"},
	{0, "\x00\x00\x00\x0cjP  ", "a JPEG 2000 picture"},
	{0, "\xff\x4f\xff\x51", "a JPEG 2000 picture"},
	{0, "II\xbc", "a JPEG XR picture"},
	{0, "II+\x00", "a BigTIFF picture"},
	{0, "MM\x00+", "a BigTIFF picture"},
	{0, "8BPS", "a Photoshop picture"},
	{0, "gimp xcf", "a GIMP picture"},
	{0, "\x00\x00\x01\x00", "an icon file (ICO)"},
	{0, "v/1\x01", "an OpenEXR picture"},
	{0, "#?RADIANCE", "a Radiance picture"},
	{0, "qoif", "a QOI picture"},
	{0, "P1", "a PNM picture"}, {0, "P2", "a PNM picture"}, {0, "P3", "a PNM picture"},
	{0, "P4", "a PNM picture"}, {0, "P5", "a PNM picture"}, {0, "P6", "a PNM picture"},
	{128, "DICM", "a DICOM file"},
	{0, "SIMPLE  =", "a FITS file"},
	{0, "\x93NUMPY", "an npy array"},
	{0, "\x89HDF\r\n\x1a\n", "an HDF5 file"},
	{0, "PK\x03\x04", "a zip archive"},
	{0, "\x1f\x8b", "a gzip file"},
}

// sniff finds the format by the first bytes of a file.
func sniff(data []byte) (string, error) {
	for _, s := range readable {
		if s.matches(data) && (s.name != formatWebP || bytes.HasPrefix(data, []byte("RIFF"))) {
			return s.name, nil
		}
	}
	if isBMP(data) {
		return formatBMP, nil
	}
	return "", fmt.Errorf("%s, %w", describe(data), ErrFormat)
}

// matches reports whether data begin so.
func (s signature) matches(data []byte) bool {
	return len(data) >= s.at && bytes.HasPrefix(data[s.at:], []byte(s.begins))
}

// isBMP reports whether data begin like a BMP file. Its two first letters alone say little.
func isBMP(data []byte) bool {
	if len(data) < 18 || !bytes.HasPrefix(data, []byte("BM")) {
		return false
	}
	return slices.Contains([]uint32{12, 40, 52, 56, 64, 108, 124}, binary.LittleEndian.Uint32(data[14:]))
}

// describe says what data are that are no picture.
func describe(data []byte) string {
	if len(data) == 0 {
		return "an empty file"
	}
	for _, s := range others {
		if s.matches(data) {
			return s.name
		}
	}
	start := strings.ToLower(string(data[:min(len(data), 1024)]))
	start = strings.TrimSpace(strings.TrimPrefix(start, "\ufeff"))
	switch {
	case strings.HasPrefix(start, "<svg"), strings.HasPrefix(start, "<?xml") && strings.Contains(start, "<svg"):
		return "an SVG drawing"
	case strings.HasPrefix(start, "<!doctype html"), strings.HasPrefix(start, "<html"):
		return "an HTML page"
	case strings.Trim(start, "\x00") == "":
		return "a file of zeros"
	}
	return "something unknown"
}
