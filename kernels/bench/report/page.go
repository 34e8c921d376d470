package main

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
)

// page is the whole page.
func (r *results) page() string {
	var b strings.Builder
	b.WriteString("# Benchmarks on a GPU\n\nWritten by `make gpu-report` from the results of the bundle's `check.sh`; " +
		"[METHOD.md](../kernels/bench/METHOD.md) explains the method.\n")
	if r.machine.TestData != "" {
		fmt.Fprintf(&b, "\n**TEST DATA, NOT A MEASUREMENT: %s**\n", r.machine.TestData)
	}
	if r.machine.Note != "" {
		fmt.Fprintf(&b, "\n%s\n", r.machine.Note)
	}
	r.writeMachine(&b)
	r.writeGoals(&b)
	r.writeSteps(&b)
	r.writeModels(&b)
	r.writeKernels(&b)
	r.writeSharing(&b)
	return b.String()
}

func (r *results) writeMachine(b *strings.Builder) {
	m, k := r.machine, r.kernels
	numerics := map[string]bool{}
	for _, list := range r.ours {
		for _, t := range list {
			numerics[t.Numerics] = true
		}
	}
	names := slices.Sorted(maps.Keys(numerics))
	rows := [][]string{
		{"GPU", join(", ", cmp.Or(m.GPU, k.GPU), when(k.Multiprocessors > 0, fmt.Sprintf("%d multiprocessors", k.Multiprocessors)),
			when(k.ComputeCapability != "", "compute capability "+k.ComputeCapability), when(m.Power != "", m.Power+" W"))},
		{"driver", join(", ", m.Driver, when(k.Driver > 0, "CUDA "+cudaVersion(k.Driver)),
			when(k.Runtime > 0, "kernels built with CUDA "+cudaVersion(k.Runtime)))},
		{"numerics", strings.Join(names, ", ")},
		{"processor", m.CPU},
		{"PyTorch", m.Torch},
		{"date, commit", join(", ", m.Date, m.Commit)},
		{"measuring time", fmt.Sprintf("%v s per figure", m.Seconds)},
	}
	for i := range rows {
		if rows[i][1] == "" {
			rows[i][1] = "unknown"
		}
	}
	table(b, []string{"", ""}, rows)
}

// goal is a target for a ratio.
type goal struct {
	name   string
	least  float64
	value  float64 // NaN: not measured
	format func(float64) string
}

func (r *results) writeGoals(b *strings.Builder) {
	eager, compiled := r.ratios(r.eager), r.ratios(r.compiled)
	monarch := r.monarchRatios()
	mean := func(what string, list []float64) string {
		return fmt.Sprintf("%s, geometric mean of %d cases", what, len(list))
	}
	mlp := "fused MLP 128→3072→128 at 4096 rows, forward and backward, fraction of the tf32 peak"
	if p, ok := r.kernels.Peaks["tf32"]; ok && p.Library != "cublas" {
		mlp += " (of our own product: cuBLAS was not available)"
	}
	goals := []goal{
		{mean("training step against PyTorch eager", eager), 3, geometricMean(eager), times},
		{"training step against PyTorch eager, minimum", 1.5, least(eager), times},
		{mean("training step against PyTorch compiled with graphs", compiled), 1.3, geometricMean(compiled), times},
		{"training step against PyTorch compiled with graphs, minimum", 1, least(compiled), times},
		{mlp, 0.5, r.fusedMLP(), percent},
		{mean("Monarch products against PyTorch eager", monarch), 3, geometricMean(monarch), times},
	}
	b.WriteString("\n## Goals\n\n")
	var rows [][]string
	for _, g := range goals {
		value, verdict := g.format(g.value), "reached"
		switch {
		case math.IsNaN(g.value):
			value, verdict = "–", "not measured"
		case g.value < g.least:
			verdict = "**missed**"
		}
		rows = append(rows, []string{g.name, "≥ " + g.format(g.least), value, verdict})
	}
	table(b, []string{"", "goal", "measured", ""}, rows)
}

// ratios are the peer's training step times over ours, by case.
func (r *results) ratios(peer map[string][]timing) []float64 {
	var list []float64
	for _, name := range r.order {
		if len(peer[name]) > 0 {
			list = append(list, median(peer[name], stepTime)/median(r.ours[name], stepTime))
		}
	}
	return list
}

