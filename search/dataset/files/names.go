package files

import (
	"errors"
	"fmt"
	"path"
	"path/filepath"
	"strings"
	"unicode"
	"unicode/utf8"

	"mixmas/nn/registry"
	"mixmas/search/escape"
)

// longest is the most bytes of a name from data: what Linux allows for a path.
const longest = 4096

// shorten makes a name from data fit for a message.
func shorten(name string) string {
	const most = 200
	if len(name) > most {
		name = strings.ToValidUTF8(name[:most], "") + "..."
	}
	return escape.Terminal(name)
}

// safe returns a name from data in its shortest form. Names that lead, or on some system could lead, out of a folder are errors.
func safe(name string) (string, error) {
	switch {
	case name == "":
		return "", errors.New("the name of the file is empty")
	case len(name) > longest:
		return "", fmt.Errorf("the name has %d bytes, want at most %d", len(name), longest)
	case !utf8.ValidString(name):
		return "", errors.New("the name is not UTF-8")
	case strings.ContainsFunc(name, unicode.IsControl):
		return "", errors.New("the name contains a control character")
	case strings.Contains(name, "://"):
		return "", errors.New("the name is an address on the web, want a file: download it first")
	case strings.Contains(name, `\`):
		return "", errors.New(`the name contains a backslash: write / between folders`)
	case strings.HasPrefix(name, "/"):
		return "", errors.New("the name is an absolute path, want one relative to the folder")
	case len(name) > 1 && name[1] == ':' && unicode.IsLetter(rune(name[0])):
		return "", errors.New("the name begins with a drive letter, want a path relative to the folder")
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", errors.New("the name has a part .., which leads out of the folder")
		}
	}
	short := path.Clean(name)
	if short == "." {
		return "", errors.New("the name is that of the folder itself, want a file in it")
	}
	return short, nil
}

// local is what [safe] does not know of the system, such as names that Windows keeps for devices.
func local(name string) error {
	if !filepath.IsLocal(filepath.FromSlash(name)) {
		return errors.New("the name is not one of a file in the folder on this system")
	}
	return nil
}

// hidden is [Hidden] of a name without folders.
func hidden(base string) bool {
	return strings.HasPrefix(base, ".") && base != ".." || base == "__MACOSX" || strings.EqualFold(base, "Thumbs.db") || strings.EqualFold(base, "desktop.ini")
}

// Hidden reports whether a name is not of data but of what systems and editors leave in folders and archives: whether the file or
// a folder above it is hidden (.DS_Store, ._a.png), __MACOSX, Thumbs.db or desktop.ini.
func Hidden(name string) bool {
	for part := range strings.SplitSeq(name, "/") {
		if hidden(part) {
			return true
		}
	}
	return false
}

// isArchive reports whether a file with this name is an archive.
func isArchive(name string) bool {
	return isZip(name) || hasSuffix(name, ".tar", ".tar.gz", ".tgz")
}

func isZip(name string) bool { return hasSuffix(name, ".zip") }

// isOtherArchive reports whether a file with this name is an archive that is not read.
func isOtherArchive(name string) bool {
	return hasSuffix(name, ".7z", ".rar", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tar.lz4")
}

// hasSuffix compares in any case.
func hasSuffix(name string, suffixes ...string) bool {
	for _, s := range suffixes {
		if len(name) >= len(s) && strings.EqualFold(name[len(name)-len(s):], s) {
			return true
		}
	}
	return false
}

// mostCompared is how many names a misspelt one is compared with.
const mostCompared = 10_000

// suggestion names the file that was probably meant: in another capitalisation, compressed or not, or with a similar name.
func suggestion(base string, names []string) string {
	plain := func(name string) string { return strings.TrimSuffix(strings.ToLower(name), ".gz") }
	for _, n := range names {
		if plain(n) == plain(base) {
			return fmt.Sprintf(" (did you mean %s?)", escape.Terminal(n))
		}
	}
	return escape.Terminal(registry.Suggestion(base, names))
}
