package options

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"mixmas/nn/registry"
)

// Rules are the limits of a value. They are written in its jsonschema tag, so that the schema has them too.
type Rules struct {
	limits []limit
	words  []string
}

// limit is one bound of a number.
type limit struct {
	text  string
	holds func(x float64) bool
}

// ParseRules reads minimum, maximum, exclusiveMinimum, exclusiveMaximum and enum from a jsonschema tag, and ignores the
// rest, which is for the schema.
func ParseRules(tag string) (Rules, error) {
	var r Rules
	for _, item := range strings.Split(tag, ",") {
		key, value, _ := strings.Cut(item, "=")
		if key == "enum" {
			r.words = append(r.words, value)
			continue
		}
		bound, err := strconv.ParseFloat(value, 64)
		switch key {
		case "minimum":
			r.limits = append(r.limits, limit{"at least " + value, func(x float64) bool { return x >= bound }})
		case "maximum":
			r.limits = append(r.limits, limit{"at most " + value, func(x float64) bool { return x <= bound }})
		case "exclusiveMinimum":
			r.limits = append(r.limits, limit{"more than " + value, func(x float64) bool { return x > bound }})
		case "exclusiveMaximum":
			r.limits = append(r.limits, limit{"less than " + value, func(x float64) bool { return x < bound }})
		default:
			continue
		}
		if err != nil {
			return r, fmt.Errorf("jsonschema:%q: %w", tag, err)
		}
	}
	return r, nil
}

// Check returns which rule a number or word breaks, or "" if it breaks none.
func (r Rules) Check(v reflect.Value) string {
	if v.Kind() == reflect.String {
		if len(r.words) > 0 && !slices.Contains(r.words, v.String()) {
			return fmt.Sprintf("want one of %s, got %q%s", strings.Join(r.words, ", "), v.String(), registry.Suggestion(v.String(), r.words))
		}
		return ""
	}
	var x float64
	switch {
	case v.CanInt():
		x = float64(v.Int())
	case v.CanUint():
		x = float64(v.Uint())
	case v.CanFloat():
		x = v.Float()
	default:
		return ""
	}
	for _, l := range r.limits {
		if !l.holds(x) {
			return fmt.Sprintf("want %s, got %v", l.text, v)
		}
	}
	return ""
}
