package show_test

import (
	"bytes"
	"image"
	"image/color"
	_ "image/jpeg"
	_ "image/png"
	"math"
	"testing"

	"mixmas/nn/mixer"
	"mixmas/search/dataset"
	"mixmas/search/dataset/show"
	"mixmas/search/dataset/survey"
)

// photos are maps of so many channels with values from 0 to 255: channel c of pixel i is (40·c + i) mod 256.
type photos struct {
	dataset.Dataset
	channels int
}

func (photos) Len(dataset.Split) int { return 2 }
func (p photos) Modalities() []dataset.Modality {
	return []dataset.Modality{{Name: "photo", Kind: mixer.Map, Shape: []int{p.channels, 40, 60}}}
}
func (photos) Preprocessing() map[string]dataset.Standardisation {
	return map[string]dataset.Standardisation{"photo": {Per: dataset.None}}
}
func (p photos) Read(_ dataset.Split, _, _ int, dst []float32) error {
	for i := range dst {
		dst[i] = float32((40*(i/2400) + i%2400) % 256)
	}
	return nil
}

// Pictures have the shape of the map, at most so many pixels on a side, and its colours: grey ones exactly, photos nearly.
func TestDraw(t *testing.T) {
	for _, c := range []struct {
		channels, pictures int
		kind               string
		off                float64
	}{{1, 1, "image/png", 0}, {3, 1, "image/jpeg", 40}, {4, 1, "image/png", 0}, {5, 3, "image/png", 255}} {
		data := photos{channels: c.channels}
		found, err := survey.Take(t.Context(), data, nil)
		if err != nil {
			t.Fatal(err)
		}
		parts, err := show.NewReader(data, found).Read(dataset.Train, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, side := range []int{96, 60, 30, 7} {
			pictures, err := parts[0].Map.Draw(side)
			if err != nil || len(pictures) != c.pictures || parts[0].More != c.channels-c.pictures && c.pictures > 1 {
				t.Fatalf("%d channels: %d pictures and %d more, error %v", c.channels, len(pictures), parts[0].More, err)
			}
			p := pictures[0]
			m, kind, err := image.Decode(bytes.NewReader(p.File))
			if err != nil || "image/"+kind != p.Type || m.Bounds().Dx() != p.Width || m.Bounds().Dy() != p.Height || max(p.Width, p.Height) > side {
				t.Fatalf("%d channels, side %d: %dx%d %s, error %v", c.channels, side, p.Width, p.Height, p.Type, err)
			}
			if side < 60 {
				continue
			}
			if p.Type != c.kind || p.Width != 60 || p.Height != 40 {
				t.Errorf("%d channels: %dx%d %s", c.channels, p.Width, p.Height, p.Type)
			}
			at := color.NRGBAModel.Convert(m.At(9, 1)).(color.NRGBA) // pixel 69
			if math.Abs(float64(at.R)-69) > c.off {
				t.Errorf("%d channels: the pixel is %v, want red 69", c.channels, at)
			}
		}
	}
}
