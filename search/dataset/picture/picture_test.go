package picture_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"image"
	"image/color"
	"image/gif"
	"image/jpeg"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"mixmas/search/dataset/picture"
)

// decode decodes a picture, and fails the test if that fails.
func decode(t testing.TB, f picture.Form, data []byte) []float32 {
	t.Helper()
	shape := f.Shape()
	dst := make([]float32, shape[0]*shape[1]*shape[2])
	if err := f.Decode(data, dst); err != nil {
		t.Fatal(err)
	}
	return dst
}

// sample reads a file of testdata.
func sample(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// golden is what Pillow makes of a file: see testdata/make.py.
type golden struct {
	Width, Height        int
	Colours, Grey, Alpha string
}

// goldens reads golden.json.
func goldens(t testing.TB) map[string]golden {
	var all map[string]golden
	if err := json.Unmarshal(sample(t, "golden.json"), &all); err != nil {
		t.Fatal(err)
	}
	return all
}

// distance is the largest difference between values and what they should be. Beside an opacity, colours count where it is at least
// 100: Pillow rounds colours that are multiplied by a small one.
func distance(t testing.TB, got []float32, want string, opacity bool) (most float64) {
	t.Helper()
	bytes, err := hex.DecodeString(want)
	if err != nil || len(bytes) != len(got) {
		t.Fatalf("%d values, want %d (%v)", len(got), len(bytes), err)
	}
	n := len(got) / 4
	for i, v := range got {
		if !opacity || i >= 3*n || bytes[3*n+i%n] >= 100 {
			most = max(most, math.Abs(float64(v)-float64(bytes[i])))
		}
	}
	return most
}

// Every format is decoded, turned, laid over white and resized as by Pillow, within 3 levels of 255.
func TestAsPillow(t *testing.T) {
	for name, want := range goldens(t) {
		data := sample(t, name)
		info, err := picture.Probe(data)
		if err != nil || info.Width != want.Width || info.Height != want.Height {
			t.Errorf("%s: %d×%d pixels, want %d×%d (%v)", name, info.Width, info.Height, want.Width, want.Height, err)
			continue
		}
		for _, c := range []struct {
			form picture.Form
			want string
		}{
			{picture.Form{Height: 5, Width: 6, Channels: 3}, want.Colours},
			{picture.Form{Height: 5, Width: 6, Channels: 1}, want.Grey},
			{picture.Form{Height: 5, Width: 6, Channels: 3, KeepAlpha: true}, want.Alpha},
		} {
			got := decode(t, c.form, data)
			if d := distance(t, got, c.want, c.form.KeepAlpha); d > 3 {
				t.Errorf("%s, %v: differs by %g levels from Pillow's\n got %v", name, c.form.Shape(), d, got)
			}
			for _, v := range got {
				if v != float32(math.Round(float64(v))) {
					t.Errorf("%s: %g is not a whole number", name, v)
					break
				}
			}
		}
	}
}

// Of every format, each beginning of a file is an error, or has everything: no picture is grey below the point where it ends.
func TestTruncated(t *testing.T) {
	form := picture.Form{Height: 16, Width: 24, Channels: 3}
	dst := make([]float32, 3*16*24)
	for name := range goldens(t) {
		data := sample(t, name)
		if name == "detail.png" {
			continue // large
		}
		whole := decode(t, form, data)
		if got := decode(t, form, append(slices.Clone(data), "trailing bytes \xff\xd9 GIF89a"...)); !slices.Equal(got, whole) {
			t.Errorf("%s: trailing bytes change it", name)
		}
		for n := range len(data) {
			if n > 100 && n < len(data)-20 && n%17 != 0 {
				continue // for speed
			}
			err := form.Decode(data[:n], dst)
			if err == nil && !slices.Equal(dst, whole) {
				t.Errorf("%s: the first %d of %d bytes are another picture", name, n, len(data))
				break
			}
			if err != nil && n > 40 && !strings.Contains(err.Error(), "cannot be decoded") {
				t.Errorf("%s: the first %d of %d bytes: %v", name, n, len(data), err)
				break
			}
		}
	}
}

func TestOtherFormats(t *testing.T) {
	for begins, want := range map[string]string{
		"":                                   "an empty file, not a picture in a format that is read: want PNG, JPEG, GIF, BMP, TIFF or WebP",
		"<svg xmlns='http://www.w3.org'>":    "an SVG drawing, not",
		"\ufeff<?xml version='1.0'?>\n<svg>": "an SVG drawing, not",
		"\n <!DOCTYPE html><p>Not found":     "an HTML page, not",
		"\x00\x00\x00\x20ftypheic":           "a HEIC picture, not",
		"\x00\x00\x00\x20ftypmif1":           "a HEIC or AVIF picture, not",
		"\x00\x00\x00\x20ftypavif":           "an AVIF picture, not",
		"\x00\x00\x00\x20ftypisom":           "a video, not",
		"%PDF-1.7":                           "a PDF document, not",
		"P6 3 3 255":                         "a PNM picture, not",
		"\x00\x00\x00\x00\x00\x00":           "a file of zeros, not",
		"BM, as the name of a firm":          "something unknown, not",
		"RIFF\x00\x00\x00\x00WAVEfmt ":       "something unknown, not",
		strings.Repeat("\x00", 128) + "DICM": "a DICOM file, not",
	} {
		_, err := picture.Probe([]byte(begins))
		if !errors.Is(err, picture.ErrFormat) || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v, want %s", begins, err, want)
		}
	}
}

