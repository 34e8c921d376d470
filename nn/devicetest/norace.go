//go:build !race

package devicetest

// raceDetector says that the race detector watches, under which the largest programs take minutes.
const raceDetector = false
