//go:build !race

package devicetest

// raceDetector reports whether the race detector is on, with which the largest programs take minutes.
const raceDetector = false
