package show

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/jpeg"
	"image/png"
	"math"
	"sync"

	"mixmas/search/dataset"
	"mixmas/search/dataset/survey"
)

// Map is a map that can be drawn: 1 channel in grey, 3 in colour, 4 in colour with the opacity. Other maps, and those with values that
// are no brightness, such as spectrograms, are drawn in false colours, channel by channel.
type Map struct {
	modality  dataset.Modality
	sample    []float32
	name      func(channel int) string
	low, high float64 // of the values
	natural   bool    // the channels are colours
}

// Picture is a map, or a channel of one, as a file.
type Picture struct {
	Channel       string // its name; empty if the picture shows all channels
	Width, Height int    // pixels
	Type          string // of the file: image/png, or image/jpeg for photos
	File          []byte
}

func newMap(m dataset.Modality, sample []float32, features []survey.Feature, name func(channel int) string) *Map {
	d := &Map{modality: m, sample: sample, name: name, low: math.Inf(1), high: math.Inf(-1)}
	for _, f := range features {
		if f.Count > 0 {
			d.low, d.high = min(d.low, f.Minimum), max(d.high, f.Maximum)
		}
	}
	if d.low > d.high { // the training rows have no value
		d.low, d.high = 0, 1
	}
	brightness := false
	for _, most := range []float64{1, 255} {
		if d.low >= 0 && d.high > most/4 && d.high <= most {
			d.low, d.high, brightness = 0, most, true
			break
		}
	}
	channels := m.Shape[0]
	d.natural = channels == 3 || channels == 4 || channels == 1 && brightness
	return d
}

// more is the number of channels that are not drawn.
func (d *Map) more() int {
	if d.natural {
		return 0
	}
	return max(0, d.modality.Shape[0]-mostPictures)
}

// Draw draws the map with at most side pixels on a side: one picture, or one for each of the first channels.
func (d *Map) Draw(side int) (list []Picture, err error) {
	small := shrink(d.modality, d.sample, side)
	level := func(v float32) float64 {
		return min(max((float64(v)-d.low)/max(d.high-d.low, math.SmallestNonzeroFloat32), 0), 1)
	}
	grey := func(v float32) uint8 {
		if v != v {
			return 0
		}
		return uint8(math.Round(255 * level(v)))
	}
	channels := d.modality.Shape[0]
	if d.natural {
		p, err := small.draw("", channels >= 3, func(v []float32) color.NRGBA {
			c := color.NRGBA{R: grey(v[0]), G: grey(v[0]), B: grey(v[0]), A: 255}
			if channels >= 3 {
				c.G, c.B = grey(v[1]), grey(v[2])
			}
			if channels == 4 {
				c.A = grey(v[3])
			}
			return c
		})
		return []Picture{p}, err
	}
	for channel := range min(channels, mostPictures) {
		caption := ""
		if channels > 1 {
			caption = d.name(channel)
		}
		p, err := small.draw(caption, false, func(v []float32) color.NRGBA { return falseColour(level(v[channel]), v[channel] != v[channel]) })
		if err != nil {
			return nil, err
		}
		list = append(list, p)
	}
	return list, nil
}

// shrunk is a map of a size that is shown.
type shrunk struct {
	width, height, channels int
	values                  []float32 // pixel by pixel
}

// shrink makes a map small enough by averaging squares of its pixels. Missing elements do not count.
func shrink(m dataset.Modality, sample []float32, side int) shrunk {
	channels, high, wide := m.Shape[0], m.Shape[1], m.Shape[2]
	by := (max(high, wide) + side - 1) / side
	s := shrunk{width: (wide + by - 1) / by, height: (high + by - 1) / by, channels: channels}
	s.values = make([]float32, s.width*s.height*channels)
	for c := range channels {
		for y := range s.height {
			for x := range s.width {
				sum, n := 0.0, 0
				for down := y * by; down < min((y+1)*by, high); down++ {
					for _, v := range sample[(c*high+down)*wide:][x*by : min((x+1)*by, wide)] {
						if v == v {
							sum += float64(v)
							n++
						}
					}
				}
				mean := float32(math.NaN())
				if n > 0 {
					mean = float32(sum / float64(n))
				}
				s.values[(y*s.width+x)*channels+c] = mean
			}
		}
	}
	return s
}

// encoder writes PNGs, with the memory of the last one.
var encoder = png.Encoder{CompressionLevel: png.DefaultCompression, BufferPool: new(buffers)}

// buffers keeps the memory of an encoder.
type buffers struct{ sync.Pool }

func (b *buffers) Get() *png.EncoderBuffer {
	kept, _ := b.Pool.Get().(*png.EncoderBuffer)
	return kept
}

func (b *buffers) Put(kept *png.EncoderBuffer) { b.Pool.Put(kept) }

// draw makes a picture of the pixels. A photo may lose a little.
func (s shrunk) draw(channel string, isPhoto bool, colour func(values []float32) color.NRGBA) (Picture, error) {
	drawn := image.NewNRGBA(image.Rect(0, 0, s.width, s.height))
	grey, opaque := true, true
	var palette color.Palette
	places := map[color.NRGBA]int{} // in the palette
	for i := range s.width * s.height {
		c := colour(s.values[i*s.channels:][:s.channels])
		grey, opaque = grey && c.R == c.G && c.G == c.B, opaque && c.A == 255
		drawn.SetNRGBA(i%s.width, i/s.width, c)
		if _, known := places[c]; !known && !isPhoto {
			places[c], palette = len(palette), append(palette, c)
		}
	}
	p := Picture{Channel: channel, Width: s.width, Height: s.height, Type: "image/png"}
	var file bytes.Buffer
	var err error
	switch {
	case opaque && grey: // a third of the bytes
		one := image.NewGray(drawn.Rect)
		for i := range one.Pix {
			one.Pix[i] = drawn.Pix[4*i]
		}
		err = encoder.Encode(&file, one)
	case !isPhoto && len(palette) <= 256:
		one := image.NewPaletted(drawn.Rect, palette)
		for i := range one.Pix {
			one.Pix[i] = uint8(places[drawn.NRGBAAt(i%s.width, i/s.width)])
		}
		err = encoder.Encode(&file, one)
	case opaque && isPhoto && s.width*s.height >= photo: // a tenth
		p.Type = "image/jpeg"
		err = jpeg.Encode(&file, drawn, &jpeg.Options{Quality: 85})
	default:
		err = encoder.Encode(&file, drawn)
	}
	if err != nil {
		return Picture{}, fmt.Errorf("drawing a sample: %w", err)
	}
	p.File = file.Bytes()
	return p, nil
}

// photo is the number of pixels from which pictures in colour are JPEG files: smaller ones would hardly be smaller files.
const photo = 32 * 32

// falseColours go from dark to bright, also for colour-blind eyes: some of matplotlib's viridis.
var falseColours = [...][3]float64{{68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {253, 231, 37}}

// falseColour is the colour of a level from 0 to 1. Missing elements are transparent.
func falseColour(level float64, missing bool) color.NRGBA {
	if missing {
		return color.NRGBA{}
	}
	const levels = 63 // which the eye hardly tells apart: a palette of few colours makes a small file
	at := math.Round(level*levels) / levels * float64(len(falseColours)-1)
	i := min(int(at), len(falseColours)-2)
	mix := func(c int) uint8 {
		return uint8(math.Round(falseColours[i][c] + (at-float64(i))*(falseColours[i+1][c]-falseColours[i][c])))
	}
	return color.NRGBA{R: mix(0), G: mix(1), B: mix(2), A: 255}
}
