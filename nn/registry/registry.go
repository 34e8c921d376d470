// Package registry keeps things that people select by name: architectures, data formats, metrics and the like.
//
// A registry is filled in init functions, and by programs that add their own. It is safe for concurrent use.
package registry

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"unicode"
)

// Registry holds things of one kind by their names.
type Registry[T any] struct {
	kind   string
	sorted bool

	mutex   sync.RWMutex
	entries []entry[T]
}

type entry[T any] struct {
	name, doc string
	value     T
}

// New makes a registry that lists its things by name. kind names them in errors, for example "architecture".
func New[T any](kind string) *Registry[T] { return &Registry[T]{kind: kind, sorted: true} }

// NewOrdered makes a registry that lists its things in the order of their registration.
func NewOrdered[T any](kind string) *Registry[T] { return &Registry[T]{kind: kind} }

// Register adds a thing under a name, with a line of documentation. It panics if the name is already used or is not a word,
// or if the documentation is not one line: these are programming errors.
func (r *Registry[T]) Register(name, doc string, value T) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	at, taken := r.find(name)
	switch {
	case taken:
		panic(fmt.Sprintf("%s %q is registered twice", r.kind, name))
	case name == "" || strings.ContainsFunc(name, func(c rune) bool { return unicode.IsSpace(c) || !unicode.IsPrint(c) }):
		panic(fmt.Sprintf("%s %q cannot be registered: its name is not a word", r.kind, name))
	case strings.TrimSpace(doc) == "" || strings.ContainsAny(doc, "\r\n"):
		panic(fmt.Sprintf("%s %q cannot be registered: it needs one line of documentation", r.kind, name))
	}
	r.entries = slices.Insert(r.entries, at, entry[T]{name, doc, value})
}

// Unregister undoes Register, for tests that register things of their own.
func (r *Registry[T]) Unregister(name string) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if at, known := r.find(name); known {
		r.entries = slices.Delete(r.entries, at, at+1)
	}
}

// find returns the position of a name, or where it would be inserted.
func (r *Registry[T]) find(name string) (at int, known bool) {
	if r.sorted {
		return slices.BinarySearchFunc(r.entries, name, func(e entry[T], name string) int { return strings.Compare(e.name, name) })
	}
	at = slices.IndexFunc(r.entries, func(e entry[T]) bool { return e.name == name })
	if at < 0 {
		return len(r.entries), false
	}
	return at, true
}

// Get finds a thing by its name.
func (r *Registry[T]) Get(name string) (value T, known bool) {
	r.mutex.RLock()
	defer r.mutex.RUnlock()
	at, known := r.find(name)
	if known {
		value = r.entries[at].value
	}
	return value, known
}

// Lookup finds a thing by its name. The error lists the known names: see [Unknown].
func (r *Registry[T]) Lookup(name string) (T, error) {
	value, known := r.Get(name)
	if !known {
		return value, Unknown(r.kind, name, r.Names())
	}
	return value, nil
}

// Names lists the names.
func (r *Registry[T]) Names() []string {
	return list(r, func(e entry[T]) string { return e.name })
}

// All lists what is registered.
func (r *Registry[T]) All() []T {
	return list(r, func(e entry[T]) T { return e.value })
}

// Doc returns the documentation of a name, empty if it is not registered.
func (r *Registry[T]) Doc(name string) string {
	r.mutex.RLock()
	defer r.mutex.RUnlock()
	if at, known := r.find(name); known {
		return r.entries[at].doc
	}
	return ""
}

// list returns one value for each entry.
func list[T, U any](r *Registry[T], of func(entry[T]) U) []U {
	r.mutex.RLock()
	defer r.mutex.RUnlock()
	items := make([]U, len(r.entries))
	for i, e := range r.entries {
		items[i] = of(e)
	}
	return items
}

// Unknown returns the error for a name that is not one of the known ones: "unknown metric "acuracy": known are accuracy,
// loss (did you mean accuracy?)".
func Unknown(kind, name string, known []string) error {
	if len(known) == 0 {
		return fmt.Errorf("unknown %s %q: none is registered", kind, name)
	}
	return fmt.Errorf("unknown %s %q: known are %s%s", kind, name, strings.Join(known, ", "), Suggestion(name, known))
}
