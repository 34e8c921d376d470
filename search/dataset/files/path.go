package files

import (
	"path/filepath"
	"strings"
)

// Parent is the folder of a path as a person wrote it, with slashes; "" for the folder where paths start.
func Parent(name string) string {
	name = strings.ReplaceAll(name, `\`, "/")
	i := strings.LastIndexByte(name, '/')
	switch {
	case i < 0:
		return ""
	case i == 0:
		return "/"
	}
	return name[:i]
}

// Within makes a name from data relative to a folder, if it is the absolute path of something in it. Other absolute paths stay,
// and [Folder] refuses them. A folder that is not absolute is below the working folder.
func Within(folder, name string) string {
	if !filepath.IsAbs(name) {
		return strings.TrimPrefix(name, "./")
	}
	full, err := filepath.Abs(filepath.FromSlash(folder))
	if err != nil {
		return name
	}
	if inside, err := filepath.Rel(full, name); err == nil && filepath.IsLocal(inside) {
		return filepath.ToSlash(inside)
	}
	return name
}
