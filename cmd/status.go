package cmd

import (
	"fmt"
	"io"
	"time"

	"mixmas/search/escape"
)

// status shows the progress of a long command: one line that changes in place on a terminal, otherwise an occasional line.
type status struct {
	screen   *screen
	interval time.Duration
	next     time.Time
}

// newStatus returns a status that writes to w.
func newStatus(w io.Writer) *status {
	const line, terminal = 10 * time.Second, 200 * time.Millisecond
	s := &status{screen: screenOf(w), interval: line}
	if s.screen.moves() {
		s.interval = terminal
	}
	s.next = time.Now().Add(s.interval)
	return s
}

// show replaces the line if the previous one is old enough.
func (s *status) show(format string, args ...any) {
	if time.Now().Before(s.next) {
		return
	}
	s.next = time.Now().Add(s.interval)
	text := escape.Terminal(fmt.Sprintf(format, args...))
	if s.screen.moves() {
		s.screen.draw(func(int, int) []string { return []string{text} })
		return
	}
	_, _ = fmt.Fprintln(s.screen, text)
}

// close clears the line.
func (s *status) close() { s.screen.draw(func(int, int) []string { return nil }) }
