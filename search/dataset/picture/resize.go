package picture

import (
	"math"
	"slices"
)

// scratch is memory for decoding a picture.
type scratch struct {
	row        planes
	resized    []float32 // one row at its new width, channel by channel
	across     windows
	down       windows
	stored     []float32
	usedPlanes [4][]float32
}

// windows say which old pixels make each new one, along one axis: the triangle filter, as wide as one pixel of the coarser
// picture on each side, so that all old pixels count.
type windows struct {
	first   []int // old pixel
	weights []float32
	most    int // weights per new pixel; unused ones are 0
}

// fill computes the windows from old to new pixels, as Pillow's BILINEAR.
func (w *windows) fill(old, new int) {
	scale := float64(old) / float64(new)
	support := max(scale, 1)
	w.most = min(int(math.Ceil(support))*2+1, old)
	w.first = slices.Grow(w.first[:0], new)[:new]
	w.weights = slices.Grow(w.weights[:0], new*w.most)[:new*w.most]
	clear(w.weights)
	for i := range new {
		center := float64((float64(i) + 0.5) * scale) // not fused with the sums below, see resize
		first := max(int(center-support+0.5), 0)
		last := min(int(center+support+0.5), old)
		sum := 0.0
		for j := first; j < last; j++ {
			sum += triangle((float64(j) + 0.5 - center) / support)
		}
		w.first[i] = min(first, old-w.most)
		for j := first; j < last; j++ {
			w.weights[i*w.most+j-w.first[i]] = float32(triangle((float64(j)+0.5-center)/support) / sum)
		}
	}
}

// triangle is 1 at 0, and 0 from a distance of 1 on.
func triangle(x float64) float64 { return max(0, 1-math.Abs(x)) }

// resize writes the picture in another size to dst, channel by channel, as the form says apart from its size. Each row is read
// once, and added to the new rows that it is a part of. Products are converted to float32 so that no compiler fuses them with
// sums: the values are the same on every machine.
func (s *scratch) resize(p pixels, f Form, height, width int, dst []float32) {
	s.row.grow(p.width)
	s.across.fill(p.width, width)
	s.down.fill(p.height, height)
	channels := f.Shape()[0]
	s.resized = slices.Grow(s.resized[:0], channels*width)[:channels*width]
	clear(dst)
	begin := 0 // the first new row that old ones are still added to
	for y := range p.height {
		for begin < height && s.down.first[begin]+s.down.most <= y {
			begin++
		}
		p.row(y, s.row)
		for c, plane := range s.channels(p, f) {
			s.across.apply(plane, s.resized[c*width:][:width])
		}
		for i := begin; i < height && s.down.first[i] <= y; i++ {
			weight := s.down.weights[i*s.down.most+y-s.down.first[i]]
			if weight == 0 {
				continue
			}
			for c := range channels {
				to, from := dst[(c*height+i)*width:][:width], s.resized[c*width:][:width]
				for x, v := range from {
					to[x] += float32(weight * v)
				}
			}
		}
	}
}

// apply computes the new pixels of a row.
func (w *windows) apply(old, new []float32) {
	for i, first := range w.first {
		sum := float32(0)
		from := old[first:][:w.most]
		for j, weight := range w.weights[i*w.most:][:w.most] {
			sum += float32(weight * from[j])
		}
		new[i] = sum
	}
}

// channels turns the row into the channels of the form. Colours beside an opacity are multiplied by it.
func (s *scratch) channels(p pixels, f Form) [][]float32 {
	r := s.row
	list := append(s.usedPlanes[:0], r.red)
	switch {
	case p.grey && f.Channels == 3:
		copy(r.green, r.red)
		copy(r.blue, r.red)
		list = append(list, r.green, r.blue)
	case f.Channels == 3:
		list = append(list, r.green, r.blue)
	case !p.grey:
		for x := range r.red { // exact for whole numbers, as Pillow's
			r.red[x] = (float32(19595*r.red[x]) + float32(38470*r.green[x]) + float32(7471*r.blue[x])) / (1 << 16)
		}
	}
	if f.KeepAlpha {
		if p.opaque {
			for x := range r.opacity {
				r.opacity[x] = 255
			}
		} else {
			for _, plane := range list {
				for x, a := range r.opacity {
					plane[x] *= a / 255
				}
			}
		}
		return append(list, r.opacity)
	}
	if !p.opaque {
		for _, plane := range list {
			for x, a := range r.opacity {
				plane[x] = 255 + float32((plane[x]-255)*(a/255))
			}
		}
	}
	return list
}

// finish divides colours by the opacity that they were multiplied by, bounds the values, and rounds those of 8 bits.
func finish(dst []float32, f Form, deep bool) {
	if f.KeepAlpha {
		size := f.Height * f.Width
		opacity := dst[f.Channels*size:]
		for c := range f.Channels {
			for i, a := range opacity {
				if a > 0 {
					dst[c*size+i] *= 255 / a
				}
			}
		}
	}
	for i, v := range dst {
		if !deep {
			v = float32(math.Floor(float64(v) + 0.5))
		}
		dst[i] = min(max(v, 0), 255)
	}
}
