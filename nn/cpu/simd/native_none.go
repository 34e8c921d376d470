//go:build !amd64 || purego

package simd

import "runtime"

const (
	workspaceA = portableRows * portableDepth
	workspaceB = portableDepth * portableColumns
)

func native() ([]*Set, string) {
	if runtime.GOARCH == "amd64" {
		return nil, "built with the tag purego"
	}
	return nil, runtime.GOARCH + " has no native kernels"
}
