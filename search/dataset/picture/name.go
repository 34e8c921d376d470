package picture

import (
	"path"
	"strings"
)

// HasName reports whether a file is called like a picture that [Form.Decode] may read, by its extension in any case.
func HasName(name string) bool {
	switch strings.ToLower(path.Ext(name)) {
	case ".png", ".jpg", ".jpeg", ".jpe", ".gif", ".bmp", ".tif", ".tiff", ".webp":
		return true
	}
	return false
}
