package cpu

import "mixmas/nn/cpu/simd"

// unfolding reads what the positions of a kernel cover of channels-last maps x (batch, height, width, channels), as a matrix: a
// row for each position of each map, and a column for each place of the kernel and channel. Outside the maps are zeros.
type unfolding struct {
	x                       []float32
	height, width, channels int
	// down and across are the numbers of positions on a map, step the cells between them.
	down, across int
	step         [2]int
	places       []place
	runs         []run
}

// place is a place of the kernel: its distance in cells from the position times the step, and its number in the weight.
type place struct{ down, across, weight int }

// run is a sequence of columns that follow each other in memory as well: places side by side.
type run struct{ down, across, from, to int }

// at sets the places, which are sorted by their distance down and then across.
func (g *unfolding) at(places []place) {
	g.places, g.runs = places, nil
	for i, p := range places {
		if i > 0 && places[i-1].down == p.down && places[i-1].across+1 == p.across {
			g.runs[len(g.runs)-1].to += g.channels
			continue
		}
		g.runs = append(g.runs, run{p.down, p.across, i * g.channels, (i + 1) * g.channels})
	}
}

// columns is the number of columns.
func (g *unfolding) columns() int { return len(g.places) * g.channels }

// plain reports whether the matrix is the maps themselves.
func (g *unfolding) plain() bool {
	return len(g.places) == 1 && g.places[0].down == 0 && g.places[0].across == 0 && g.step == [2]int{1, 1} &&
		g.down == g.height && g.across == g.width
}

// line returns the line of the maps at a distance down from a line of positions, counted through the batch. It is nil outside
// the maps.
func (g *unfolding) line(positions, down int) []float32 {
	row := positions%g.down*g.step[0] + down
	if row < 0 || row >= g.height {
		return nil
	}
	size := g.width * g.channels
	return g.x[(positions/g.down*g.height+row)*size:][:size]
}

// inside returns those of the positions first ≤ i < last of a line for which the cell at a distance across is inside the maps.
func (g *unfolding) inside(first, last, across int) (from, to int) {
	from, to = first, first
	if across < 0 {
		from = min(last, max(first, ceil(-across, g.step[1])))
	}
	if room := g.width - 1 - across; room >= 0 {
		to = min(last, room/g.step[1]+1)
	}
	return from, max(from, to)
}

// rows writes rows i0 ≤ i < i1 and columns k0 ≤ k < k1 to dst, with ld elements from one row to the next.
func (g *unfolding) rows(dst []float32, ld, i0, i1, k0, k1 int) {
	for row := i0; row < i1; {
		positions, first := row/g.across, row%g.across
		last := min(g.across, first+i1-row)
		for _, r := range g.runs {
			from, to := max(r.from, k0), min(r.to, k1)
			if from >= to {
				continue
			}
			g.copyRun(dst[(row-i0)*ld+from-k0:], ld, g.line(positions, r.down), first, last, r, from, to)
		}
		row += last - first
	}
}

// copyRun copies columns from ≤ k < to of a run for the positions first ≤ i < last of a line. line is nil outside the maps.
func (g *unfolding) copyRun(dst []float32, ld int, line []float32, first, last int, r run, from, to int) {
	n, step := to-from, g.step[1]*g.channels
	start := first*step + r.across*g.channels + from - r.from
	for range last - first {
		d := dst[:n]
		if start >= 0 && start+n <= len(line) {
			copy(d, line[start:start+n])
		} else {
			low, high := min(max(-start, 0), n), max(min(n, len(line)-start), 0)
			clear(d[:low])
			if low < high {
				copy(d[low:high], line[start+low:])
			}
			clear(d[max(low, high):])
		}
		start += step
		if len(dst) > ld {
			dst = dst[ld:]
		}
	}
}

// transposed writes rows i0 ≤ i < i1 as columns of dst, with ld elements from one column of the matrix to the next. The maps
// have one channel and the positions follow each other.
func (g *unfolding) transposed(dst []float32, ld, i0, i1 int) {
	for row := i0; row < i1; {
		positions, first := row/g.across, row%g.across
		last := min(g.across, first+i1-row)
		for k, p := range g.places {
			d := dst[k*ld+row-i0:][:last-first]
			from, to := last, last
			if line := g.line(positions, p.down); line != nil {
				if from, to = g.inside(first, last, p.across); from < to {
					copy(d[from-first:to-first], line[from+p.across:])
				}
			}
			clear(d[:from-first])
			clear(d[to-first:])
		}
		row += last - first
	}
}

// panels writes rows i0 ≤ i < i1 and columns k0 ≤ k < k1 in panels that are stride elements apart. The channels, k0 and k1 are
// multiples of a panel's columns.
func (g *unfolding) panels(set *simd.Set, panels []float32, stride, i0, i1, k0, k1 int) {
	for row := i0; row < i1; {
		positions, first := row/g.across, row%g.across
		last := min(g.across, first+i1-row)
		for k := k0; k < k1; {
			p, channel := g.places[k/g.channels], k%g.channels
			n := min(g.channels-channel, k1-k)
			dst := panels[(k-k0)/simd.PanelColumns*stride+(row-i0)*simd.PanelColumns:]
			from, to := last, last
			if line := g.line(positions, p.down); line != nil {
				if from, to = g.inside(first, last, p.across); from < to {
					set.Pack(dst[(from-first)*simd.PanelColumns:], stride, line[(from*g.step[1]+p.across)*g.channels+channel:],
						g.step[1]*g.channels, to-from, n)
				}
			}
			for j := 0; j < n; j += simd.PanelColumns {
				panel := dst[j/simd.PanelColumns*stride:][:(last-first)*simd.PanelColumns]
				clear(panel[:(from-first)*simd.PanelColumns])
				clear(panel[(to-first)*simd.PanelColumns:])
			}
			k += n
		}
		row += last - first
	}
}
