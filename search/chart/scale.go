package chart

import (
	"math"
	"strconv"

	"github.com/dustin/go-humanize"
)

// scale maps values to places on an axis.
type scale struct {
	low, high float64
	from, to  float64 // pixels of low and high
	log       bool
	whole     bool // the values are whole numbers, and so are the ticks
}

// extent collects the range of values.
type extent struct{ low, high float64 }

func newExtent() extent { return extent{math.Inf(1), math.Inf(-1)} }

// add widens the range to hold a value, unless it is not finite.
func (e *extent) add(values ...float64) {
	for _, v := range values {
		if finite(v) {
			e.low, e.high = min(e.low, v), max(e.high, v)
		}
	}
}

// finite reports whether all values can be drawn: they are numbers whose differences and squares are numbers too.
func finite(values ...float64) bool {
	for _, v := range values {
		if !(math.Abs(v) <= largest) {
			return false
		}
	}
	return true
}

const largest = 1e100

// linear is the scale of a range, with some room at both ends. Shares stay between 0 and 1.
func (e extent) linear(from, to float64) scale {
	low, high := e.low, e.high
	if !(low <= high) { // no values
		low, high = 0, 1
	}
	share := low >= 0 && high <= 1
	room := 0.04 * (high - low)
	if high-low <= 1e-9*math.Max(math.Abs(low), math.Abs(high)) {
		if room = 0.1 * math.Abs(low); room == 0 || room > 0.5 && share {
			room = 0.5
		}
	}
	low, high = low-room, high+room
	if share {
		low, high = max(0, low), min(1, high)
	}
	if e.low == 0 {
		low = 0
	}
	if !(low < high) {
		low, high = low-1, high+1
	}
	return scale{low: low, high: high, from: from, to: to}
}

// logarithmic is the scale of a range of values above 0, or the linear one if there are others.
func (e extent) logarithmic(from, to float64) scale {
	if !(e.low > 1/largest) {
		return e.linear(from, to)
	}
	low, high := math.Log10(e.low), math.Log10(e.high)
	room := max(0.06*(high-low), 0.1)
	return scale{low: math.Pow(10, low-room), high: math.Pow(10, high+room), from: from, to: to, log: true}
}

// at is the place of a value, within the axis.
func (s scale) at(v float64) float64 {
	part := 0.0
	if s.log {
		part = math.Log(v/s.low) / math.Log(s.high/s.low)
	} else {
		part = v/(s.high-s.low) - s.low/(s.high-s.low)
	}
	return s.from + min(1, max(0, part))*(s.to-s.from)
}

// tick is a value with its text.
type tick struct {
	value float64
	text  string
}

// ticks are about so many round values. Their texts differ.
func (s scale) ticks(about int) (list []tick) {
	if s.log {
		return s.powers(about)
	}
	step := round((s.high - s.low) / float64(about+1))
	if s.whole {
		step = max(1, step)
	}
	if !(step > 0) || !finite(step) {
		return nil
	}
	first := math.Ceil(s.low/step - 1e-9)
	text := texts(max(math.Abs(s.low), math.Abs(s.high)), step)
	for i := range 3*about + 2 {
		v := (first + float64(i)) * step
		if v > s.high+1e-9*step {
			break
		}
		if math.Abs(v) < 1e-9*step {
			v = 0 // not -0
		}
		list = append(list, tick{v, text(v)})
	}
	return list
}

// apart are ticks of a horizontal axis, at most about so many, whose texts do not touch.
func (s scale) apart(about int) (list []tick) {
	for ; about > 0; about-- {
		list = s.ticks(about)
		fits := true
		for i := 1; i < len(list); i++ {
			fits = fits && s.at(list[i].value)-s.at(list[i-1].value) >= (wide(list[i].text)+wide(list[i-1].text))/2+4
		}
		if fits {
			break
		}
	}
	return list
}

// texts returns the function that formats the ticks of an axis: with the unit of its largest value, and as many digits as its steps need.
func texts(largest, step float64) func(v float64) string {
	decimals := func(step float64) int { return max(0, int(-math.Floor(math.Log10(step)+1e-9))) }
	switch {
	case largest >= 1e24 || largest < 1e-4:
		digits := max(0, int(math.Floor(math.Log10(largest))-math.Floor(math.Log10(step)+1e-9)))
		return func(v float64) string {
			if v == 0 {
				return "0"
			}
			return strconv.FormatFloat(v, 'e', digits, 64)
		}
	case largest >= 1e4:
		unit, prefix := humanize.ComputeSI(largest)
		unit = largest / unit
		return func(v float64) string {
			if v == 0 {
				return "0"
			}
			return strconv.FormatFloat(v/unit, 'f', decimals(step/unit), 64) + " " + prefix
		}
	}
	return func(v float64) string { return strconv.FormatFloat(v, 'f', decimals(step), 64) }
}

// round returns the smallest of 1, 2 and 5 times a power of ten that is at least v.
func round(v float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(v)))
	for _, m := range []float64{1, 2, 5} {
		if m*power >= v*(1-1e-9) {
			return m * power
		}
	}
	return 10 * power
}

// powers are round values of a logarithmic axis. Between few powers of ten they are those of a linear one.
func (s scale) powers(about int) (list []tick) {
	first, last := math.Floor(math.Log10(s.low)), math.Ceil(math.Log10(s.high))
	for _, factors := range [][]float64{{1, 2, 5}, {1, 3}, {1}} {
		list = list[:0]
		every := math.Max(1, math.Ceil((last-first)/float64(about)))
		if len(factors) > 1 {
			every = 1
		}
		for power := first; power <= last && len(list) <= 3*about; power += every {
			for _, f := range factors {
				if v := f * math.Pow(10, power); v >= s.low && v <= s.high {
					list = append(list, tick{v, Short(v)})
				}
			}
		}
		if len(list) <= about {
			break
		}
	}
	if len(list) < 3 {
		s.log = false
		if linear := s.ticks(about); len(linear) > len(list) {
			return linear
		}
	}
	return list
}

// Short formats a number briefly: "0.012", "15.8 k", "1.2 M". What is not finite is a dash.
func Short(v float64) string {
	if !finite(v) {
		return "–"
	}
	digits := 4
	if math.Abs(rounded(v, 4)) >= 1e4 {
		digits = 3
	}
	v = rounded(v, digits)
	switch size := math.Abs(v); {
	case size >= 1e24 || size > 0 && size < 1e-4:
		return strconv.FormatFloat(v, 'g', 3, 64)
	case size >= 1e4:
		value, prefix := humanize.ComputeSI(v)
		return strconv.FormatFloat(value, 'g', 3, 64) + " " + prefix
	}
	return strconv.FormatFloat(v, 'g', 4, 64)
}

// rounded returns a finite number with so many digits, so that what it is rounded to has its own unit: 999,999 is 1 M.
func rounded(v float64, digits int) float64 {
	r, err := strconv.ParseFloat(strconv.FormatFloat(v, 'e', digits-1, 64), 64)
	if err != nil {
		return v
	}
	return r
}

// Number formats a number for tables, with six digits. What is not finite is empty.
func Number(v float64) string {
	if !finite(v) {
		return ""
	}
	if size := math.Abs(v); size >= 1e6 && size < 1e15 && v == math.Trunc(v) {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', 6, 64)
}
