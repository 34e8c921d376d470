package ui

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"
)

// Limits of streams.
const (
	mostWatchers  = 100
	streamTimeout = 10 * time.Second       // for one message: who does not read has gone
	heartbeat     = 15 * time.Second       // finds out who has gone, and keeps proxies from closing
	lastLook      = 600 * time.Millisecond // for the end of a run whose process ends with the server
)

// stream sends the changing parts of a page as server-sent events: first all, then those that change, as JSON objects from the
// id of an element to its content. The event "end" says that nothing will change any more. When the server stops, the stream goes on
// for so long at most if the end may be near.
func (s *server) stream(w http.ResponseWriter, r *http.Request, name string, near time.Duration, run func(ctx context.Context, f *feed)) {
	select {
	case s.watchers <- struct{}{}:
		defer func() { <-s.watchers }()
	default:
		w.Header().Set("Retry-After", "30")
		fail(w, http.StatusServiceUnavailable, "Too many pages are open.")
		return
	}
	f, leave := s.feeds.watch(name, run)
	defer leave()
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no")
	control := http.NewResponseController(w)
	_ = control.SetReadDeadline(time.Time{}) // otherwise it would end the stream
	send := func(message string) bool {
		_ = control.SetWriteDeadline(time.Now().Add(streamTimeout))
		_, err := w.Write([]byte(message))
		return err == nil && control.Flush() == nil
	}
	if !send("retry: 2000\n\n") {
		return
	}
	beat := time.NewTicker(s.heartbeat)
	defer beat.Stop()
	stopped, late := s.ctx.Done(), make(<-chan time.Time)
	for version := 0; ; {
		parts, now, ended, next := f.since(version)
		if version = now; len(parts) > 0 && !send(message("parts", parts)) {
			return
		}
		if ended {
			send(message("end", nil))
			return
		}
		select {
		case <-r.Context().Done():
			return
		case <-stopped:
			stopped, late = nil, time.After(near)
		case <-late:
			return
		case <-beat.C:
			if !send(":\n\n") {
				return
			}
		case <-next:
		}
	}
}

// message returns a server-sent event.
func message(event string, parts map[string]string) string {
	var b bytes.Buffer
	b.WriteString("event: " + event + "\ndata: ")
	e := json.NewEncoder(&b) // on one line
	e.SetEscapeHTML(false)
	_ = e.Encode(parts)
	b.WriteString("\n")
	return b.String()
}
