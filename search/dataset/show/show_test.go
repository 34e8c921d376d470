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

// monitor has a map of two channels and a sequence of two features with values from 280 to 289; the second of each is missing in every
// training row.
type monitor struct{ dataset.Dataset }

func (monitor) Len(dataset.Split) int { return 2 }
func (monitor) Modalities() []dataset.Modality {
	return []dataset.Modality{{Name: "map", Kind: mixer.Map, Shape: []int{2, 5, 2}}, {Name: "course", Kind: mixer.Sequence, Shape: []int{5, 2}}}
}
func (monitor) Preprocessing() map[string]dataset.Standardisation {
	return map[string]dataset.Standardisation{"map": {Per: dataset.None}, "course": {Per: dataset.None}}
}
func (m monitor) Read(split dataset.Split, modality, row int, dst []float32) error {
	return m.ReadMissing(split, modality, row, dst)
}
func (monitor) ReadMissing(split dataset.Split, modality, _ int, dst []float32) error {
	for i := range dst {
		dst[i] = 280 + float32(i%10)
		if second := []bool{i >= 10, i%2 == 1}[modality]; second && split == dataset.Train {
			dst[i] = float32(math.NaN())
		}
	}
	return nil
}

// A feature that is missing in all training rows says nothing about the range of the others, and is no curve from 0 to 0.
func TestMissingFeatures(t *testing.T) {
	found, err := survey.Take(t.Context(), monitor{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := show.NewReader(monitor{}, found)
	for _, split := range []dataset.Split{dataset.Train, dataset.Test} {
		parts, err := r.Read(split, 0)
		if err != nil {
			t.Fatal(err)
		}
		pictures, err := parts[0].Map.Draw(8)
		if err != nil || len(pictures) != 2 {
			t.Fatalf("%d pictures, error %v", len(pictures), err)
		}
		m, _, err := image.Decode(bytes.NewReader(pictures[0].File))
		if err != nil {
			t.Fatal(err)
		}
		at := func(x, y int) color.Color { return color.NRGBAModel.Convert(m.At(x, y)) }
		if first, last := at(0, 0), at(1, 4); first != (color.NRGBA{68, 1, 84, 255}) || last != (color.NRGBA{253, 231, 37, 255}) {
			t.Errorf("%s: values 280 and 289 are %v and %v", split, first, last)
		}
		first, second := parts[1].Curves[0], parts[1].Curves[1]
		if first.Low < 270 || first.High > 300 {
			t.Errorf("%s: a curve from %v to %v", split, first.Low, first.High)
		}
		if missing := split == dataset.Train; math.IsNaN(second.Low) != missing || !missing && (second.Low != 281 || second.High != 289) {
			t.Errorf("%s: the second curve goes from %v to %v", split, second.Low, second.High)
		}
	}
}
