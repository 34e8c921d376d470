package ui

import (
	"context"
	"slices"
	"sync"

	"mixmas/search/runs"
	"mixmas/search/store"
)

// courses are those of the runs that were looked at last. The events of a run that goes on for long are many, and read only once.
type courses struct {
	mutex sync.Mutex
	known []*knownCourse // the last one last
}

// knownCourse is the course of a run until an offset in its events.
type knownCourse struct {
	id    string
	mutex sync.Mutex // of all below
	*course
	next int64
}

const mostCourses = 8

// of calls f with the course of a run, after reading what has happened since it was called last. f must not keep the course.
func (k *courses) of(ctx context.Context, s *store.Store, r runs.Run, f func(c *course)) error {
	k.mutex.Lock()
	i := slices.IndexFunc(k.known, func(c *knownCourse) bool { return c.id == r.ID })
	c := &knownCourse{id: r.ID, course: new(course)}
	if i >= 0 {
		c = k.known[i]
		k.known = slices.Delete(k.known, i, i+1)
	}
	k.known = append(k.known, c)
	k.known = k.known[max(0, len(k.known)-mostCourses):]
	k.mutex.Unlock()
	c.mutex.Lock()
	defer c.mutex.Unlock()
	list, err := runs.EventsFrom(ctx, s, r, c.next)
	for _, e := range list {
		c.apply(e)
		c.next = e.Offset
	}
	if err == nil {
		f(c.course)
	}
	return err
}
