package main

import (
	"bytes"
	"math"
	"os"
	"path/filepath"
	"testing"
)

func TestGeneratedFilesAreCurrent(t *testing.T) {
	files, err := generate()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join("..", "simd", name))
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("nn/cpu/simd/%s is not what the generator writes: run go generate there", name)
		}
	}
}

func TestInterpolateFindsAPolynomial(t *testing.T) {
	want := []float64{3, -1, 0, 0.25, 2}
	c := interpolate(len(want)-1, 0.7, func(x float64) float64 { return 3 + x*(-1+x*x*(0.25+2*x)) })
	for power := range want {
		if math.Abs(c[power]-want[power]) > 1e-12 {
			t.Fatalf("the coefficients are %v, want %v", c, want)
		}
	}
}
