package main

import (
	"os"
	"strings"
	"testing"
)

// The page says the rule as it is, and shows the sizes that the architectures give today.
func TestPageIsCurrent(t *testing.T) {
	text, err := os.ReadFile("../../../docs/defaults.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(string(text), (page{}).head()) {
		t.Error("docs/defaults.md does not begin with the rule and what it gives: make defaults mends it")
	}
}