// bigPNG is a PNG of a few bytes that says it has so many pixels.
func bigPNG(width, height int) []byte {
	p := pngFile{width: width, height: 1, bits: 8, samples: make([]uint16, width)}
	data := p.encode()
	var header bytes.Buffer
	header.Write(data[:8])
	chunk(&header, "IHDR", slices.Concat(data[16:20], []byte{byte(height >> 24), byte(height >> 16), byte(height >> 8), byte(height)}, data[24:29]))
	return append(header.Bytes(), data[33:]...)
}

func TestErrors(t *testing.T) {
	jpg := sample(t, "baseline.jpg")
	huge := slices.Clone(jpg)
	copy(huge[bytes.Index(huge, []byte{0xff, 0xc0})+5:], "\xff\xdc\xff\xdc")
	vast := slices.Clone(jpg)
	copy(vast[bytes.Index(vast, []byte{0xff, 0xc0})+5:], "\x20\x00\x20\x00")
	webp := slices.Clone(sample(t, "lossy.webp"))
	copy(webp[bytes.Index(webp, []byte{0x9d, 0x01, 0x2a})+3:], "\xff\x3f\xff\x3f")
	bmp := slices.Clone(sample(t, "rgb.bmp"))
	copy(bmp[18:], "\x10\x27\x00\x00\x10\x27\x00\x00")
	tiff := slices.Clone(sample(t, "rgb.tiff"))
	for entries := tiff[binary.LittleEndian.Uint32(tiff[4:])+2:]; ; entries = entries[12:] {
		if tag := binary.LittleEndian.Uint16(entries); tag == 256 || tag == 257 { // width and height
			binary.LittleEndian.PutUint16(entries[8:], 9000)
		} else if tag > 257 {
			break
		}
	}
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"a TIFF bomb":          {tiff, "cannot hold 9000×9000 pixels"},
		"a bomb":               {bigPNG(60_000, 60_000), "this PNG picture cannot be decoded: its size is 60000×60000 pixels (width×height), want at most 100000000 pixels"},
		"a small bomb":         {bigPNG(8_000, 8_000), "this PNG picture cannot be decoded: it is truncated"},
		"a JPEG bomb":          {huge, "its size is 65500×65500 pixels"},
		"a smaller one":        {vast, "cannot hold 8192×8192 pixels"},
		"a WebP bomb":          {webp, "its size is 16383×16383 pixels"},
		"a BMP bomb":           {bmp, "cannot hold 10000×10000 pixels"},
		"animated WebP":        {sample(t, "animated.webp"), "this WebP picture cannot be decoded: it is animated"},
		"damaged":              {slices.Concat(sample(t, "rgb.png")[:60], []byte("xxxx"), sample(t, "rgb.png")[64:]), "this PNG picture cannot be decoded"},
		"half":                 {jpg[:len(jpg)/2], "this JPEG picture cannot be decoded"},
		"a header and no more": {sample(t, "rgb.png")[:40], "this PNG picture cannot be decoded: it is truncated"},
	} {
		f := picture.Form{Height: 4, Width: 4, Channels: 3}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		if err := f.Decode(test.data, make([]float32, 48)); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: got %v, want %s", name, err, test.want)
		}
		if runtime.ReadMemStats(&after); after.TotalAlloc-before.TotalAlloc > 1<<20 {
			t.Errorf("%s: %d bytes were taken for it", name, after.TotalAlloc-before.TotalAlloc)
		}
	}
	rgb := sample(t, "rgb.png")
	for want, f := range map[string]picture.Form{
		"1 channel (grey) or 3 (colours), not 2": {Height: 1, Width: 1, Channels: 2},
		"size 0×1":                               {Height: 0, Width: 1, Channels: 1},
		"size 1×-1":                              {Height: 1, Width: -1, Channels: 1},
		"at most 100000000":                      {Height: math.MaxInt, Width: math.MaxInt, Channels: 3},
		"a picture has 12 elements":              {Height: 2, Width: 2, Channels: 3},
	} {
		if err := f.Decode(rgb, nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %s", f, err, want)
		}
	}
}

