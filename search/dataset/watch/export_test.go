package watch

import "testing"

// SetClock sets the clock that stamps are compared with to a minute from now, and stops it until the test ends.
func SetClock(t *testing.T) { setClock(t, 60e9) }

// HasChangeTimes reports whether the system keeps change times for the file at path.
func HasChangeTimes(t *testing.T, path string) bool { return hasChangeTimes(t, path) }
