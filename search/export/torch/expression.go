package torch

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// width is the length of lines at most.
const width = 120

// most is the length of an expression on one line at most: it is indented, and may have a name.
const most = width - 36

// Call returns the Python expression function(argument, ...), on one line, or with a line per argument if it is too long.
func Call(function string, arguments ...string) string {
	return brackets(function+"(", arguments, ")")
}

// brackets puts items between brackets, on one line or with one per line.
func brackets(open string, items []string, end string) string {
	line := open + strings.Join(items, ", ") + end
	if !strings.Contains(line, "\n") && utf8.RuneCountInString(line) <= most {
		return line
	}
	var b strings.Builder
	b.WriteString(open + "\n")
	for _, item := range items {
		b.WriteString(indent(item) + ",\n")
	}
	return b.String() + end
}

// indent indents every line of a text.
func indent(text string) string { return "    " + strings.ReplaceAll(text, "\n", "\n    ") }

// wrapped is a bracket with many short items, as many on a line as fit.
func wrapped(open string, items []string, end string) string {
	if line := open + strings.Join(items, ", ") + end; utf8.RuneCountInString(line) <= width-20 {
		return line
	}
	var b strings.Builder
	b.WriteString(open)
	column := width
	for i, item := range items {
		n := utf8.RuneCountInString(item) + 2
		if column+n > width-10 {
			b.WriteString("\n    ")
			column = 4
		} else {
			b.WriteString(" ")
		}
		column += n
		b.WriteString(item)
		if i < len(items)-1 || column < width {
			b.WriteString(",")
		}
	}
	return b.String() + "\n" + end
}

// text is a Python string.
func text(s string) string { return strconv.Quote(s) }

// dictionary is a Python dictionary with the given keys and values.
func dictionary(keys, values []string) string {
	items := make([]string, len(keys))
	for i, key := range keys {
		items[i] = text(key) + ": " + values[i]
	}
	return brackets("{", items, "}")
}

// tuple is a Python tuple of whole numbers.
func tuple(numbers []int) string {
	items := make([]string, len(numbers))
	for i, n := range numbers {
		items[i] = strconv.Itoa(n)
	}
	if len(items) == 1 {
		return "(" + items[0] + ",)"
	}
	return "(" + strings.Join(items, ", ") + ")"
}

// numbers is a keyword argument that is a tuple of numbers.
func numbers(name string, list []float64) string {
	if len(list) == 1 {
		return name + "(" + floats(list)[0] + ",)"
	}
	return wrapped(name+"(", floats(list), ")")
}

// floats are Python numbers.
func floats[T float32 | float64](numbers []T) []string {
	bits := 64
	if _, ok := any(numbers).([]float32); ok {
		bits = 32
	}
	items := make([]string, len(numbers))
	for i, x := range numbers {
		items[i] = strconv.FormatFloat(float64(x), 'g', -1, bits)
	}
	return items
}

// keyword is a keyword argument.
func keyword(name string, value any) string { return fmt.Sprintf("%s=%v", name, value) }

// times is a list of n equal modules.
func times(n int, expression string) string {
	if n == 1 {
		return "[" + expression + "]"
	}
	line := fmt.Sprintf("[%s for _ in range(%d)]", expression, n)
	if !strings.Contains(line, "\n") && utf8.RuneCountInString(line) > most {
		return fmt.Sprintf("[\n    %s\n    for _ in range(%d)\n]", expression, n)
	}
	return line
}
