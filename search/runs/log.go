package runs

import (
	"bytes"
	"encoding/json"
	"io"
	"sync"
)

// mostPending is the number of events that wait for the disk; of more, steps are dropped.
const mostPending = 1000

// eventLog appends events to a file, in a goroutine of its own: whoever adds one does not wait for the disk.
type eventLog struct {
	file io.WriteCloser
	// failed is called once, with the first error.
	failed func(error)

	mu      sync.Mutex
	pending []Event
	writing bool
	idle    *sync.Cond // nothing is pending or being written
	closed  bool
	err     error // the first one

	torn bool // the last line has no end
}

func newEventLog(file io.WriteCloser) *eventLog {
	l := &eventLog{file: file}
	l.idle = sync.NewCond(&l.mu)
	return l
}

// add appends an event, soon.
func (l *eventLog) add(e Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed || e.Kind == Step && len(l.pending) >= mostPending {
		return
	}
	l.pending = append(l.pending, e)
	if !l.writing {
		l.writing = true
		go l.write()
	}
}

// write writes what is pending, and what is added meanwhile.
func (l *eventLog) write() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for len(l.pending) > 0 {
		events := l.pending
		l.pending = nil
		l.mu.Unlock()
		err := l.append(events)
		l.mu.Lock()
		if err != nil && l.err == nil {
			l.err = err
			if failed := l.failed; failed != nil {
				l.mu.Unlock()
				failed(err)
				l.mu.Lock()
			}
		}
	}
	l.writing = false
	l.idle.Broadcast()
}

// append writes events. After an error, the next call first ends the line that may be torn.
func (l *eventLog) append(events []Event) error {
	var text bytes.Buffer
	if l.torn {
		text.WriteByte('\n')
	}
	var wrong error
	for _, e := range events {
		line, err := json.Marshal(e)
		if err != nil {
			wrong = err // of this event alone
			continue
		}
		text.Write(append(line, '\n'))
	}
	_, err := l.file.Write(text.Bytes())
	if l.torn = err != nil; err != nil {
		return err
	}
	return wrong
}

// flush waits until every event is written.
func (l *eventLog) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for l.writing {
		l.idle.Wait()
	}
}

// close writes what is pending and closes the file. The error is the first one of all.
func (l *eventLog) close() error {
	l.mu.Lock()
	l.closed = true
	for l.writing {
		l.idle.Wait()
	}
	err := l.err
	l.mu.Unlock()
	if e := l.file.Close(); err == nil {
		err = e
	}
	return err
}
