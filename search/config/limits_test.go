package config

import (
	"strings"
	"testing"
	"time"

	"mixmas/search/cost"
)

func TestLimits(t *testing.T) {
	const data = "data: {format: builtin}\n"
	c, err := Parse("plan.yaml", []byte(data+"search: {max_parameters: 50000, max_latency_ms: 2.5, max_memory: 20MiB}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := c.Search.Limits(); err != nil || got != (cost.Limits{Parameters: 50000, Latency: 2500 * time.Microsecond, Memory: 20 << 20}) {
		t.Errorf("%+v, %v", got, err)
	}
	if c, err = Parse("plan.yaml", []byte(data)); err != nil {
		t.Fatal(err)
	}
	if got, err := c.Search.Limits(); err != nil || got != (cost.Limits{}) {
		t.Errorf("without any: %+v, %v", got, err)
	}
	for text, want := range map[string]string{
		"max_memory: much":      `plan.yaml:3: search.max_memory: want a size such as 20MiB, got "much"`,
		"max_memory: 0":         `want a size such as 20MiB, got "0"`,
		"max_memory: -1":        `want a size such as 20MiB, got "-1"`,
		"max_latency_ms: 1e300": "plan.yaml:3: search.max_latency_ms: 1e+300 ms is not a time that can be measured",
		"max_latency_ms: 1e-9":  "is not a time that can be measured",
		"max_parameters: -1":    "search.max_parameters",
	} {
		if _, err := Parse("plan.yaml", []byte(data+"search:\n  "+text+"\n")); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
