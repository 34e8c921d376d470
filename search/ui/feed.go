package ui

import (
	"context"
	"sync"
)

// feed is a page that changes: the latest state of its parts, and a signal for whoever waits for the next. A slow watcher skips
// what was replaced in the meantime, so no watcher keeps anything in memory, and none holds up another.
type feed struct {
	mutex   sync.Mutex
	parts   map[string]part
	version int
	next    chan struct{} // closed by the next change
	ended   bool          // there will be no change
}

// part is a piece of HTML with the version that it changed in.
type part struct {
	html    string
	version int
}

func newFeed() *feed { return &feed{parts: map[string]part{}, next: make(chan struct{})} }

// publish replaces parts by their id, and wakes the watchers if any of them differs.
func (f *feed) publish(parts map[string]string) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	changed := false
	for id, html := range parts {
		if old, known := f.parts[id]; !known || old.html != html {
			f.parts[id] = part{html, f.version + 1}
			changed = true
		}
	}
	if changed {
		f.wake()
	}
}

// end tells the watchers that nothing will change any more.
func (f *feed) end() {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	if !f.ended {
		f.ended = true
		f.wake()
	}
}

func (f *feed) wake() {
	f.version++
	close(f.next)
	f.next = make(chan struct{})
}

// since returns the parts that changed after a version, the version now, and what to wait for if there is nothing else to do.
func (f *feed) since(version int) (parts map[string]string, now int, ended bool, next <-chan struct{}) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	for id, p := range f.parts {
		if p.version > version {
			if parts == nil {
				parts = map[string]string{}
			}
			parts[id] = p.html
		}
	}
	return parts, f.version, f.ended, f.next
}

// feeds are the pages that are watched. The first watcher of a page starts what makes its feed, and the last one ends it.
type feeds struct {
	mutex sync.Mutex
	open  map[string]*shared
}

// shared is a feed with its watchers.
type shared struct {
	*feed
	watchers int
	stop     context.CancelFunc
}

// watch returns the feed with the name, made by run until its context ends, and the function to leave it.
func (f *feeds) watch(name string, run func(ctx context.Context, f *feed)) (*feed, func()) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	s := f.open[name]
	if s == nil {
		ctx, stop := context.WithCancel(context.Background())
		s = &shared{feed: newFeed(), stop: stop}
		if f.open == nil {
			f.open = map[string]*shared{}
		}
		f.open[name] = s
		go func() {
			defer s.end()
			run(ctx, s.feed)
		}()
	}
	s.watchers++
	return s.feed, func() {
		f.mutex.Lock()
		defer f.mutex.Unlock()
		if s.watchers--; s.watchers == 0 {
			delete(f.open, name)
			s.stop()
		}
	}
}
