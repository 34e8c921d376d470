package profile

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/dustin/go-humanize"
)

// Write prints one table of operations by name over all programs, then one per program by name and sizes, each with the
// costliest operation first.
//
// FLOP/s and GB/s are computed from [device.Operation.Cost], the least that an operation must compute and move. The GB/s
// may exceed those of the memory if values stay in a cache, or on the chip in a fused operation.
func (p *Profile) Write(w io.Writer) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	names := slices.SortedFunc(maps.Keys(p.programs), func(a, b string) int {
		return cmp.Or(cmp.Compare(p.programs[b].seconds(), p.programs[a].seconds()), cmp.Compare(a, b))
	})
	all, runs, total := map[key]*row{}, 0, 0.0
	for _, name := range names {
		runs += p.programs[name].runs
		total += p.programs[name].seconds()
		for k, r := range p.programs[name].rows {
			k.sizes = ""
			if all[k] == nil {
				all[k] = &row{}
			}
			all[k].add(r.calls, r.seconds, r.cost)
		}
	}
	out := bufio.NewWriter(w)
	fmt.Fprintf(out, "all programs: %s, %s in operations\n\n", humanize.Comma(int64(runs))+plural(" run", runs), seconds(total))
	table(out, all, total)
	for _, name := range names {
		q := p.programs[name]
		if q.runs == 0 {
			continue
		}
		fmt.Fprintf(out, "\n%s: %s, %s in operations\n\n", name, humanize.Comma(int64(q.runs))+plural(" run", q.runs), seconds(q.seconds()))
		table(out, q.rows, q.seconds())
	}
	return out.Flush()
}

func (p *program) seconds() float64 {
	sum := 0.0
	for _, r := range p.rows {
		sum += r.seconds
	}
	return sum
}

// table prints the rows, slowest first.
func table(w io.Writer, rows map[key]*row, total float64) {
	const format = "%7s  %10s  %10s  %8s  %8s  %s\n"
	fmt.Fprintf(w, format, "share", "time", "calls", "GFLOP/s", "GB/s", "operation")
	order := slices.SortedFunc(maps.Keys(rows), func(a, b key) int {
		return cmp.Or(cmp.Compare(rows[b].seconds, rows[a].seconds), cmp.Compare(a.operation, b.operation),
			cmp.Compare(a.sizes, b.sizes))
	})
	for _, k := range order {
		r := rows[k]
		if r.calls == 0 {
			continue
		}
		name := k.operation
		if k.sizes != "" {
			name += " " + k.sizes
		}
		fmt.Fprintf(w, format, fmt.Sprintf("%.1f%%", 100*r.seconds/max(total, 1e-12)), seconds(r.seconds),
			humanize.Comma(int64(r.calls)), rate(r.cost.FLOPs, r.seconds), rate(r.cost.Bytes, r.seconds), name)
	}
}

// rate formats a number of things per second, in units of 10⁹.
func rate(things int64, seconds float64) string {
	if things == 0 || seconds <= 0 {
		return "-"
	}
	return fmt.Sprintf("%.2f", float64(things)/seconds/1e9)
}

// seconds formats a time with a suitable unit.
func seconds(s float64) string {
	switch {
	case s >= 1:
		return fmt.Sprintf("%.2f s", s)
	case s >= 1e-3:
		return fmt.Sprintf("%.2f ms", 1e3*s)
	default:
		return fmt.Sprintf("%.2f µs", 1e6*s)
	}
}

func plural(noun string, n int) string {
	if n == 1 {
		return noun
	}
	return noun + "s"
}
