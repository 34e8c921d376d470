package atomicfile

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

// renamePatience is the time that a file may be open elsewhere before it cannot be replaced.
const renamePatience = 2 * time.Second

// renameOver renames a file to path. Windows does not replace a file that somebody has open: virus scanners and search indexes open new
// files, and readers the old one, but only for a moment.
func renameOver(from, path string) error {
	for wait, start := time.Millisecond, time.Now(); ; wait *= 2 {
		err := os.Rename(from, path)
		if err == nil || !errors.Is(err, windows.ERROR_ACCESS_DENIED) && !errors.Is(err, windows.ERROR_SHARING_VIOLATION) || time.Since(start)+wait > renamePatience {
			return err
		}
		time.Sleep(wait)
	}
}
