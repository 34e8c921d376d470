//go:build !amd64.v3

package cpu

// level is the architecture's level if it affects the bits of a result: GOAMD64=v3 and above fuse multiply-add.
const level = ""
