package device

import (
	"cmp"
	"reflect"
	"slices"
)

// Dispatch selects by an operation's type what to do with it, for example bind it to memory or compute it. Each device has
// one, and each of its files adds functions for some operations (see [On]).
type Dispatch[C any] struct {
	by map[reflect.Type]func(c C, op Operation)
}

// On adds the function for operations of one type. It is called when a package is initialised:
//
//	var _ = device.On(&bindings, (*binder).matMul)
func On[C any, T Operation](d *Dispatch[C], do func(c C, op T)) struct{} {
	if d.by == nil {
		d.by = map[reflect.Type]func(C, Operation){}
	}
	of := reflect.TypeFor[T]()
	if d.by[of] != nil {
		panic("device: " + of.String() + " is added twice")
	}
	d.by[of] = func(c C, op Operation) { do(c, op.(T)) }
	return struct{}{}
}

// Do calls the function for the operation's type and reports whether there is one.
func (d *Dispatch[C]) Do(c C, op Operation) bool {
	do := d.by[reflect.TypeOf(op)]
	if do != nil {
		do(c, op)
	}
	return do != nil
}

// Knows reports whether there is a function for the operation's type.
func (d *Dispatch[C]) Knows(op Operation) bool { return d.by[reflect.TypeOf(op)] != nil }

// Missing names the operations of this package that lack a function. Composites are not listed, since their parts can run
// instead.
func (d *Dispatch[C]) Missing() (names []string) {
	for _, op := range Kinds() {
		if _, composite := op.(Composite); !composite && d.by[reflect.TypeOf(op)] == nil {
			names = append(names, TypeName(op))
		}
	}
	return names
}

var kinds []Operation

// kind adds an operation to the list of all operations.
func kind(op Operation) struct{} {
	kinds = append(kinds, op)
	return struct{}{}
}

// Kinds returns an empty operation of every type, sorted by name.
func Kinds() []Operation {
	return slices.SortedFunc(slices.Values(kinds), func(a, b Operation) int { return cmp.Compare(TypeName(a), TypeName(b)) })
}

// TypeName returns the name of an operation's type, for example MatMul.
func TypeName(op Operation) string { return reflect.TypeOf(op).Elem().Name() }
