package cmd

import (
	"fmt"
	"io"
	"time"
)

// status shows the progress of a long command: one line that changes in place on a terminal, otherwise an occasional line.
type status struct {
	w        io.Writer
	moving   bool
	interval time.Duration
	next     time.Time
	shown    bool
}

// newStatus returns a status that writes to w.
func newStatus(w io.Writer) *status {
	const line, terminal = 10 * time.Second, 200 * time.Millisecond
	s := &status{w: w, interval: line}
	if movesLines(w) {
		s.moving, s.interval = true, terminal
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
	text := fmt.Sprintf(format, args...)
	if s.moving {
		s.shown = true
		_, _ = fmt.Fprintf(s.w, "\r\x1b[K%s", text)
		return
	}
	_, _ = fmt.Fprintln(s.w, text)
}

// close clears the line.
func (s *status) close() {
	if s.shown {
		_, _ = fmt.Fprint(s.w, "\r\x1b[K")
	}
}