// A decoder that panics is an error.
func TestPanic(t *testing.T) {
	defer picture.PanicOnPNG()()
	f := picture.Form{Height: 1, Width: 1, Channels: 1}
	if err := f.Decode(sample(t, "rgb.png"), make([]float32, 1)); err == nil || err.Error() != "this PNG picture cannot be decoded: it is damaged (index out of range)" {
		t.Error(err)
	}
}

func TestProbe(t *testing.T) {
	for name, want := range map[string]picture.Info{
		"rgb.png":             {Format: "PNG", Channels: 3, Bits: 8},
		"alpha.png":           {Format: "PNG", Channels: 3, Bits: 8, Alpha: true},
		"palette.png":         {Format: "PNG", Channels: 3, Bits: 8},
		"black_white.png":     {Format: "PNG", Channels: 1, Bits: 8},
		"baseline.jpg":        {Format: "JPEG", Channels: 3, Bits: 8},
		"progressive.jpg":     {Format: "JPEG", Channels: 3, Bits: 8},
		"grey.jpg":            {Format: "JPEG", Channels: 1, Bits: 8},
		"cmyk.jpg":            {Format: "JPEG", Channels: 3, Bits: 8},
		"exif6.jpg":           {Format: "JPEG", Channels: 3, Bits: 8},
		"animated.gif":        {Format: "GIF", Channels: 3, Bits: 8},
		"transparent.gif":     {Format: "GIF", Channels: 3, Bits: 8, Alpha: true},
		"part.gif":            {Format: "GIF", Channels: 3, Bits: 8, Alpha: true},
		"rgb.bmp":             {Format: "BMP", Channels: 3, Bits: 8},
		"grey.bmp":            {Format: "BMP", Channels: 1, Bits: 8},
		"rgb.tiff":            {Format: "TIFF", Channels: 3, Bits: 8},
		"alpha.tiff":          {Format: "TIFF", Channels: 3, Bits: 8, Alpha: true},
		"grey.tiff":           {Format: "TIFF", Channels: 1, Bits: 8},
		"lossy.webp":          {Format: "WebP", Channels: 3, Bits: 8},
		"alpha_lossy.webp":    {Format: "WebP", Channels: 3, Bits: 8, Alpha: true},
		"lossless.webp":       {Format: "WebP", Channels: 3, Bits: 8},
		"alpha_lossless.webp": {Format: "WebP", Channels: 3, Bits: 8, Alpha: true},
	} {
		want.Width, want.Height = 24, 16
		if got, err := picture.Probe(sample(t, name)); err != nil || got != want {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, want)
		}
	}
}

