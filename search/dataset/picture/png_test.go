package picture_test

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"math/rand/v2"
	"testing"

	"mixmas/search/dataset/picture"
)

// pngFile is a PNG of any kind; package image/png writes only some.
type pngFile struct {
	width, height    int
	bits, colourType byte
	interlaced       bool
	palette          [][4]byte // with opacities
	transparent      []uint16  // the colour that is transparent; nil for none
	samples          []uint16  // pixel by pixel
}

// channels is the number of samples per pixel.
func (p *pngFile) channels() int { return map[byte]int{0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[p.colourType] }

// chunk appends a chunk.
func chunk(to *bytes.Buffer, kind string, body []byte) {
	binary.Write(to, binary.BigEndian, uint32(len(body)))
	to.WriteString(kind)
	to.Write(body)
	binary.Write(to, binary.BigEndian, crc32.ChecksumIEEE(append([]byte(kind), body...)))
}

// encode writes the file.
func (p *pngFile) encode() []byte {
	var file, raw bytes.Buffer
	file.WriteString("\x89PNG\r\n\x1a\n")
	header := binary.BigEndian.AppendUint32(nil, uint32(p.width))
	header = binary.BigEndian.AppendUint32(header, uint32(p.height))
	header = append(header, p.bits, p.colourType, 0, 0, 0)
	passes := [][4]int{{0, 0, 1, 1}} // first x and y, steps
	if p.interlaced {
		header[12] = 1
		passes = [][4]int{{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4}, {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}}
	}
	chunk(&file, "IHDR", header)
	if p.palette != nil {
		var colours, opacities []byte
		for _, c := range p.palette {
			colours, opacities = append(colours, c[:3]...), append(opacities, c[3])
		}
		chunk(&file, "PLTE", colours)
		chunk(&file, "tRNS", opacities)
	}
	if p.transparent != nil {
		var body []byte
		for _, v := range p.transparent {
			body = binary.BigEndian.AppendUint16(body, v)
		}
		chunk(&file, "tRNS", body)
	}
	packed := zlib.NewWriter(&raw)
	for _, pass := range passes {
		if pass[0] >= p.width || pass[1] >= p.height {
			continue
		}
		for y := pass[1]; y < p.height; y += pass[3] {
			line, used := []byte{0}, 8
			for x := pass[0]; x < p.width; x += pass[2] {
				for _, v := range p.samples[(y*p.width+x)*p.channels():][:p.channels()] {
					switch {
					case p.bits == 16:
						line = binary.BigEndian.AppendUint16(line, v)
					case p.bits == 8:
						line = append(line, byte(v))
					default:
						if used == 8 {
							line, used = append(line, 0), 0
						}
						used += int(p.bits)
						line[len(line)-1] |= byte(v) << (8 - used)
					}
				}
			}
			packed.Write(line)
		}
	}
	packed.Close()
	chunk(&file, "IDAT", raw.Bytes())
	chunk(&file, "IEND", nil)
	return file.Bytes()
}

// colour is the colour of a pixel, from 0 to 255, with its opacity.
func (p *pngFile) colour(x, y int) (c [4]float64) {
	s := p.samples[(y*p.width+x)*p.channels():][:p.channels()]
	if p.colourType == 3 {
		for i, v := range p.palette[s[0]] {
			c[i] = float64(v)
		}
		return c
	}
	level := func(v uint16) float64 { return 255 * float64(v) / float64(uint(1)<<p.bits-1) }
	c = [4]float64{level(s[0]), level(s[0]), level(s[0]), 255}
	if p.colourType == 2 || p.colourType == 6 {
		c[1], c[2] = level(s[1]), level(s[2])
	}
	if p.colourType >= 4 {
		c[3] = level(s[len(s)-1])
	}
	same := p.transparent != nil
	for i, v := range p.transparent {
		same = same && v == s[i]
	}
	if same {
		c[3] = 0
	}
	return c
}

// PNGs of all kinds and depths, interlaced or not, with transparent colours.
func TestPNG(t *testing.T) {
	source := rand.New(rand.NewPCG(1, 1))
	for _, kind := range []struct {
		colourType  byte
		bits        []byte
		transparent bool
	}{{0, []byte{1, 2, 4, 8, 16}, false}, {0, []byte{1, 2, 4, 8, 16}, true}, {2, []byte{8, 16}, false}, {2, []byte{8, 16}, true},
		{3, []byte{1, 2, 4, 8}, true}, {4, []byte{8, 16}, false}, {6, []byte{8, 16}, false}} {
		for _, bits := range kind.bits {
			for _, interlaced := range []bool{false, true} {
				p := pngFile{width: 13, height: 11, bits: bits, colourType: kind.colourType, interlaced: interlaced}
				for range p.width * p.height * p.channels() {
					p.samples = append(p.samples, uint16(source.UintN(1<<bits)))
				}
				switch {
				case kind.colourType == 3:
					for range 1 << bits {
						p.palette = append(p.palette, [4]byte{byte(source.Int()), byte(source.Int()), byte(source.Int()), byte(source.Int())})
					}
				case kind.transparent:
					p.transparent = p.samples[:p.channels()]
				}
				t.Run(fmt.Sprintf("type %d, %d bits, transparent %v, interlaced %v", kind.colourType, bits, kind.transparent, interlaced), func(t *testing.T) {
					checkPNG(t, &p)
				})
			}
		}
	}
}

// checkPNG compares what a PNG is decoded to with its colours.
func checkPNG(t *testing.T, p *pngFile) {
	data := p.encode()
	info, err := picture.Probe(data)
	grey := p.colourType == 0 || p.colourType == 4
	want := picture.Info{Format: "PNG", Width: p.width, Height: p.height, Channels: 3, Bits: 8,
		Alpha: p.colourType >= 3 || p.transparent != nil}
	if grey {
		want.Channels = 1
	}
	if p.bits == 16 {
		want.Bits = 16
	}
	if err != nil || info != want {
		t.Errorf("%+v, %v, want %+v", info, err, want)
	}
	near := 0.51 // whole numbers
	if p.bits == 16 {
		near = 0.001
	}
	size := p.width * p.height
	over := decode(t, picture.Form{Height: p.height, Width: p.width, Channels: 3}, data)
	kept := decode(t, picture.Form{Height: p.height, Width: p.width, Channels: 3, KeepAlpha: true}, data)
	luma := decode(t, picture.Form{Height: p.height, Width: p.width, Channels: 1}, data)
	for i := range size {
		c := p.colour(i%p.width, i/p.width)
		sum := 0.0
		for k := range 3 {
			white := 255 + (c[k]-255)*c[3]/255
			sum += []float64{0.299, 0.587, 0.114}[k] * white
			if v := float64(over[k*size+i]); math.Abs(v-white) > near {
				t.Fatalf("pixel %d, channel %d over white: %g, want %g", i, k, v, white)
			}
			if v := float64(kept[k*size+i]); c[3] > 0 && math.Abs(v-c[k]) > near || c[3] == 0 && v != 0 {
				t.Fatalf("pixel %d, channel %d: %g, want %g with opacity %g", i, k, v, c[k], c[3])
			}
		}
		if v := float64(kept[3*size+i]); math.Abs(v-c[3]) > near {
			t.Fatalf("opacity of pixel %d: %g, want %g", i, v, c[3])
		}
		if v := float64(luma[i]); math.Abs(v-sum) > near+0.01 {
			t.Fatalf("luma of pixel %d: %g, want %g", i, v, sum)
		}
	}
}