// fusedMLP is the better of the two ways to run it, as a fraction of the peak; NaN if it was not measured.
func (r *results) fusedMLP() float64 {
	best := math.NaN()
	for _, k := range r.kernels.Cases {
		if strings.HasPrefix(k.Name, "mlp forward+backward 4096x128x3072") && k.Numerics == "tf32" && !(k.OfPeak < best) {
			best = k.OfPeak
		}
	}
	return best
}

func (r *results) monarchRatios() []float64 {
	var list []float64
	for _, k := range r.kernels.Cases {
		if peer := r.module[k.Name]; strings.HasPrefix(k.Name, "monarch ") && k.Numerics == "tf32" && len(peer) > 0 {
			list = append(list, median(peer, moduleTime)/(1e3*k.Seconds))
		}
	}
	return list
}

func (r *results) writeSteps(b *strings.Builder) {
	b.WriteString("\n## Checks\n\n")
	count := map[string]int{}
	var rows [][]string
	for _, s := range r.steps {
		count[s.Status]++
		if s.Status != "passed" {
			rows = append(rows, []string{s.Name, s.Status, s.Note})
		}
	}
	fmt.Fprintf(b, "%d steps passed, %d failed, %d skipped. The table has those that did not pass, and the device suite, the C++ tests "+
		"and compute-sanitizer:\n\n", count["passed"], count["failed"], count["skipped"])
	for _, s := range r.steps {
		if kind, _, _ := strings.Cut(s.Name, " "); slices.Contains([]string{"C++", "device", "memcheck", "racecheck"}, kind) && s.Status == "passed" {
			rows = append(rows, []string{s.Name, s.Status, fmt.Sprintf("%d s", s.Seconds)})
		}
	}
	if len(rows) > 0 {
		table(b, []string{"step", "", ""}, rows)
	}
}

func (r *results) writeModels(b *strings.Builder) {
	if len(r.order) == 0 {
		return
	}
	b.WriteString("\n## Models\n\nTimes are in milliseconds: the median of the rounds, with the interquartile range of single steps in " +
		"brackets. × is PyTorch's time over ours. Memory is for one of our training steps: the planned arena, of the total " +
		"size of the activations in it.\n\n")
	var steps, predictions [][]string
	for _, name := range r.order {
		o := r.ours[name]
		note := ""
		for _, peer := range []map[string][]timing{r.eager, r.compiled} {
			if p := peer[name]; len(p) > 0 && p[0].Parameters != o[0].Parameters {
				note = fmt.Sprintf(" (PyTorch: %d)", p[0].Parameters)
			}
		}
		eager, eagerRatio := against(r.eager[name], o, stepTime)
		compiled, compiledRatio := against(r.compiled[name], o, stepTime)
		steps = append(steps, []string{name, fmt.Sprint(o[0].Batch), fmt.Sprint(o[0].Parameters) + note,
			fmt.Sprintf("%.3f (%.3f)", median(o, stepTime), median(o, func(t timing) float64 { return t.StepSpread })),
			eager, eagerRatio, compiled, compiledRatio,
			fmt.Sprintf("%.1f of %.1f MiB", o[0].Arena/(1<<20), o[0].Activation/(1<<20))})
		eager, eagerRatio = against(r.eager[name], o, inferTime)
		compiled, compiledRatio = against(r.compiled[name], o, inferTime)
		predictions = append(predictions, []string{name, fmt.Sprintf("%.3f", median(o, inferTime)), eager, eagerRatio, compiled, compiledRatio})
	}
	b.WriteString("### Training step\n\n")
	table(b, []string{"case", "batch", "parameters", "mixmas", "eager", "×", "compiled", "×", "memory"}, steps)
	b.WriteString("\n### Prediction\n\n")
	table(b, []string{"case", "mixmas", "eager", "×", "compiled", "×"}, predictions)
}

// against is a peer's time and its ratio to ours.
func against(peer, ours []timing, of func(timing) float64) (ms, ratio string) {
	if len(peer) == 0 {
		return "–", "–"
	}
	p := median(peer, of)
	return fmt.Sprintf("%.3f", p), times(p / median(ours, of))
}

