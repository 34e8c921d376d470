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
			rows, columns := make([]place, height), make([]place, width)
			return func(d *Draw, x []float32, _ int) {
				size := least + float64((1-least)*d.Uniform())
				top, left := d.Uniform()*(1-size)*float64(height-1), d.Uniform()*(1-size)*float64(width-1)
				places(rows, top, size)
				places(columns, left, size)
				for c := range channels {
					plane := x[c*height*width:][:height*width]
					copy(whole, plane)
					enlarge(plane, whole, rows, columns)
				}
			}, nil
		},
	})
}

// place is where a pixel of the enlarged part lies in one direction: between two pixels of the whole, at a share of the way.
type place struct {
	first, second int
	share, rest   float32 // they sum to 1
}

// places fills a list for the part that begins at start, in pixels, and has a share of the whole.
func places(list []place, start, size float64) {
	for i := range list {
		at := start + float64(size*float64(i))
		first := min(int(at), len(list)-1)
		share := float32(at - float64(first))
		list[i] = place{first, min(first+1, len(list)-1), share, 1 - share}
	}
}

// enlarge fills a plane with a part of the whole one.
func enlarge(plane, whole []float32, rows, columns []place) {
	width := len(columns)
	for y, r := range rows {
		up, down, dst := whole[r.first*width:][:width], whole[r.second*width:][:width], plane[y*width:][:width]
		for x := range columns {
			c := &columns[x]
			// The conversions keep the products apart from the sums, so that all machines round alike.
			upper := float32(c.rest*up[c.first]) + float32(c.share*up[c.second])
			lower := float32(c.rest*down[c.first]) + float32(c.share*down[c.second])
			dst[x] = float32(r.rest*upper) + float32(r.share*lower)
		}
	}
}
