package tabular

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"

	"mixmas/nn/registry"
	"mixmas/search/escape"
)

// Select resolves selectors of columns into positions from 0, in the order of the selectors and each once. A selector is a name,
// a position from the left ("#1" is the first) or the right ("#-1" is the last), a range of these with both ends ("#2..#-2",
// "age..weight"), a pattern of [path.Match] in which * also matches slashes ("lab_*"), or "all": all columns that used does not
// mark. A name that equals the selector wins. A name that several columns have is an error that says where they are.
func Select(columns []string, used []bool, selectors ...string) ([]int, error) {
	if used != nil && len(used) != len(columns) {
		return nil, fmt.Errorf("%d columns are marked as used or not, want %d", len(used), len(columns))
	}
	var chosen []int
	seen := make([]bool, len(columns))
	for _, selector := range selectors {
		some, err := selected(columns, used, selector)
		if err != nil {
			return nil, err
		}
		for _, i := range some {
			if !seen[i] {
				seen[i] = true
				chosen = append(chosen, i)
			}
		}
	}
	return chosen, nil
}

func selected(columns []string, used []bool, selector string) ([]int, error) {
	if selector == "" {
		return nil, errors.New("the name of a column is empty: columns without a name are selected by position, such as #1")
	}
	if slices.Contains(columns, selector) {
		i, err := one(columns, selector)
		return []int{i}, err
	}
	if selector == "all" {
		var some []int
		for i := range columns {
			if used == nil || !used[i] {
				some = append(some, i)
			}
		}
		if len(some) == 0 {
			return nil, errors.New("all: everything else uses all columns already")
		}
		return some, nil
	}
	if strings.HasPrefix(selector, "#") && !strings.Contains(selector, "..") {
		i, err := one(columns, selector)
		return []int{i}, err
	}
	if some, ok, err := between(columns, selector); ok {
		return some, err
	}
	if strings.ContainsAny(selector, "*?[") {
		return matching(columns, selector)
	}
	_, err := one(columns, selector)
	return nil, err
}

// one resolves a name or a position.
func one(columns []string, selector string) (int, error) {
	var at []string
	first := slices.Index(columns, selector)
	for i, name := range columns {
		if name == selector {
			at = append(at, fmt.Sprintf("#%d", i+1))
		}
	}
	shown := escape.Terminal(selector)
	switch {
	case len(at) == 1:
		return first, nil
	case len(at) > 1:
		const most = 10
		positions := strings.Join(at[:min(len(at), most)], ", ")
		if len(at) > most {
			positions += ", ..."
		}
		return 0, fmt.Errorf("%d columns are named %s: select one by its position (%s)", len(at), shown, positions)
	}
	digits, ok := strings.CutPrefix(selector, "#")
	if !ok {
		return 0, fmt.Errorf("there is no column %s%s", shown, near(columns, selector))
	}
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0, fmt.Errorf("there is no column %s: a position is written #1 for the first column or #-1 for the last%s", shown, near(columns, selector))
	}
	if n < 0 {
		n += len(columns) + 1
	}
	if n < 1 || n > len(columns) || strings.HasPrefix(digits, "-0") {
		return 0, fmt.Errorf("there is no column %s: the table has %d, #1 to #%d", shown, len(columns), len(columns))
	}
	return n - 1, nil
}

// between resolves a range. It is not ok if the selector is none.
func between(columns []string, selector string) (some []int, ok bool, err error) {
	const dots = ".."
	for from := 0; ; {
		at := strings.Index(selector[from:], dots)
		if at < 0 {
			break
		}
		at += from
		from = at + 1
		first, last := selector[:at], selector[at+len(dots):]
		if first == "" || last == "" {
			continue
		}
		i, failed := one(columns, first)
		j, failedToo := one(columns, last)
		if failed = cmp.Or(failed, failedToo); failed != nil {
			if ok = true; err == nil {
				err = fmt.Errorf("%s: %w", escape.Terminal(selector), failed)
			}
			continue
		}
		if i > j {
			return nil, true, fmt.Errorf("%s: the range is empty, since %s is column #%d and %s is column #%d",
				escape.Terminal(selector), escape.Terminal(first), i+1, escape.Terminal(last), j+1)
		}
		for ; i <= j; i++ {
			some = append(some, i)
		}
		return some, true, nil
	}
	return nil, ok, err
}

// matching resolves a pattern.
func matching(columns []string, pattern string) ([]int, error) {
	plain := func(text string) string { return strings.ReplaceAll(text, "/", "\x00") } // which * matches
	var some []int
	for i, name := range columns {
		ok, err := path.Match(plain(pattern), plain(name))
		if err != nil {
			return nil, fmt.Errorf("%s: the pattern is not valid: want *, ?, [a-z] and other characters as they are", escape.Terminal(pattern))
		}
		if ok && name != "" {
			some = append(some, i)
		}
	}
	if len(some) == 0 {
		return nil, fmt.Errorf("no column matches %s%s", escape.Terminal(pattern), near(columns, pattern))
	}
	return some, nil
}

// near names columns that may have been meant: of another capitalisation, a similar one, or if there are few, all.
func near(columns []string, name string) string {
	var named []string
	for _, c := range columns {
		if c == "" {
			continue
		}
		if strings.EqualFold(c, strings.TrimSpace(name)) {
			return fmt.Sprintf(" (did you mean %s?)", escape.Terminal(c))
		}
		named = append(named, c)
	}
	if len(named) == 0 {
		return ": the table has no names of columns: select by position, such as #1"
	}
	if suggestion := registry.Suggestion(name, named); suggestion != "" {
		return escape.Terminal(suggestion)
	}
	const most = 12
	shown := make([]string, 0, most)
	for _, c := range named[:min(len(named), most)] {
		shown = append(shown, escape.Terminal(c))
	}
	if len(named) > most {
		shown = append(shown, "...")
	}
	return ": the columns are " + strings.Join(shown, ", ")
}
