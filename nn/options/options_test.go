package options_test

import (
	"errors"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"mixmas/nn/options"
)

type files struct {
	Train string `yaml:"train" doc:"a file"`
}

type part struct {
	Kind  string `yaml:"kind" jsonschema:"enum=map,enum=table" doc:"a kind"`
	Sides []int  `yaml:"sides" jsonschema:"minimum=1" doc:"sides"`
	files `yaml:",inline"`
}

type all struct {
	Depth   int                `yaml:"depth" jsonschema:"minimum=1,maximum=1000" doc:"blocks"`
	Rate    float64            `yaml:"rate" jsonschema:"exclusiveMinimum=0" doc:"rate"`
	Drop    float64            `yaml:"drop" jsonschema:"minimum=0,exclusiveMaximum=1" recipe:"dropout" doc:"dropout"`
	Seed    uint64             `yaml:"seed" jsonschema:"maximum=9" doc:"seed"`
	Parts   []part             `yaml:"parts" doc:"parts"`
	Pair    [2]int             `yaml:"pair" jsonschema:"minimum=0" doc:"two"`
	Weights map[string]float64 `yaml:"weights" jsonschema:"minimum=0" doc:"weights"`
	Files   files              `yaml:"files" doc:"files"`
	Hidden  int                `yaml:"-"`
	NoTag   int
	private int
}

func sound() *all {
	return &all{Depth: 1, Rate: 1, Parts: []part{{Kind: "map", Sides: []int{1}}, {Kind: "table"}}, Weights: map[string]float64{"b": 0, "a": 1}}
}

func TestCheck(t *testing.T) {
	for want, change := range map[string]func(o *all){
		"":                                                  func(o *all) { o.Hidden, o.NoTag, o.private = -1, -1, -1 },
		"depth: want at least 1, got 0":                     func(o *all) { o.Depth = 0 },
		"depth: want at most 1000, got 1001":                func(o *all) { o.Depth = 1001 },
		"rate: want more than 0, got 0":                     func(o *all) { o.Rate = 0 },
		"drop: want less than 1, got 1":                     func(o *all) { o.Drop = 1 },
		"drop: want at least 0, got NaN":                    func(o *all) { o.Drop = math.NaN() },
		"drop: want less than 1, got +Inf":                  func(o *all) { o.Drop = math.Inf(1) },
		"seed: want at most 9, got 10":                      func(o *all) { o.Seed = 10 },
		"pair[1]: want at least 0, got -1":                  func(o *all) { o.Pair[1] = -1 },
		"weights.a: want at least 0, got -1":                func(o *all) { o.Weights["a"], o.Weights["b"] = -1, -1 },
		`parts[1].kind: want one of map, table, got "list"`: func(o *all) { o.Parts[1].Kind = "list" },
		"parts[0].sides[1]: want at least 1, got 0":         func(o *all) { o.Parts[0].Sides = []int{1, 0} },
	} {
		o := sound()
		change(o)
		err := options.Check(o)
		if want == "" {
			if err != nil {
				t.Error(err)
			}
			continue
		}
		if wrong := new(options.Error); !errors.As(err, &wrong) || wrong.Field+": "+wrong.Text != want || err.Error() != "option "+want {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestFields(t *testing.T) {
	v := reflect.ValueOf(sound()).Elem()
	if got := options.Names(v); !slices.Equal(got, []string{"depth", "rate", "drop", "seed", "parts", "pair", "weights", "files"}) {
		t.Errorf("got %v", got)
	}
	if got := options.Names(reflect.ValueOf(&part{}).Elem()); !slices.Equal(got, []string{"kind", "sides", "train"}) {
		t.Errorf("inlined: got %v", got)
	}
	f, ok := options.ByName(v, "depth")
	if !ok || f.Doc != "blocks" || f.Recipe != "" {
		t.Errorf("got %v", f)
	}
	f.Value.SetInt(7)
	if v.Interface().(all).Depth != 7 {
		t.Error("the field was not set")
	}
	if f, ok := options.ByRecipe(v, options.Dropout); !ok || f.Name != "drop" {
		t.Errorf("the dropout goes to %v", f)
	}
	if _, ok := options.ByName(v, "hidden"); ok {
		t.Error("a field without a name was found")
	}
}

func TestOf(t *testing.T) {
	defaults := func() any { return sound() }
	if got, err := options.Of(defaults, nil); err != nil || !reflect.DeepEqual(got, sound()) {
		t.Errorf("got %v, %v", got, err)
	}
	own := sound()
	if got, err := options.Of(defaults, own); err != nil || got != any(own) {
		t.Errorf("got %v, %v", got, err)
	}
	own.Depth = 0
	for want, given := range map[string]any{
		"depth: want at least 1":                      own,
		"options of type *options_test.part cannot":   &part{},
		"options of type options_test.all cannot":     *own,
		"options of type *options_test.all cannot be": (*all)(nil),
	} {
		if _, err := options.Of(defaults, given); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestMistakesPanic(t *testing.T) {
	for want, defaults := range map[string]func() any{
		"encoder x: Options makes a int, want a pointer to a struct":   func() any { return 1 },
		"encoder x: Options makes a <nil>, want a pointer to a struct": func() any { return nil },
		`jsonschema:"minimum=low"`: func() any {
			return &struct {
				A int `yaml:"a" jsonschema:"minimum=low"`
			}{}
		},
		`recipe:"epochs" is for a float64 and "dropout"`: func() any {
			return &struct {
				A float64 `yaml:"a" recipe:"epochs"`
			}{}
		},
		`recipe:"dropout" is for a float64 and "dropout"`: func() any {
			return &struct {
				A int `yaml:"a" recipe:"dropout"`
			}{}
		},
	} {
		func() {
			defer func() {
				if got, _ := recover().(string); !strings.Contains(got, want) {
					t.Errorf("got %q, want %q", got, want)
				}
			}()
			options.MustDescribe("encoder x", defaults)
		}()
	}
}
