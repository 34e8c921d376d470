package registry_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"mixmas/nn/registry"
)

func TestOrder(t *testing.T) {
	for name, c := range map[string]struct {
		registry *registry.Registry[int]
		names    []string
		values   []int
	}{
		"sorted":  {registry.New[int]("number"), []string{"one", "three", "two"}, []int{1, 3, 2}},
		"ordered": {registry.NewOrdered[int]("number"), []string{"two", "one", "three"}, []int{2, 1, 3}},
	} {
		r := c.registry
		r.Register("two", "The second.", 2)
		r.Register("one", "The first.", 1)
		r.Register("three", "The third.", 3)
		if names, values := r.Names(), r.All(); !slices.Equal(names, c.names) || !slices.Equal(values, c.values) {
			t.Errorf("%s: got %v, %v", name, names, values)
		}
		if v, err := r.Lookup("three"); v != 3 || err != nil || r.Doc("three") != "The third." {
			t.Errorf("%s: got %d, %v, %q", name, v, err, r.Doc("three"))
		}
		r.Unregister("one")
		r.Unregister("none")
		if v, known := r.Get("one"); known || v != 0 || r.Doc("one") != "" || len(r.All()) != 2 {
			t.Errorf("%s: one is still there: %d", name, v)
		}
	}
}

func TestUnknown(t *testing.T) {
	r := registry.New[int]("architecture")
	if _, err := r.Lookup("x"); err == nil || err.Error() != `unknown architecture "x": none is registered` {
		t.Errorf("got %v", err)
	}
	for _, name := range []string{"mlp_mixer", "hyper_mixer", "ramlp"} {
		r.Register(name, "An encoder.", 0)
	}
	for name, suggestion := range map[string]string{
		"mlpmixer": " (did you mean mlp_mixer?)", "ralmp": " (did you mean ramlp?)", "hypermixer": " (did you mean hyper_mixer?)",
		"MLP_mixer": " (did you mean mlp_mixer?)", "cnn": "", "": "", "mixer": "", strings.Repeat("mlp_mixer", 1<<10): "",
	} {
		_, err := r.Lookup(name)
		if want := fmt.Sprintf("unknown architecture %q: known are hyper_mixer, mlp_mixer, ramlp%s", name, suggestion); err == nil || err.Error() != want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestMistakesPanic(t *testing.T) {
	r := registry.New[int]("metric")
	r.Register("taken", "There.", 1)
	for _, c := range []struct{ name, doc, want string }{
		{"taken", "Again.", `metric "taken" is registered twice`},
		{"", "No name.", `metric "" cannot be registered: its name is not a word`},
		{"two words", "A space.", `metric "two words" cannot be registered: its name is not a word`},
		{"bell\a", "A control character.", `metric "bell\a" cannot be registered: its name is not a word`},
		{"silent", " ", `metric "silent" cannot be registered: it needs one line of documentation`},
		{"long", "Two\nlines.", `metric "long" cannot be registered: it needs one line of documentation`},
	} {
		func() {
			defer func() {
				if got := recover(); got != c.want {
					t.Errorf("%q: got %v, want %s", c.name, got, c.want)
				}
			}()
			r.Register(c.name, c.doc, 2)
		}()
	}
	if got := r.All(); !slices.Equal(got, []int{1}) { // and the lock is free
		t.Errorf("got %v", got)
	}
}

func TestConcurrentUse(t *testing.T) {
	r := registry.New[int]("number")
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			for k := range 50 {
				name := fmt.Sprint(i, "-", k)
				r.Register(name, "A number.", k)
				if v, err := r.Lookup(name); v != k || err != nil {
					t.Errorf("%s: got %d, %v", name, v, err)
				}
				r.Names()
			}
		})
	}
	group.Wait()
	if names := r.Names(); len(names) != 400 || !slices.IsSorted(names) {
		t.Errorf("%d names, sorted %t", len(names), slices.IsSorted(names))
	}
}