// The standard library's encoders: what goes in comes out.
func TestEncoders(t *testing.T) {
	grey := image.NewGray(image.Rect(0, 0, 9, 7))
	frame := image.NewPaletted(grey.Rect, color.Palette{color.Gray{Y: 10}, color.Gray{Y: 200}})
	for i := range grey.Pix {
		frame.Pix[i] = uint8(i % 2)
		grey.Pix[i] = 100
	}
	var png_, gif_, jpeg_ bytes.Buffer
	if err := errors.Join(png.Encode(&png_, grey), gif.Encode(&gif_, frame, nil), jpeg.Encode(&jpeg_, grey, nil)); err != nil {
		t.Fatal(err)
	}
	f := picture.Form{Height: 7, Width: 9, Channels: 1}
	for name, data := range map[string][]byte{"PNG": png_.Bytes(), "GIF": gif_.Bytes(), "JPEG": jpeg_.Bytes()} {
		for i, v := range decode(t, f, data) {
			want := float32(100)
			if name == "GIF" {
				want = []float32{10, 200}[i%2]
			}
			if v != want {
				t.Fatalf("%s: element %d is %g, want %g", name, i, v, want)
			}
		}
	}
}

// Resizing keeps the mean and the bounds, and a size of its own changes nothing.
func TestResizeProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := pngFile{width: rapid.IntRange(1, 40).Draw(t, "width"), height: rapid.IntRange(1, 40).Draw(t, "height"), bits: 16}
		n := p.width * p.height
		low := rapid.Uint16Range(0, 30_000).Draw(t, "low")
		high := rapid.Uint16Range(low, 65_535).Draw(t, "high")
		p.samples = rapid.SliceOfN(rapid.Uint16Range(low, high), n, n).Draw(t, "samples")
		f := picture.Form{Height: rapid.IntRange(1, 50).Draw(t, "new height"), Width: rapid.IntRange(1, 50).Draw(t, "new width"), Channels: 1}
		data := p.encode()
		dst := make([]float32, f.Height*f.Width)
		if err := f.Decode(data, dst); err != nil {
			t.Fatal(err)
		}
		if least, most := float32(low)/257, float32(high)/257; slices.Min(dst) < least-0.01 || slices.Max(dst) > most+0.01 {
			t.Fatalf("from %g to %g, want %g to %g", slices.Min(dst), slices.Max(dst), least, most)
		}
		own := picture.Form{Height: p.height, Width: p.width, Channels: 1}
		dst = make([]float32, n)
		if err := own.Decode(data, dst); err != nil {
			t.Fatal(err)
		}
		for i, v := range dst {
			if math.Abs(float64(v)-float64(p.samples[i])/257) > 1e-4 {
				t.Fatalf("element %d is %g, want %g", i, v, float64(p.samples[i])/257)
			}
		}
	})
}

func FuzzDecode(f *testing.F) {
	for name := range goldens(f) {
		if name != "detail.png" {
			f.Add(sample(f, name))
		}
	}
	form := picture.Form{Height: 3, Width: 5, Channels: 3, KeepAlpha: true}
	dst := make([]float32, 4*3*5)
	f.Fuzz(func(t *testing.T, data []byte) {
		if info, err := picture.Probe(data); err == nil && info.Width*info.Height > 1<<20 {
			return // sound, but slow
		}
		if err := form.Decode(data, dst); err != nil {
			return
		}
		for _, v := range dst {
			if !(v >= 0 && v <= 255) {
				t.Fatalf("value %g", v)
			}
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	photo := image.NewRGBA(image.Rect(0, 0, 640, 480))
	for i := range photo.Pix {
		photo.Pix[i] = uint8(i*7/5 + i/2560)
		if i%4 == 3 {
			photo.Pix[i] = 255
		}
	}
	var jpg, small bytes.Buffer
	if err := errors.Join(jpeg.Encode(&jpg, photo, &jpeg.Options{Quality: 90}), png.Encode(&small, photo.SubImage(image.Rect(0, 0, 72, 72)))); err != nil {
		b.Fatal(err)
	}
	for name, data := range map[string][]byte{"jpeg 640x480": jpg.Bytes(), "png 72x72": small.Bytes(), "png 24x16": sample(b, "rgb.png"), "webp 24x16": sample(b, "lossy.webp")} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			f := picture.Form{Height: 32, Width: 32, Channels: 3}
			dst := make([]float32, 3*32*32)
			for b.Loop() {
				if err := f.Decode(data, dst); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pictures/s")
		})
	}
}
