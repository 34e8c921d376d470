//go:build amd64 && !purego

package simd

const (
	workspaceA = portableRows * portableDepth
	workspaceB = portableDepth * portableColumns
)

func native() (*Set, string) { return nil, "the native set is not compiled in" }