func (r *results) writeKernels(b *strings.Builder) {
	if len(r.kernels.Cases) == 0 {
		return
	}
	b.WriteString("\n## Kernels\n\nPeaks: ")
	fmt.Fprintf(b, "copy %.0f GB/s", r.kernels.Copy/1e9)
	for _, n := range slices.Sorted(maps.Keys(r.kernels.Peaks)) {
		p := r.kernels.Peaks[n]
		fmt.Fprintf(b, "; %s %.1f TFLOP/s (order %d, %s)", n, p.FLOPs/1e12, p.Order, p.Library)
	}
	b.WriteString(".\n\n")
	var rows [][]string
	for _, k := range r.kernels.Cases {
		peer, ratio := "–", "–"
		name, _, _ := strings.Cut(strings.TrimSuffix(k.Name, " keeping"), " recomputing")
		if list := r.module[name]; len(list) > 0 && k.Numerics == "tf32" {
			ms := median(list, moduleTime)
			peer, ratio = fmt.Sprintf("%.1f", 1e3*ms), times(ms/(1e3*k.Seconds))
		}
		rows = append(rows, []string{k.Name, k.Numerics, fmt.Sprintf("%.1f", 1e6*k.Seconds), fmt.Sprintf("%.2f", k.FLOPs/k.Seconds/1e12),
			fmt.Sprintf("%.0f", k.Bytes/k.Seconds/1e9), percent(k.OfPeak), peer, ratio})
	}
	table(b, []string{"kernel", "numerics", "µs", "TFLOP/s", "GB/s", "of peak", "eager µs", "×"}, rows)
}

func (r *results) writeSharing(b *strings.Builder) {
	if len(r.sharing) == 0 {
		return
	}
	b.WriteString("\n## Trials that share the GPU\n\nA search of sharing.yaml, two stages of twelve trainings, by the number of trials in " +
		"parallel (`--workers`).\n\n")
	var rows [][]string
	for _, s := range r.sharing {
		rows = append(rows, []string{fmt.Sprint(s.Workers), fmt.Sprintf("%.1f", s.Seconds), times(r.sharing[0].Seconds / s.Seconds)})
	}
	table(b, []string{"workers", "seconds", "×"}, rows)
}

// table writes a table of Markdown.
func table(b *strings.Builder, header []string, rows [][]string) {
	if b.Len() > 0 && !strings.HasSuffix(b.String(), "\n\n") {
		b.WriteString("\n")
	}
	write := func(cells []string) {
		for _, cell := range cells {
			b.WriteString("| " + strings.ReplaceAll(cell, "|", `\|`) + " ")
		}
		b.WriteString("|\n")
	}
	write(header)
	b.WriteString(strings.Repeat("|---", len(header)) + "|\n")
	for _, row := range rows {
		write(row)
	}
}

func stepTime(t timing) float64   { return t.Step }
func inferTime(t timing) float64  { return t.Infer }
func moduleTime(t timing) float64 { return t.MS }

// median is that of one figure over the rounds.
func median(list []timing, of func(timing) float64) float64 {
	var values []float64
	for _, t := range list {
		values = append(values, of(t))
	}
	slices.Sort(values)
	return (values[(len(values)-1)/2] + values[len(values)/2]) / 2
}

// geometricMean is NaN for nothing.
func geometricMean(list []float64) float64 {
	sum := 0.0
	for _, x := range list {
		sum += math.Log(x)
	}
	return math.Exp(sum / float64(len(list)))
}

// least is NaN for nothing.
func least(list []float64) float64 {
	if len(list) == 0 {
		return math.NaN()
	}
	return slices.Min(list)
}

func times(x float64) string   { return fmt.Sprintf("%.2f×", x) }
func percent(x float64) string { return fmt.Sprintf("%.1f%%", 100*x) }

func cudaVersion(n int) string { return fmt.Sprintf("%d.%d", n/1000, n%1000/10) }

func when(yes bool, text string) string {
	if !yes {
		return ""
	}
	return text
}

// join joins what is not empty.
func join(separator string, words ...string) string {
	return strings.Join(slices.DeleteFunc(words, func(w string) bool { return w == "" }), separator)
}
