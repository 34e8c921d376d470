//go:build unix

package cmd

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestInterruptedPipes stops commands that wait for somebody to write to a pipe.
func TestInterruptedPipes(t *testing.T) {
	t.Chdir(t.TempDir())
	if err := unix.Mkfifo("pipe", 0o600); err != nil {
		t.Fatal(err)
	}
	scores, _ := scoresStore(t)
	for _, command := range []string{"run pipe", "config check pipe", "report pipe", "scores import pipe --store " + scores} {
		if code, stderr := stopped(command); code != 143 {
			t.Errorf("%s: exit code %d, %q", command, code, stderr)
		}
	}
}
