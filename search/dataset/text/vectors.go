package text

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"unicode/utf8"
)

// Limits of files of word vectors.
const (
	longestLine = 1 << 20 // bytes
	widest      = 1 << 14 // numbers of a vector
)

// ReadVectors reads word vectors in text form: GloVe's .txt, word2vec's and fastText's .vec. A line is a word and the numbers of
// its vector, separated by spaces or tabs. The first line may be the number of words and the width of vectors instead: then the
// file must have as many words. Otherwise the first vector sets the width. A word may have spaces, as some of GloVe's have.
//
// Only vectors of words that wanted accepts are kept, the first one of each word; nil accepts all. Words that are not UTF-8 are
// skipped. Errors name the line: of another width, of more than 1 MiB, or with a number that is not finite in a vector that is
// kept.
func ReadVectors(ctx context.Context, r io.Reader, wanted func(word string) bool) (vectors map[string][]float32, width int, err error) {
	in := bufio.NewReaderSize(r, longestLine)
	vectors = map[string][]float32{}
	words, announced := 0, -1
	for number := 1; ; number++ {
		if number%1024 == 0 && ctx.Err() != nil {
			return nil, 0, ctx.Err()
		}
		line, end := in.ReadSlice('\n')
		if end == bufio.ErrBufferFull {
			return nil, 0, fmt.Errorf("line %d: longer than %d bytes", number, longestLine)
		}
		if end != nil && end != io.EOF {
			return nil, 0, end
		}
		if number == 1 {
			line = bytes.TrimPrefix(line, []byte("\ufeff"))
		}
		if line = bytes.Trim(line, " \t\r\n"); len(line) > 0 {
			if number == 1 {
				announced, width = heading(line)
			}
			if number > 1 || announced < 0 {
				if width, err = readVector(line, width, wanted, vectors); err != nil {
					return nil, 0, fmt.Errorf("line %d: %w", number, err)
				}
				words++
			}
		}
		if end == nil {
			continue
		}
		switch {
		case announced >= 0 && words != announced:
			return nil, 0, fmt.Errorf("line 1 announces %d words, the file has %d: it is truncated, or line 1 is to be corrected", announced, words)
		case words == 0:
			return nil, 0, errors.New("no word vectors: want lines of a word and its numbers")
		}
		return vectors, width, ctx.Err()
	}
}

// heading returns the number of words and the width that a first line announces, or -1 and 0 if it has a vector.
func heading(line []byte) (words, width int) {
	fields := bytes.Fields(line)
	if len(fields) != 2 {
		return -1, 0
	}
	words, err := strconv.Atoi(string(fields[0]))
	if err != nil || words < 0 {
		return -1, 0
	}
	width, err = strconv.Atoi(string(fields[1]))
	if err != nil || width < 1 || width > widest {
		return -1, 0
	}
	return words, width
}

// readVector adds the vector of a trimmed line to vectors, if its word is wanted and new. Width 0 is that of the line.
func readVector(line []byte, width int, wanted func(string) bool, vectors map[string][]float32) (int, error) {
	if bytes.IndexByte(line, 0) >= 0 {
		return 0, errors.New("this is not text: want the text form of word vectors (.txt or .vec), not the binary one")
	}
	if width == 0 {
		if width = trailingNumbers(line); width == 0 || width > widest {
			return 0, fmt.Errorf("want a word and 1 to %d numbers, got %d numbers", widest, width)
		}
	}
	word, numbers := cutNumbers(line, width)
	if numbers == nil {
		return 0, fmt.Errorf("want a word and %d numbers, got %d", width, trailingNumbers(line))
	}
	if i := bytes.LastIndexAny(word, " \t"); i >= 0 {
		if _, err := strconv.ParseFloat(string(word[i+1:]), 32); err == nil {
			return 0, fmt.Errorf("want a word and %d numbers, got %d", width, trailingNumbers(line))
		}
	}
	if !utf8.Valid(word) {
		return width, nil
	}
	key := string(word)
	if vectors[key] != nil || wanted != nil && !wanted(key) {
		return width, nil
	}
	vector := make([]float32, width)
	for i := range vector {
		var field []byte
		field, numbers = cutField(numbers)
		x, err := strconv.ParseFloat(string(field), 32)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return 0, fmt.Errorf("number %d of %.20q: want a finite number, got %.20q", i+1, key, field)
		}
		vector[i] = float32(x)
	}
	vectors[key] = vector
	return width, nil
}

// blanks separate the fields of a line. Other white space may be part of a word.
const blanks = " \t"

// cutField returns the first field of a line, and what follows it and the blanks after it.
func cutField(line []byte) (field, rest []byte) {
	i := bytes.IndexAny(line, blanks)
	if i < 0 {
		return line, nil
	}
	return line[:i], bytes.TrimLeft(line[i:], blanks)
}

// trailingNumbers is the number of fields at the end of a line, but for the first field, that are numbers.
func trailingNumbers(line []byte) int {
	n := 0
	for {
		_, field := cutNumbers(line, 1)
		if field == nil {
			return n
		}
		if _, err := strconv.ParseFloat(string(field), 32); err != nil && !errors.Is(err, strconv.ErrRange) {
			return n
		}
		line = bytes.TrimRight(line[:len(line)-len(field)], blanks)
		n++
	}
}

// cutNumbers splits a trimmed line before its last width fields. numbers is nil if it has no more than those.
func cutNumbers(line []byte, width int) (word, numbers []byte) {
	if bytes.Count(line, []byte(" ")) == width && bytes.IndexByte(line, '\t') < 0 {
		return cutField(line) // no word with spaces, nor two spaces where one would do
	}
	at := len(line)
	for range width {
		i := bytes.LastIndexAny(line[:at], blanks)
		if i < 0 {
			return nil, nil
		}
		numbers = line[i+1:]
		at = len(bytes.TrimRight(line[:i], blanks))
	}
	return line[:at], numbers
}
