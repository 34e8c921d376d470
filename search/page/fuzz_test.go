package page

import (
	"encoding/json"
	"io"
	"testing"

	"mixmas/search/assess"
	"mixmas/search/report"
	"mixmas/search/runs"
)

// FuzzWrite writes the page of any document, assessment and events that JSON can hold.
func FuzzWrite(f *testing.F) {
	type stored struct {
		Document   report.Document
		Assessment *assess.Assessment
		Events     []runs.Event
	}
	for _, c := range []Contents{{}, large(2, "<b>\u202e=1")} {
		if a := c.Assessment; a != nil { // small, so that it is fast
			a.Data.Classes, a.Data.Samples, a.Shown, a.Models = a.Data.Classes[:2], a.Data.Samples[:1], a.Shown[:1], a.Models[:1]
			a.Shown[0].Views[0].Image = nil
			m := &a.Models[0]
			m.Confusion, m.Classes, m.ROC, m.PrecisionRecall, m.Mistakes = [][]int{{1, 2}, {3, 4}}, m.Classes[:2], m.ROC[:1], nil, m.Mistakes[:1]
			m.ROC[0].X, m.ROC[0].Y, m.Calibration.Bins = m.ROC[0].X[:3], m.ROC[0].Y[:3], m.Calibration.Bins[:2]
		}
		text, err := json.Marshal(stored{c.Document, c.Assessment, c.Events})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var s stored
		if json.Unmarshal(text, &s) != nil {
			return
		}
		if err := Write(io.Discard, Contents{Document: s.Document, Assessment: s.Assessment, Events: s.Events}); err != nil {
			t.Error(err)
		}
	})
}
