package cmd

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"

	"go.etcd.io/bbolt"
)

// TestInterruptedRunSaysHowToGoOn sends signals to real processes: one line says how to go on, and the exit code which
// signal it was.
func TestInterruptedRunSaysHowToGoOn(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("Windows has no signals that one process sends to another")
	}
	for _, test := range []struct {
		signal os.Signal
		code   int
	}{{os.Interrupt, 130}, {syscall.SIGTERM, 143}} {
		t.Run(test.signal.String(), func(t *testing.T) {
			t.Parallel()
			p := newProgram(t, "1")
			store := filepath.Join(filepath.Dir(p.store), "the user's scores.db")
			c := exec.Command("mixmas", "run", p.plan, "--store", store, "--out", p.out)
			stderr, err := c.StderrPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Start(); err != nil {
				t.Fatal(err)
			}
			first := make([]byte, 1) // the search has started when it says its first word
			if _, err := stderr.Read(first); err != nil {
				t.Fatal(err)
			}
			if err := c.Process.Signal(test.signal); err != nil {
				t.Fatal(err)
			}
			rest, err := io.ReadAll(stderr)
			if err != nil {
				t.Fatal(err)
			}
			err = c.Wait()
			if failed := new(exec.ExitError); !errors.As(err, &failed) || failed.ExitCode() != test.code {
				t.Errorf("ended with %v, want exit code %d", err, test.code)
			}
			want := "mixmas: interrupted; run the same command again to resume from the scores in " + quote(store) + "\n"
			if text := string(rest); !strings.HasSuffix(text, want) || strings.Count(text, "interrupted") != 1 || strings.Contains(text, "cancel") {
				t.Errorf("stderr does not end with %q alone:\n%s", want, text)
			}
		})
	}
}

// TestInterruptedCommands gives commands a context that has ended: those that look at it say so in one line, the others
// are done before anyone could press Ctrl-C.
func TestInterruptedCommands(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0)) // bench uses one core
	t.Chdir(t.TempDir())
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	plan := strings.NewReader(smallPlan)
	scores, keys := scoresStore(t)
	if err := os.WriteFile("plan.yaml", []byte(smallPlan), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, command := range []string{
		"run", "search", "train --preset m2mixer-avmnist", "data info", "bench m2mixer-mimic --seconds 0", "data info -", "config check -",
		"config check plan.yaml", "report -", "report plan.yaml", "scores ls --store " + scores, "scores show full --store " + scores,
		"scores verify --store " + scores, "scores export - --store " + scores, "scores export a.tar --store " + scores,
		"scores import - --store " + scores, "scores import plan.yaml --store " + scores, "scores prune --store " + scores,
		"scores rm " + keys["full/digits"] + " --store " + scores,
	} {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(signalError{syscall.SIGTERM})
		var stdout, stderr bytes.Buffer
		code := run(ctx, append([]string{"mixmas"}, strings.Fields(command)...), plan, &stdout, &stderr)
		if code != 143 || stderr.String() != "mixmas: interrupted\n" {
			t.Errorf("%s: exit code %d, %q", command, code, stderr.String())
		}
	}
}

// TestSignalEndsTheWaitForInput interrupts a command that waits for its plan.
func TestSignalEndsTheWaitForInput(t *testing.T) {
	r, w := io.Pipe()
	defer w.Close()
	ctx, cancel := context.WithCancelCause(context.Background())
	reading := readerFunc(func(text []byte) (int, error) {
		cancel(signalError{os.Interrupt})
		return r.Read(text)
	})
	var stdout, stderr bytes.Buffer
	if code := run(ctx, []string{"mixmas", "data", "info", "-"}, reading, &stdout, &stderr); code != 130 || stderr.String() != "mixmas: interrupted\n" {
		t.Errorf("exit code %d, %q", code, stderr.String())
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(text []byte) (int, error) { return f(text) }

func TestMessages(t *testing.T) {
	full := errors.New("no space left on device")
	stopped := interruptedError{"go on so", context.Canceled}
	for _, test := range []struct {
		err  error
		want []string
	}{
		{full, []string{"no space left on device"}},
		{context.Canceled, []string{"interrupted"}},
		{signalError{os.Interrupt}, []string{"interrupted"}},
		{stopped, []string{"interrupted; go on so"}},
		{errors.Join(context.Canceled, context.Canceled), []string{"interrupted"}},
		{errors.Join(stopped, full), []string{"interrupted; go on so", "no space left on device"}},
		{errors.Join(full, errors.Join(full, errors.New("a\nb"))), []string{"no space left on device", "a; b"}},
	} {
		if got := messages(test.err); strings.Join(got, "|") != strings.Join(test.want, "|") {
			t.Errorf("%v: got %q, want %q", test.err, got, test.want)
		}
	}
}

// stopped runs a command that waits for others, stops it, and returns its exit code.
func stopped(command string) (code int, stderr string) {
	ctx, cancel := context.WithCancelCause(context.Background())
	var out, wrong bytes.Buffer
	ended := make(chan int)
	go func() {
		ended <- run(ctx, append([]string{"mixmas"}, strings.Fields(command)...), strings.NewReader(""), &out, &wrong)
	}()
	runtime.Gosched()
	cancel(signalError{syscall.SIGTERM})
	return <-ended, wrong.String()
}

// TestInterruptedWaiting stops commands that wait for a store that another process holds.
func TestInterruptedWaiting(t *testing.T) {
	t.Chdir(t.TempDir())
	scores, _ := scoresStore(t)
	db, err := bbolt.Open(scores, 0o644, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, command := range []string{"scores ls", "scores import -", "scores prune", "search"} {
		if code, stderr := stopped(command + " --store " + scores); code != 143 {
			t.Errorf("%s: exit code %d, %q", command, code, stderr)
		}
	}
}
