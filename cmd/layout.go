package cmd

import (
	"fmt"
	"math"
	"strings"
	"time"

	"mixmas/search/align"
)

// row is a line of the display of a search: a stage, a training or the whole.
type row struct {
	name  string
	below bool    // a training of the stage above it
	done  float64 // share; NaN for no bar
	count string  // such as 45% or 3/8
	value string  // such as loss 0.1234
	left  string  // time
}

// Widths in columns. In narrow terminals first the bars go, then the values, then the ends of names.
const (
	leastBar, mostBar = 8, 40
	leastName         = 8
	wideGap           = 40 // with so many columns there are two spaces between columns
)

// layOut sets rows in aligned columns that together are narrower than the terminal.
func layOut(rows []row, columns int) []string {
	var names, counts, values, lefts []string
	for _, r := range rows {
		name := r.name
		if r.below {
			name = "  " + name
		}
		names, counts, values, lefts = append(names, name), append(counts, r.count), append(values, r.value), append(lefts, r.left)
	}
	name, count, value, left := widest(names), widest(counts), widest(values), widest(lefts)
	gap := " "
	if columns >= wideGap {
		gap = "  "
	}
	room := max(columns-1, 1)
	taken := func(bar int) int { // by all but the name
		total := 0
		for _, width := range []int{bar, count, value, left} {
			if width > 0 {
				total += width + len(gap)
			}
		}
		return total
	}
	short := min(name, max(leastName, columns/3))
	bar := leastBar
	if taken(bar)+short > room {
		bar = 0
	}
	if taken(bar)+short > room {
		value = 0
	}
	if taken(bar)+leastName > room {
		left = 0
	}
	name = min(name, max(room-taken(bar), 1))
	if bar > 0 {
		bar = min(mostBar, bar+room-taken(bar)-name)
	}
	lines := make([]string, len(rows))
	for i, r := range rows {
		var b strings.Builder
		text := align.Truncate(names[i], name)
		if !r.below { // encoder/image and encoder/audio differ at their ends
			text = align.TruncateStart(names[i], name)
		}
		b.WriteString(align.Pad(text, name, false))
		for _, cell := range []struct {
			text  string
			width int
			right bool
		}{{drawBar(r.done, bar), bar, false}, {counts[i], count, true}, {values[i], value, false}, {lefts[i], left, true}} {
			if cell.width > 0 {
				b.WriteString(gap + align.Pad(cell.text, cell.width, cell.right))
			}
		}
		lines[i] = strings.TrimRight(b.String(), " ")
	}
	return lines
}

func widest(texts []string) int {
	width := 0
	for _, text := range texts {
		width = max(width, align.Width(text))
	}
	return width
}

// drawBar draws a share.
func drawBar(share float64, width int) string {
	if width < 3 || math.IsNaN(share) {
		return ""
	}
	inner := width - 2
	done := int(math.Round(min(max(share, 0), 1) * float64(inner)))
	text := strings.Repeat("=", max(done, 0))
	if done > 0 && done < inner {
		text = text[:done-1] + ">"
	}
	return "[" + text + strings.Repeat(" ", inner-len(text)) + "]"
}

func percent(share float64) string { return fmt.Sprintf("%.0f%%", 100*min(max(share, 0), 1)) }

// shortTime is a time in its two largest units, such as 3m20s or 1d4h.
func shortTime(d time.Duration) string {
	units := []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}}
	d = max(d.Round(time.Second), 0)
	for i, u := range units {
		if d < u.size && i < len(units)-1 {
			continue
		}
		text := fmt.Sprintf("%d%s", d/u.size, u.name)
		if i < len(units)-1 {
			if rest := d % u.size / units[i+1].size; rest > 0 {
				text += fmt.Sprintf("%d%s", rest, units[i+1].name)
			}
		}
		return text
	}
	return ""
}
