package feature

import (
	"encoding/json"
	"iter"
	"slices"
	"strings"
)

// Members are the members of a set in a cell, without the spaces around them: the texts of a list such as ["a", "b"], otherwise what
// the separator separates. Empty ones are left out.
func Members(cell, separator string) iter.Seq[string] {
	cell = trim(cell)
	list := strings.SplitSeq(cell, separator)
	if entries, ok := quotedEntries(cell); ok {
		list = slices.Values(entries)
	}
	return func(yield func(string) bool) {
		for m := range list {
			if m = trim(m); m != "" && !yield(m) {
				return
			}
		}
	}
}

// quotedEntries are the entries of a list of texts in quotes, as JSON and Python write it: ["a", "b"] or ['a', 'b'].
func quotedEntries(cell string) (list []string, ok bool) {
	inside, opened := strings.CutPrefix(cell, "[")
	inside, closed := strings.CutSuffix(inside, "]")
	if !opened || !closed {
		return nil, false
	}
	for rest := trim(inside); rest != ""; {
		quote := rest[0]
		if quote != '"' && quote != '\'' {
			return nil, false
		}
		end := 1
		for end < len(rest) && rest[end] != quote {
			if end++; rest[end-1] == '\\' {
				end++
			}
		}
		if end >= len(rest) {
			return nil, false
		}
		entry := rest[1:end]
		if quote == '\'' {
			entry = strings.ReplaceAll(entry, `\'`, `'`)
		} else if strings.Contains(entry, `\`) && json.Unmarshal([]byte(rest[:end+1]), &entry) != nil {
			return nil, false
		}
		list = append(list, entry)
		if rest = trim(rest[end+1:]); rest == "" {
			break
		}
		if rest[0] != ',' {
			return nil, false
		}
		rest = trim(rest[1:])
	}
	return list, len(list) > 0
}
