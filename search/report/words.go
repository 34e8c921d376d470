// Numbers as people read them, alike on terminals, pages and cards.

package report

import (
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/dustin/go-humanize/english"
)

// Text returns a metric with four digits, or a dash if it is undefined.
func (n Number) Text() string {
	if math.IsNaN(float64(n)) || math.IsInf(float64(n), 0) {
		return "–"
	}
	return strconv.FormatFloat(float64(n), 'f', 4, 64)
}

// WithInterval formats a score with both ends of its interval, if they are known.
func WithInterval(score, low, high Number) string {
	if math.IsNaN(float64(score)) || math.IsNaN(float64(low)) || math.IsNaN(float64(high)) {
		return score.Text()
	}
	return fmt.Sprintf("%s [%.3f, %.3f]", score.Text(), float64(low), float64(high))
}

// Comma formats a number with separators.
func Comma(n int) string { return humanize.Comma(int64(n)) }

// Count formats a number of things: "1 row", "1,234 rows".
func Count(n int, noun string) string { return Comma(n) + " " + english.PluralWord(n, noun, "") }

// Parameters formats a number of parameters, or as a dash if it is unknown.
func Parameters(n int) string {
	if n <= 0 {
		return "–"
	}
	return Comma(n)
}

// seconds formats a time with one digit.
func seconds(s float64) string { return humanize.CommafWithDigits(math.Round(10*s)/10, 1) }

// percent formats a fraction as a percentage.
func percent(x float64) string { return strconv.FormatFloat(100*x, 'f', 1, 64) + "%" }

// Milliseconds formats a time with two significant digits, or as a dash if it is unknown.
func Milliseconds(ms float64) string {
	switch {
	case !(ms > 0):
		return "–"
	case ms >= 99.5: // which %g would write as 1e+02
		return strconv.FormatFloat(ms, 'f', 0, 64)
	}
	return strconv.FormatFloat(ms, 'g', 2, 64)
}

// Duration formats a time for people: "0.4 s", "3 m 05 s", "2 h 14 m", "3 d 4 h"; a dash for what is no time.
func Duration(seconds float64) string {
	const longest = 1e9
	s := int64(math.Round(max(0, min(seconds, longest))))
	switch {
	case !(seconds >= 0 && seconds <= longest):
		return "–"
	case seconds < 10:
		return fmt.Sprintf("%.1f s", seconds)
	case s < 60:
		return fmt.Sprintf("%d s", s)
	case s < 3600:
		return fmt.Sprintf("%d m %02d s", s/60, s%60)
	case s < 24*3600:
		return fmt.Sprintf("%d h %02d m", s/3600, s/60%60)
	}
	return fmt.Sprintf("%d d %d h", s/86400, s/3600%24)
}

// Span formats a time, or the least and the most of it, in the unit of the most: "3 to 5 minutes".
func Span(least, most time.Duration) string {
	unit, name := time.Second, "second"
	switch {
	case most >= 100*time.Hour:
		unit, name = 24*time.Hour, "day"
	case most >= 100*time.Minute:
		unit, name = time.Hour, "hour"
	case most >= 100*time.Second:
		unit, name = time.Minute, "minute"
	}
	count := func(d time.Duration) int { return max(1, int(math.Round(float64(d)/float64(unit)))) }
	low, high := count(least), count(most)
	if low == high {
		return Count(high, name)
	}
	return fmt.Sprintf("%d to %s", low, Count(high, name))
}
