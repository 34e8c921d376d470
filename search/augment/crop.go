package augment

import "mixmas/nn/mixer"

// CropOptions are the options of crop.
type CropOptions struct {
	Least float64 `yaml:"least" json:"least" jsonschema:"exclusiveMinimum=0,maximum=1" doc:"The smallest part that is cut out, as a share of the height and width."`
}

func init() {
	Register(Augmentation{
		Name: "crop", Doc: "Cuts a part out of a picture and enlarges it to the whole, bilinearly.",
		Kinds:   []mixer.Kind{mixer.Map},
		Options: func() any { return &CropOptions{Least: 0.75} },
		New: func(in mixer.Input, given any) (Function, error) {
			least, channels, height, width := given.(*CropOptions).Least, in.Shape[0], in.Shape[1], in.Shape[2]
			whole := make([]float32, height*width)
			return func(d *Draw, x []float32, _ int) {
				size := least + float64((1-least)*d.Uniform())
				top, left := d.Uniform()*(1-size)*float64(height-1), d.Uniform()*(1-size)*float64(width-1)
				for c := range channels {
					plane := x[c*height*width:][:height*width]
					copy(whole, plane)
					enlarge(plane, whole, height, width, top, left, size)
				}
			}, nil
		},
	})
}

// enlarge fills a plane with the part of a whole one that begins at top and left, in pixels, and has a share of its height and width.
func enlarge(plane, whole []float32, height, width int, top, left, size float64) {
	for y := range height {
		up, down, v := between(top, size, y, height)
		for x := range width {
			l, r, u := between(left, size, x, width)
			// The conversions keep the products apart from the sums, so that all machines round alike.
			upper := float32((1-u)*whole[up*width+l]) + float32(u*whole[up*width+r])
			lower := float32((1-u)*whole[down*width+l]) + float32(u*whole[down*width+r])
			plane[y*width+x] = float32((1-v)*upper) + float32(v*lower)
		}
	}
}

// between returns the pixels between which pixel i of n of the part lies, and how far it is from the first to the second.
func between(start, size float64, i, n int) (first, second int, share float32) {
	at := start + float64(size*float64(i))
	first = min(int(at), n-1)
	return first, min(first+1, n-1), float32(at - float64(first))
}
