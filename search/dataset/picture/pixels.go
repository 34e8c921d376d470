package picture

import (
	"image"
	"image/color"
	"slices"
)

// pixels are the rows of a decoded picture.
type pixels struct {
	width, height int
	grey          bool // all colours are grey: only red is written
	opaque        bool // the opacity is not written
	// row writes a row, from 0 to 255. Colours are not multiplied by the opacity.
	row func(y int, to planes)
}

// planes are the channels of one row.
type planes struct{ red, green, blue, opacity []float32 }

// newPixels returns the rows of a decoded picture.
func newPixels(decoded image.Image, h header) pixels {
	b := decoded.Bounds()
	p := pixels{width: b.Dx(), height: b.Dy(), opaque: true}
	switch m := decoded.(type) {
	case *image.Gray:
		p.grey = true
		p.row = func(y int, to planes) {
			for x, v := range m.Pix[y*m.Stride:][:p.width] {
				to.red[x] = float32(v)
			}
		}
	case *image.Gray16:
		p.grey = true
		p.row = func(y int, to planes) {
			row := m.Pix[y*m.Stride:][:2*p.width]
			for x := range p.width {
				to.red[x] = deep(row[2*x], row[2*x+1])
			}
		}
	case *image.NRGBA:
		p.opaque = false
		p.row = func(y int, to planes) { to.bytes(m.Pix[y*m.Stride:][:4*p.width]) }
	case *image.NRGBA64:
		p.opaque = false
		p.row = func(y int, to planes) { to.pairs(m.Pix[y*m.Stride:][:8*p.width]) }
	case *image.RGBA:
		p.opaque = m.Opaque()
		p.row = func(y int, to planes) {
			to.bytes(m.Pix[y*m.Stride:][:4*p.width])
			to.divide(p.opaque)
		}
	case *image.RGBA64:
		p.opaque = m.Opaque()
		p.row = func(y int, to planes) {
			to.pairs(m.Pix[y*m.Stride:][:8*p.width])
			to.divide(p.opaque)
		}
	case *image.YCbCr:
		convert := color.YCbCrToRGB
		if h.info.Format == formatWebP {
			convert = studioRGB
		}
		p.row = func(y int, to planes) { colours(m, y, convert, to) }
	case *image.NYCbCrA: // only WebP has it
		p.opaque = false
		p.row = func(y int, to planes) {
			colours(&m.YCbCr, y, studioRGB, to)
			for x, v := range m.A[y*m.AStride:][:p.width] {
				to.opacity[x] = float32(v)
			}
		}
	case *image.CMYK:
		p.row = func(y int, to planes) {
			row := m.Pix[y*m.Stride:][:4*p.width]
			for x := range p.width {
				c := row[4*x:][:4:4]
				r, g, b := color.CMYKToRGB(c[0], c[1], c[2], c[3])
				to.red[x], to.green[x], to.blue[x] = float32(r), float32(g), float32(b)
			}
		}
	case *image.Paletted:
		p.paletted(m, h)
	default:
		p.opaque = false
		p.row = func(y int, to planes) {
			for x := range p.width {
				to.set(x, straight(m.At(b.Min.X+x, b.Min.Y+y)))
			}
		}
	}
	return p
}

// paletted returns the rows of a picture with a palette. The first frame of a GIF may cover only a part of it: the rest is
// transparent.
func (p *pixels) paletted(m *image.Paletted, h header) {
	var colours [257]color.NRGBA64 // the last one is the transparent rest
	for i, c := range m.Palette[:min(len(m.Palette), 256)] {
		colours[i] = straight(c)
	}
	frame := m.Bounds()
	p.width, p.height = h.info.Width, h.info.Height
	p.grey = isGrey(m.Palette)
	p.opaque = m.Opaque() && frame == image.Rect(0, 0, p.width, p.height)
	if h.info.Format != formatGIF {
		frame = frame.Sub(frame.Min)
	}
	p.row = func(y int, to planes) {
		for x := range p.width {
			c := colours[256]
			if (image.Point{X: x, Y: y}).In(frame) {
				c = colours[m.Pix[(y-frame.Min.Y)*m.Stride+x-frame.Min.X]]
			}
			to.set(x, c)
		}
	}
}

// straight returns a colour that is not multiplied by its opacity, without a loss if it already is so.
func straight(c color.Color) color.NRGBA64 {
	if n, ok := c.(color.NRGBA); ok {
		return color.NRGBA64{R: uint16(n.R) * 257, G: uint16(n.G) * 257, B: uint16(n.B) * 257, A: uint16(n.A) * 257}
	}
	return color.NRGBA64Model.Convert(c).(color.NRGBA64)
}

// set writes one pixel.
func (to planes) set(x int, c color.NRGBA64) {
	const whole = 257
	to.red[x], to.green[x], to.blue[x], to.opacity[x] = float32(c.R)/whole, float32(c.G)/whole, float32(c.B)/whole, float32(c.A)/whole
}

// bytes writes a row of red, green, blue and opacity, a byte each.
func (to planes) bytes(row []byte) {
	for x := range len(row) / 4 {
		c := row[4*x:][:4:4]
		to.red[x], to.green[x], to.blue[x], to.opacity[x] = float32(c[0]), float32(c[1]), float32(c[2]), float32(c[3])
	}
}

// pairs writes a row of red, green, blue and opacity, two bytes each.
func (to planes) pairs(row []byte) {
	for x := range len(row) / 8 {
		c := row[8*x:][:8:8]
		to.red[x], to.green[x], to.blue[x], to.opacity[x] = deep(c[0], c[1]), deep(c[2], c[3]), deep(c[4], c[5]), deep(c[6], c[7])
	}
}

// divide divides colours by the opacity that they were multiplied by.
func (to planes) divide(opaque bool) {
	if opaque {
		return
	}
	for x, a := range to.opacity {
		if a > 0 {
			to.red[x], to.green[x], to.blue[x] = 255*to.red[x]/a, 255*to.green[x]/a, 255*to.blue[x]/a
		}
	}
}

// deep is the value of two bytes.
func deep(high, low byte) float32 { return float32(int(high)<<8|int(low)) / 257 }

// colours writes a row of luma and chroma as colours.
func colours(m *image.YCbCr, y int, convert func(y, cb, cr uint8) (r, g, b uint8), to planes) {
	corner := m.Rect.Min
	luma := m.Y[m.YOffset(corner.X, corner.Y+y):]
	for x := range m.Rect.Dx() {
		c := m.COffset(corner.X+x, corner.Y+y)
		r, g, b := convert(luma[x], m.Cb[c], m.Cr[c])
		to.red[x], to.green[x], to.blue[x] = float32(r), float32(g), float32(b)
	}
}

// studioRGB converts the luma and chroma of lossy WebP, whose luma goes from 16 to 235, as libwebp does. Package color takes them
// for those of JPEG, which go from 0 to 255.
func studioRGB(y, cb, cr uint8) (r, g, b uint8) {
	times := func(a uint8, c int) int { return int(a) * c >> 8 }
	clip := func(v int) uint8 { return uint8(min(max(v>>6, 0), 255)) }
	luma := times(y, 19077)
	return clip(luma + times(cr, 26149) - 14234), clip(luma - times(cb, 6419) - times(cr, 13320) + 8708), clip(luma + times(cb, 33050) - 17685)
}

// grow makes room for n pixels.
func (to *planes) grow(n int) {
	for _, p := range []*[]float32{&to.red, &to.green, &to.blue, &to.opacity} {
		*p = slices.Grow((*p)[:0], n)[:n]
	}
}
