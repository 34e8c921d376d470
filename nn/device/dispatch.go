package device

import (
	"cmp"
	"reflect"
	"slices"
)

// Dispatch says what to do with an operation by its type: bind it to memory, compute it. Whoever does something with every
// operation has one, and each file adds what it knows (see [On]).
type Dispatch[C any] struct {
	by map[reflect.Type]func(c C, op Operation)
}

// On adds what to do with operations of a type, to be called when a package is initialised:
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

// Do does it, and is false where nothing is known of the operation's type.
func (d *Dispatch[C]) Do(c C, op Operation) bool {
	do := d.by[reflect.TypeOf(op)]
	if do != nil {
		do(c, op)
	}
	return do != nil
}

// Missing names the operations of this package that have nothing to be done with them, and should: all of [Kinds] but
// composites, which their parts stand in for.
func (d *Dispatch[C]) Missing() (names []string) {
	for _, op := range Kinds() {
		if _, composite := op.(Composite); !composite && d.by[reflect.TypeOf(op)] == nil {
			names = append(names, TypeName(op))
		}
	}
	return names
}

var kinds []Operation

// kind puts an operation on the list of all.
func kind(op Operation) struct{} {
	kinds = append(kinds, op)
	return struct{}{}
}

// Kinds are all types of operations, an empty one of each, by name.
func Kinds() []Operation {
	return slices.SortedFunc(slices.Values(kinds), func(a, b Operation) int { return cmp.Compare(TypeName(a), TypeName(b)) })
}

// TypeName is the name of an operation's type, for example MatMul.
func TypeName(op Operation) string { return reflect.TypeOf(op).Elem().Name() }
