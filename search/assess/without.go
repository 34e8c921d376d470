package assess

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/dustin/go-humanize/english"

	"mixmas/search/align"
	"mixmas/search/escape"
)

// NotTrained is a sentence about the modalities that the model was not trained to do without; "" if it was not measured without them.
func (m *Model) NotTrained() string {
	var names []string
	for _, w := range m.Without {
		if !w.Trained {
			names = append(names, w.Modality)
		}
	}
	switch {
	case len(m.Without) == 0:
		return ""
	case len(names) == 0:
		return "The model was trained to do without each of them."
	case len(names) == len(m.Without):
		return "The model was not trained to do without any of them: drop_modality would train it for that."
	}
	return fmt.Sprintf("The model was not trained to do without %s: drop_modality would train it for that.", english.WordSeries(names, "and"))
}

// WriteText writes for a terminal what each final model that reads several modalities scores without each of them, and which of them it was
// trained to do without; nothing if there are none. It returns only errors of w.
func (a *Assessment) WriteText(w io.Writer) error {
	fused := slices.DeleteFunc(slices.Clone(a.Models), func(m Model) bool { return len(m.Without) == 0 || len(m.Reads) < 2 })
	if len(fused) == 0 {
		return nil
	}
	width := 0
	for _, m := range fused {
		width = max(width, align.Width(m.Field))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nwithout a modality: %s on %s\n", a.Metric, english.Plural(fused[0].Without[0].Rows, fused[0].Split+" row", ""))
	advise := false
	for _, m := range fused {
		text := "with all " + m.Without[0].With.Text()
		for _, w := range m.Without {
			text += fmt.Sprintf(", without %s %s", w.Modality, w.Score.Text())
			if w.Trained {
				text += " (trained for that)"
			}
			advise = advise || !w.Trained
		}
		fmt.Fprintf(&b, "  %s  %s\n", align.Pad(m.Field, width, false), escape.Terminal(text))
	}
	if advise {
		b.WriteString("  drop_modality trains models to do without modalities\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}
