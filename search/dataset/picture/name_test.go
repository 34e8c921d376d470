package picture_test

import (
	"testing"

	"mixmas/search/dataset/picture"
)

func TestHasName(t *testing.T) {
	for name, want := range map[string]bool{"a.png": true, "b/c.JPE": true, "x.y.WebP": true, "png": false, "a.npy": false, "a.png.gz": false, ".png/a": false, "": false} {
		if picture.HasName(name) != want {
			t.Errorf("%s: %t, want %t", name, !want, want)
		}
	}
}
