package records

import (
	"context"
	"errors"
	"fmt"
	"math"

	"mixmas/nn/device"
	"mixmas/nn/mixer"
	"mixmas/search/dataset/npy"
	"mixmas/search/dataset/picture"
	"mixmas/search/escape"
)

// imageEncoder decodes pictures.
type imageEncoder struct {
	picture.Form
	// Fractions: a training picture had more than 8 bits, so pixels keep their fractions.
	Fractions bool `json:"fractions,omitempty"`
}

func (i *imageEncoder) form() (mixer.Kind, []int, int) { return mixer.Map, i.Shape(), 0 }

func (i *imageEncoder) stored() npy.Type {
	if i.Fractions {
		return npy.Float32
	}
	return npy.Uint8
}

func (i *imageEncoder) raw() []int { return nil }

func (i *imageEncoder) encode(ctx context.Context, s *sample, dst []float32) (int, error) {
	if s.name == "" {
		return 0, nil
	}
	data, err := s.read(ctx, s.name)
	if err != nil {
		return 0, err
	}
	if err := i.Decode(data, dst); err != nil {
		return 0, fmt.Errorf("%s: %w", escape.Terminal(s.name), err)
	}
	if !i.Fractions {
		for k, v := range dst {
			dst[k] = float32(math.Round(float64(v)))
		}
	}
	return 1, nil
}

func (i *imageEncoder) check() error {
	if err := i.Form.Check(); err != nil {
		return err
	}
	if _, ok := device.Elements(i.Shape()...); !ok {
		return errors.New("pictures have too many pixels")
	}
	return nil
}

// mostProbe is the number of training pictures that are looked at.
const mostProbe = 1000

// fitImage decides the form of pictures, as far as the options leave it open.
func (f *fitting) fitImage(ctx context.Context, m *Modality) (*imageEncoder, error) {
	e := &imageEncoder{Form: picture.Form{Channels: m.Channels, KeepAlpha: m.Alpha == "keep"}}
	if len(m.Size) == 2 {
		e.Height, e.Width = m.Size[0], m.Size[1]
	}
	var heights, widths []int
	colours := false
	err := f.training(ctx, func(s *sample) error {
		if s.name == "" {
			return nil
		}
		data, err := s.read(ctx, s.name)
		if err != nil {
			return err
		}
		info, err := picture.Probe(data)
		if err != nil {
			return fmt.Errorf("%s: %w", escape.Terminal(s.name), err)
		}
		heights, widths = append(heights, info.Height), append(widths, info.Width)
		colours = colours || info.Channels == 3
		e.Fractions = e.Fractions || info.Bits > 8
		if len(heights) == mostProbe {
			return errEnough
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if len(heights) == 0 {
		return nil, errors.New("no training row has a picture")
	}
	if e.Channels == 0 {
		e.Channels = 1
		if colours {
			e.Channels = 3
		}
	}
	if e.Height == 0 {
		e.Height, e.Width = picture.Size(heights, widths)
	}
	return e, nil
}
