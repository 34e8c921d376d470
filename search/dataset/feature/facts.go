package feature

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// facts are what one cell can be.
type facts struct {
	number number
	dates  layout // recognised ones
	timed  bool   // the date has a time
	list   int    // entries of a list of numbers; -1: not one
	kind   fileKind
	split  bool // train, validation or test
	tokens int  // runs of letters and digits
	words  float64
}

// fileKind is what the end of a path says.
type fileKind uint8

const (
	noFile fileKind = iota
	pictureFile
	arrayFile
	otherFile  // of a kind that is not read yet
	webAddress // not a path
)

// look finds out what a cell without spaces around it can be.
func look(cell string) (f facts) {
	f.list = -1
	if f.number = parseNumber(cell); f.number.forms != noForm {
		if len(cell) == 8 {
			_, f.dates = parseDate(cell, compact)
		}
		if f.number.forms&point == 0 {
			f.list = listLength(cell) // 1,5
		}
		f.tokens = 1
		return f
	}
	var m moment
	if m, f.dates = parseDate(cell, recognised); f.dates != noLayout {
		f.timed = m.timed
		return f
	}
	if f.list = listLength(cell); f.list >= 0 {
		return f
	}
	f.kind = fileKindOf(cell)
	f.split = splitWord(cell)
	f.tokens, f.words = wordsOf(cell)
	return f
}

// fileKindOf looks at the extension.
func fileKindOf(cell string) fileKind {
	const longest = 1024
	if len(cell) > longest || strings.ContainsAny(cell, "\n\r") {
		return noFile
	}
	if i := strings.Index(cell, "://"); i > 0 && i < 10 {
		return webAddress
	}
	i := strings.LastIndexByte(cell, '.')
	if i < 0 || len(cell)-i > 6 || i == 0 {
		return noFile
	}
	switch strings.ToLower(cell[i+1:]) {
	case "png", "jpg", "jpeg", "jpe", "gif", "bmp", "tif", "tiff", "webp":
		return pictureFile
	case "npy":
		return arrayFile
	case "wav", "mp3", "flac", "ogg", "m4a", "mp4", "avi", "mov", "mkv", "npz", "mat", "h5", "dcm", "nii", "pdf", "svg", "txt", "csv", "json",
		"heic", "avif", "pt", "pkl", "zip":
		return otherFile
	}
	return noFile
}

// splitWord reports whether a cell names a split.
func splitWord(cell string) bool {
	if len(cell) > len("validation") {
		return false
	}
	switch strings.ToLower(cell) {
	case "train", "training", "val", "valid", "validation", "dev", "test":
		return true
	}
	return false
}

// wordsOf counts the runs of letters and digits, and how many of them are words: two letters or more, without digits. Scripts
// without spaces count two letters as a word.
func wordsOf(cell string) (tokens int, words float64) {
	letters, digits, ideographs := 0, 0, 0
	end := func() {
		if letters+digits+ideographs > 0 {
			tokens++
		}
		if letters >= 2 && digits == 0 {
			words++
		}
		if ideographs > 0 && digits == 0 {
			more := float64(ideographs) / 2
			words += more
			tokens += int(more)
		}
		letters, digits, ideographs = 0, 0, 0
	}
	for i := 0; i < len(cell); {
		if c := cell[i]; c < utf8.RuneSelf {
			switch {
			case c|0x20 >= 'a' && c|0x20 <= 'z':
				letters++
			case isDigit(c):
				digits++
			case c != '\'':
				end()
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(cell[i:])
		i += size
		switch {
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer):
			ideographs++
		case unicode.IsLetter(r) || unicode.IsMark(r):
			letters++
		case unicode.IsDigit(r):
			digits++
		case r != '’':
			end()
		}
	}
	end()
	return tokens, words
}
