package cmd

import "mixmas/search/escape"

// quote returns a word quoted so that a POSIX shell reads it as one word.
func quote(word string) string { return escape.Shell(word) }

// quoteAll returns words as a quoted command line.
func quoteAll(words []string) string { return escape.Shell(words...) }
