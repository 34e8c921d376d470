//go:build !windows

package cmd

import "os"

// understandsEscapes reports whether a terminal acts on escape sequences: here all do that can move their cursor.
func understandsEscapes(*os.File) bool { return true }
