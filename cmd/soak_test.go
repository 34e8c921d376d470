//go:build unix

package cmd

import (
	"bytes"
	"errors"
	"flag"
	"math/rand/v2"
	"os"
	"os/exec"
	"regexp"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var soak = flag.Int("soak", 6, "how often the soak test kills or stops a process")

// TestSoak disturbs three processes that share a store and a folder, with kill -9 or with STOP and CONT, at random moments,
// and starts the killed ones again, until all have ended. None ends with an error, the scores and the model are those of an
// undisturbed run, no trial is trained to its end twice, and nothing is left in the folder but the model with its description and card.
func TestSoak(t *testing.T) {
	undisturbed := newProgram(t, "1")
	started := time.Now()
	undisturbed.finish()
	length := time.Since(started)
	want, model := undisturbed.scores(), undisturbed.model()

	rng := rand.New(rand.NewPCG(1, 2))
	kills, stops, searches := 0, 0, 0
	for kills+stops < *soak && !t.Failed() {
		s := &soaking{program: newProgram(t, "1"), running: map[int]*exec.Cmd{}}
		var all sync.WaitGroup
		for i := range 3 {
			all.Go(func() { s.toTheEnd(i) })
		}
		ended := make(chan struct{})
		go func() { all.Wait(); close(ended) }()
		s.disturb(rng, length, min(10, *soak-kills-stops), ended)
		<-ended
		searches, kills, stops = searches+1, kills+s.kills, stops+s.stops

		if diff := cmp.Diff(want, s.scores()); diff != "" {
			t.Errorf("search %d, undisturbed against disturbed:\n%s", searches, diff)
		}
		if !bytes.Equal(s.model(), model) {
			t.Errorf("search %d: the model file is another one", searches)
		}
		for name, n := range s.trained() {
			if n > 1 {
				t.Errorf("search %d: %s was trained %d times", searches, name, n)
			}
		}
		if files, err := os.ReadDir(s.out); err != nil || len(files) != 4 {
			t.Errorf("search %d: the folder holds %v (%v), want the model, its description, its card and the report", searches, files, err)
		}
		if t.Failed() {
			t.Logf("the processes said:\n%s", &s.said)
		}
	}
	t.Logf("%d searches of three processes were the same after %d kills and %d stops in all", searches, kills, stops)
}

// soaking is one search by several processes that are disturbed.
type soaking struct {
	*program
	sync.Mutex
	running      map[int]*exec.Cmd
	said         bytes.Buffer
	kills, stops int
}

// toTheEnd runs the i-th process until it ends by itself, again after each kill.
func (s *soaking) toTheEnd(i int) {
	for {
		c, _, stderr := s.command()
		s.Lock()
		if err := c.Start(); err != nil {
			s.t.Error(err)
		}
		s.running[i] = c
		s.Unlock()
		err := c.Wait()
		s.Lock()
		delete(s.running, i)
		s.said.Write(stderr.Bytes())
		failed := new(exec.ExitError)
		killed := errors.As(err, &failed) && failed.Sys().(syscall.WaitStatus).Signaled()
		if killed {
			s.kills++
		}
		s.Unlock()
		if killed {
			continue
		}
		if err != nil {
			s.t.Errorf("process %d was not killed, and ended with %v\n%s", i, err, stderr)
		}
		return
	}
}

// disturb kills and stops processes so many times, or until all have ended.
func (s *soaking) disturb(rng *rand.Rand, length time.Duration, times int, ended <-chan struct{}) {
	upTo := func(most time.Duration) time.Duration { return time.Duration(rng.Float64() * float64(most)) }
	for range times {
		select {
		case <-ended:
			return
		case <-time.After(upTo(length / 2)):
		}
		s.Lock()
		c := s.running[rng.IntN(3)]
		kill := rng.IntN(2) == 0
		switch {
		case c == nil: // it has ended, or begins again
		case kill:
			_ = c.Process.Kill()
		case c.Process.Signal(syscall.SIGSTOP) == nil:
			s.stops++
			time.AfterFunc(upTo(length), func() { _ = c.Process.Signal(syscall.SIGCONT) })
		}
		s.Unlock()
	}
}

// trainedLine is what a process says of a trial that it has trained and stored.
var trainedLine = regexp.MustCompile(`(?m)^(\S+): \S+ \S+ after \S+ s$`)

// trained counts how often each trial was trained to its end.
func (s *soaking) trained() map[string]int {
	count := map[string]int{}
	for _, line := range trainedLine.FindAllSubmatch(s.said.Bytes(), -1) {
		count[string(line[1])]++
	}
	if len(count) == 0 {
		s.t.Error("the processes said nothing of what they trained")
	}
	return count
}
