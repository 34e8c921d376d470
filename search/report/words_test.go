package report

import (
	"math"
	"testing"
	"time"
)

// Times and intervals are told in a unit that people use; what is unknown is a dash.
func TestWords(t *testing.T) {
	nan, minute := math.NaN(), time.Minute
	for got, want := range map[string]string{
		Span(0, 100*time.Millisecond): "1 second", Span(20*time.Second, 31*time.Second): "20 to 31 seconds", Span(50*time.Second, 2*minute): "1 to 2 minutes",
		Span(180*minute, 180*minute): "3 hours", Span(600*minute, 30*1440*minute): "1 to 30 days",
		Duration(0.42): "0.4 s", Duration(59.4): "59 s", Duration(185): "3 m 05 s", Duration(8040): "2 h 14 m", Duration(273600): "3 d 4 h", Duration(nan) + Duration(-1): "––",
		Milliseconds(0.123): "0.12", Milliseconds(120.4): "120", Milliseconds(99.7): "100", Milliseconds(nan): "–",
		WithInterval(0.5, 0.4, 0.6): "0.5000 [0.400, 0.600]", WithInterval(0.25, Number(nan), 1): "0.2500", (*Scored)(nil).Text(): "–",
		Count(1, "class") + Count(1234, "class"): "1 class1,234 classes", Parameters(0): "–",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
