package page

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"html/template"
	"image"
	"image/color"
	"image/png"
	"math"
	"sync"

	"mixmas/search/dataset"
	"mixmas/search/dataset/survey"
)

// side is the length of the longer side of a picture in the page, in pixels.
const side = 96

// pictures shows a map: 1 channel in grey, 3 in colour, 4 in colour with the opacity. Other maps, and those with values that are
// no brightness, such as spectrograms, are shown in false colours, channel by channel.
func (p *part) pictures(m dataset.Modality, sample []float32, features []survey.Feature, name func(feature int) string) error {
	channels := m.Shape[0]
	low, high := math.Inf(1), math.Inf(-1)
	for _, f := range features {
		low, high = min(low, f.Minimum), max(high, f.Maximum)
	}
	brightness := false
	for _, most := range []float64{1, 255} {
		if low >= 0 && high > most/4 && high <= most {
			low, high, brightness = 0, most, true
			break
		}
	}
	small := shrink(m, sample)
	level := func(v float32) float64 {
		return min(max((float64(v)-low)/max(high-low, math.SmallestNonzeroFloat32), 0), 1)
	}
	grey := func(v float32) uint8 {
		if v != v {
			return 0
		}
		return uint8(math.Round(255 * level(v)))
	}
	if channels == 3 || channels == 4 || channels == 1 && brightness {
		return p.picture("", small, func(v []float32) color.NRGBA {
			c := color.NRGBA{R: grey(v[0]), G: grey(v[0]), B: grey(v[0]), A: 255}
			if channels >= 3 {
				c.G, c.B = grey(v[1]), grey(v[2])
			}
			if channels == 4 {
				c.A = grey(v[3])
			}
			return c
		})
	}
	for channel := range min(channels, mostPictures) {
		caption := ""
		if channels > 1 {
			caption = name(channel)
		}
		if err := p.picture(caption, small, func(v []float32) color.NRGBA { return falseColour(level(v[channel]), v[channel] != v[channel]) }); err != nil {
			return err
		}
	}
	p.More = max(0, channels-mostPictures)
	return nil
}

// shrunk is a map of a size that is shown.
type shrunk struct {
	width, height, channels int
	values                  []float32 // pixel by pixel
}

// shrink makes a map small enough by averaging squares of its pixels. Missing elements do not count.
func shrink(m dataset.Modality, sample []float32) shrunk {
	channels, high, wide := m.Shape[0], m.Shape[1], m.Shape[2]
	by := (max(high, wide) + side - 1) / side
	s := shrunk{width: (wide + by - 1) / by, height: (high + by - 1) / by, channels: channels}
	s.values = make([]float32, s.width*s.height*channels)
	for c := range channels {
		for y := range s.height {
			for x := range s.width {
				sum, n := 0.0, 0
				for _, row := range rows(sample[c*high*wide:][:high*wide], wide, y*by, by) {
					for _, v := range row[x*by : min((x+1)*by, wide)] {
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

// rows are some rows of a channel.
func rows(channel []float32, wide, first, count int) (list [][]float32) {
	for start := first * wide; start < min((first+count)*wide, len(channel)); start += wide {
		list = append(list, channel[start:][:wide])
	}
	return list
}

// encoder writes PNGs, with the memory of the last one.
var encoder = png.Encoder{CompressionLevel: png.BestSpeed, BufferPool: new(buffers)}

// buffers keeps the memory of an encoder.
type buffers struct{ sync.Pool }

func (b *buffers) Get() *png.EncoderBuffer {
	kept, _ := b.Pool.Get().(*png.EncoderBuffer)
	return kept
}

func (b *buffers) Put(kept *png.EncoderBuffer) { b.Pool.Put(kept) }

// picture adds a picture of the pixels.
func (p *part) picture(name string, s shrunk, colour func(values []float32) color.NRGBA) error {
	drawn := image.NewNRGBA(image.Rect(0, 0, s.width, s.height))
	for i := range s.width * s.height {
		drawn.SetNRGBA(i%s.width, i/s.width, colour(s.values[i*s.channels:][:s.channels]))
	}
	var file bytes.Buffer
	if err := encoder.Encode(&file, drawn); err != nil {
		return fmt.Errorf("drawing a sample: %w", err)
	}
	times := max(1, side/max(s.width, s.height))
	p.Pictures = append(p.Pictures, picture{
		Name: name, Width: times * s.width, Height: times * s.height,
		URL: template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(file.Bytes())),
	})
	return nil
}

// falseColours go from dark to bright, also for colour-blind eyes: some of matplotlib's viridis.
var falseColours = [...][3]float64{{68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {253, 231, 37}}

// falseColour is the colour of a level from 0 to 1. Missing elements are transparent.
func falseColour(level float64, missing bool) color.NRGBA {
	if missing {
		return color.NRGBA{}
	}
	at := level * float64(len(falseColours)-1)
	i := min(int(at), len(falseColours)-2)
	mix := func(c int) uint8 {
		return uint8(math.Round(falseColours[i][c] + (at-float64(i))*(falseColours[i+1][c]-falseColours[i][c])))
	}
	return color.NRGBA{R: mix(0), G: mix(1), B: mix(2), A: 255}
}
