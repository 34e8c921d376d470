package ui

import (
	"encoding/json"
	"regexp"
	"testing"

	"mixmas/search/runs"
)

// FuzzEvents: whatever a file of events says, the page is made, and shows it as text.
func FuzzEvents(f *testing.F) {
	for _, e := range story(nil)[:60] {
		line, err := json.Marshal(e)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(line)
	}
	for _, text := range []string{`{"kind":"done","stage":"<b onload=1>","metric":"nonsense","score":null}`, `{"kind":"step","trial":1,"step":-9223372036854775808,"steps":1,"loss":null}`,
		`{"kind":"estimated","least":1e300,"most":-1,"full":1e308,"more":1e308,"workers":-1,"expected":{"":-1e308,"a":1e308}}`, `{"kind":"training","more":1e300}`,
		`{"kind":"stage","candidates":-5,"repeats":-1,"left_out":99}`, `{"time":"0001-01-01T00:00:00Z","kind":"end","error":"\u0000\u202e"}`} {
		f.Add([]byte(text))
	}
	s := pages(f, nil)
	begun := story(nil)
	bad := regexp.MustCompile(`<(script|style|b)\b|\x1b|\x{202e}`)
	f.Fuzz(func(t *testing.T, line []byte) {
		var e runs.Event
		if json.Unmarshal(line, &e) != nil {
			return
		}
		c := new(course)
		for _, e := range append(begun[:40:40], e, e, runs.Event{Kind: runs.Trial, Trial: e.Trial, Name: e.Name}, e) {
			c.apply(e)
		}
		for id, text := range s.parts(t.Context(), runs.Run{State: runs.Running, Started: e.Time}, c).render() {
			if found := bad.FindString(text); found != "" {
				t.Errorf("%s has %q", id, found)
			}
		}
	})
}
