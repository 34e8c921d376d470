package search_test

import (
	"testing"
)

func TestAssess(t *testing.T) {
	f := answering(t)
	folder := t.TempDir()
	s, r := f.searched()
	_ = r
	tr, a, err := f.answers(t.Context(), folder)
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Assess(t.Context(), r, tr, a, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", got.Models)
	t.Logf("%q", got.Untested)
}
