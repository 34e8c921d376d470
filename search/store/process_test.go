package store

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// TestMain runs the test binary as another process that uses a store, where a test started it as one.
func TestMain(m *testing.M) {
	if job := os.Getenv("MIXMAS_TEST_STORE_JOB"); job != "" {
		if err := work(job, os.Getenv("MIXMAS_TEST_STORE_PATH"), os.Getenv("MIXMAS_TEST_STORE_STEP")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	// Half of what rapid does by itself: each step opens files many times. The command line can ask for more.
	for name, value := range map[string]string{"rapid.checks": "50", "rapid.steps": "15"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	m.Run()
}

// process starts the test binary for a job of work.
func process(t testing.TB, job, path string, step int) *exec.Cmd {
	t.Helper()
	binary, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.Command(binary)
	command.Env = append(os.Environ(), "MIXMAS_TEST_STORE_JOB="+job, "MIXMAS_TEST_STORE_PATH="+path, "MIXMAS_TEST_STORE_STEP="+strconv.Itoa(step),
		"GORACE=atexit_sleep_ms=0") // the race detector otherwise waits a second at each exit
	command.Stderr = os.Stderr
	return command
}

// work is what such a process does. It kills itself in the given step, if there are so many.
func work(job, path, fatalStep string) error {
	fatal, err := strconv.Atoi(fatalStep)
	if err != nil {
		return err
	}
	steps := 0
	s, err := open(context.Background(), &Store{path: path, noSync: true, step: func(step string) {
		fmt.Println(step)
		if steps++; steps == fatal {
			kill()
		}
	}})
	if err != nil {
		return err
	}
	defer func() { fmt.Println("steps", steps) }()
	switch job {
	case "life":
		return life(s)
	case "lease":
		l, err := s.TryLease(someKey)
		if l == nil {
			return fmt.Errorf("no lease: %v", err)
		}
		fmt.Println("leased")
		time.Sleep(time.Hour)
		l.Release()
	case "endless":
		for i := 0; ; i++ {
			if _, err := putTrial(s, i); err != nil {
				return err
			}
			fmt.Println("stored", i)
		}
	}
	// "0 1 2": these trials
	for _, number := range strings.Fields(job) {
		i, err := strconv.Atoi(number)
		if err != nil {
			return err
		}
		if _, err := putTrial(s, i); err != nil {
			return err
		}
	}
	return nil
}

func kill() {
	self, err := os.FindProcess(os.Getpid())
	if err != nil {
		panic(err)
	}
	if err := self.Kill(); err != nil {
		panic(err)
	}
	select {}
}

// life takes a store through all that changes it. It ends in the same state wherever an earlier run of it was killed.
func life(s *Store) error {
	second, _, _ := trial(1)
	third, thirdWeights, _ := trial(2)
	if _, err := putTrial(s, 0); err != nil {
		return err
	}
	if _, err := s.Put(context.Background(), failedTrial(1), nil, nil); err != nil {
		return err
	}
	for _, i := range []int{1, 2} {
		if _, err := putTrial(s, i); err != nil {
			return err
		}
	}
	s.step("pruning")
	if _, _, err := s.Prune(context.Background(), func(sc Score) bool { return sc.Key != second.Key && sc.Key != third.Key }); err != nil {
		return err
	}
	third, err := s.Get(context.Background(), third.Key)
	if err != nil {
		return err
	}
	if err := s.PutWeights(context.Background(), third, thirdWeights); err != nil {
		return err
	}
	if err := s.Remove(context.Background(), second.Key); err != nil {
		return err
	}
	// Trial 3 stops twice before it ends, trial 4 is not resumed.
	for _, stop := range []struct{ trial, epochs, asked int }{{3, 1, 1}, {3, 2, 1}, {4, 1, 1}} {
		sc, f := partialTrial(stop.trial, stop.epochs, stop.asked)
		f.Outputs = nil
		if _, err := s.PutFiles(context.Background(), sc, f); err != nil {
			return err
		}
	}
	_, err = putTrial(s, 3)
	return err
}

// Killed anywhere, a writer leaves a store in which every record is whole, and running again ends as if nothing had
// happened.
func TestKillBetweenSteps(t *testing.T) {
	undisturbed := filepath.Join(t.TempDir(), "scores.db")
	output, err := process(t, "life", undisturbed, 0).Output()
	if err != nil {
		t.Fatal(err)
	}
	_, count, _ := strings.Cut(string(output), "steps ")
	steps, err := strconv.Atoi(strings.TrimSpace(count))
	if err != nil || steps < 40 {
		t.Fatalf("%d steps, %v; want all of writing, pruning and removing", steps, err)
	}
	want := list(t, undisturbed)
	for step := 1; step <= steps; step++ {
		path := filepath.Join(t.TempDir(), "scores.db")
		output, err := process(t, "life", path, step).Output()
		if exit := (*exec.ExitError)(nil); !errors.As(err, &exit) || exit.Exited() {
			t.Fatalf("step %d: the process was not killed: %v", step, err)
		}
		pruned := ""
		if strings.Contains(string(output), "pruning") {
			pruned = "it was killed after pruning"
		}
		if s, err := Open(t.Context(), path, Options{ReadOnly: true}); err == nil {
			whole(t, s, pruned)
		} else if !errors.Is(err, os.ErrNotExist) {
			t.Errorf("step %d: %v", step, err)
		}
		s, err := open(t.Context(), &Store{path: path, noSync: true, step: func(string) {}})
		if err != nil {
			t.Fatal(err)
		}
		if err := life(s); err != nil {
			t.Fatalf("step %d: running again: %v", step, err)
		}
		if got := list(t, path); !reflect.DeepEqual(got, want) {
			t.Errorf("step %d: running again gave %+v, want %+v", step, got, want)
		}
		whole(t, s, "")
		if _, _, err := s.Prune(t.Context(), func(Score) bool { return true }); err != nil {
			t.Error(err)
		}
		if left, err := filepath.Glob(path + ".files/temporary-*"); err != nil || len(left) > 0 {
			t.Errorf("step %d: pruning left %v, %v", step, left, err)
		}
	}
}

func list(t *testing.T, path string) []Score {
	t.Helper()
	s, err := Open(t.Context(), path, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	list, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// Killed from outside, a writer loses at most the score in flight.
func TestKillFromOutside(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scores.db")
	for round := range 8 {
		command := process(t, "endless", path, 0)
		output, err := command.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		stored := -1
		for lines := bufio.NewScanner(output); stored < 3+2*round && lines.Scan(); {
			if number, ok := strings.CutPrefix(lines.Text(), "stored "); ok {
				if stored, err = strconv.Atoi(number); err != nil {
					t.Error(err)
				}
			}
		}
		if err := command.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = command.Wait() // it was killed
		s, err := Open(t.Context(), path, Options{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		whole(t, s, "")
		for i := range stored + 1 {
			sc, _, _ := trial(i)
			if _, err := s.Get(t.Context(), sc.Key); err != nil {
				t.Errorf("round %d: a stored score was lost: %v", round, err)
			}
		}
	}
}

// Processes and goroutines that write and prune side by side all succeed, and nothing is lost.
func TestManyUseOneStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scores.db")
	var all sync.WaitGroup
	for _, job := range []string{"0 1 2 3 4 5", "4 5 6 7 8 9", "9 8 0 1 10 11"} {
		command := process(t, job, path, 0)
		all.Go(func() {
			if err := command.Run(); err != nil {
				t.Error(job, err)
			}
		})
	}
	s, err := Open(t.Context(), path, Options{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	s.noSync = true
	for _, numbers := range [][]int{{0, 12, 13, 14}, {14, 13, 12, 11}} {
		all.Go(func() {
			for _, i := range numbers {
				if _, err := putTrial(s, i); err != nil {
					t.Error(err)
				}
				whole(t, s, "")
			}
		})
	}
	all.Go(func() {
		for range 10 {
			if _, _, err := s.Prune(t.Context(), func(Score) bool { return true }); err != nil {
				t.Error(err)
			}
		}
	})
	all.Wait()
	whole(t, s, "")
	if got := list(t, path); len(got) != 15 {
		t.Errorf("%d scores, want 15", len(got))
	}
}

// Of several processes that create a store at once, all end up with the same one.
func TestCreateAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scores.db")
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			s, err := open(t.Context(), &Store{path: path, noSync: true, step: func(string) {}})
			if err != nil {
				t.Error(err)
				return
			}
			if _, err := putTrial(s, i); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if got := list(t, path); len(got) != 8 {
		t.Errorf("%d scores, want 8", len(got))
	}
}

// A file that another process prunes between being written and being recorded is written again.
func TestPruneBeforeRecord(t *testing.T) {
	// A temporary file is its writer's, and stays; both files are pruned after they were written.
	for moment, times := range map[string]int{"file synced": 2, "file renamed": 2} {
		s := temporaryStore(t)
		pruner, err := Open(t.Context(), s.Path(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		pruned := 0
		s.step = func(step string) {
			if step == moment && pruned < times {
				pruned++
				files, _, err := pruner.Prune(t.Context(), func(Score) bool { return true })
				if living := moment == "file synced"; err != nil || living && pruned == 1 && files > 0 {
					t.Errorf("%s: pruned %d files, %v", moment, files, err)
				}
			}
		}
		put(t, s, 1)
		if pruned != times {
			t.Errorf("%s: pruned %d times, want %d", moment, pruned, times)
		}
		whole(t, s, "")
	}
}

// bbolt itself finds nothing wrong with a store after all that can be done to it.
func TestBoltIsConsistent(t *testing.T) {
	s := temporaryStore(t)
	for range 3 {
		if err := life(s); err != nil {
			t.Fatal(err)
		}
	}
	err := s.withDB(t.Context(), true, func(db *bbolt.DB) error {
		return db.View(func(tx *bbolt.Tx) error {
			for err := range tx.Check() {
				t.Error(err)
			}
			return nil
		})
	})
	if err != nil {
		t.Fatal(err)
	}
}
