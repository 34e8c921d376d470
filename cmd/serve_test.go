package cmd

import (
	"bufio"
	"errors"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

// server is a running mixmas serve of a script.
type server struct {
	*exec.Cmd
	rest chan string // what it printed after its address
}

// serving is the line that says where a server is.
var serving = regexp.MustCompile(`^serving .* at (https?://\S+) `)

// serves starts a server on a free port and waits for its address, which is then in $URL: serves ARGUMENT... .
func serves(ts *testscript.TestScript, neg bool, args []string) {
	if neg {
		ts.Fatalf("usage: serves ARGUMENT...")
	}
	c := exec.Command("mixmas", append([]string{"serve", "--addr", "127.0.0.1:0"}, args...)...)
	c.Dir = ts.MkAbs(".")
	stderr, err := c.StderrPipe()
	ts.Check(err)
	ts.Check(c.Start())
	ts.Defer(func() { _ = c.Process.Kill() })
	lines := bufio.NewReader(stderr)
	line, err := lines.ReadString('\n')
	ts.Check(err)
	found := serving.FindStringSubmatch(line)
	if found == nil {
		ts.Fatalf("mixmas serve says %s", line)
	}
	s := &server{c, make(chan string, 1)}
	go func() {
		text, _ := io.ReadAll(lines)
		s.rest <- string(text)
	}()
	ts.Setenv("URL", found[1])
	*ts.Value(serverKey{}).(**server) = s
}

// serverKey is the key of a script's server.
type serverKey struct{}

// stops sends Ctrl-C to the server and checks its exit code: stops CODE.
func stops(ts *testscript.TestScript, neg bool, args []string) {
	s := *ts.Value(serverKey{}).(**server)
	if neg || len(args) != 1 || s == nil {
		ts.Fatalf("usage: stops CODE, after serves")
	}
	ts.Check(s.Process.Signal(os.Interrupt))
	rest := <-s.rest
	err := s.Wait()
	code := exitOK
	if failed := new(exec.ExitError); errors.As(err, &failed) {
		code = failed.ExitCode()
	} else {
		ts.Check(err)
	}
	if rest = strings.TrimSpace(rest); rest == heard { // it took longer than a second
		rest = ""
	}
	if args[0] != strconv.Itoa(code) || rest != "" {
		ts.Fatalf("exit code %d, want %s: %s", code, args[0], rest)
	}
}

// request sends a request to the server and writes the answer to a file: request FILE STATUS METHOD PATH [HEADER...] [@BODY].
func request(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 4 {
		ts.Fatalf("usage: request FILE STATUS METHOD PATH [HEADER...] [@BODY]")
	}
	var body io.Reader
	headers := args[4:]
	if n := len(headers); n > 0 && strings.HasPrefix(headers[n-1], "@") {
		body, headers = strings.NewReader(ts.ReadFile(headers[n-1][1:])), headers[:n-1]
	}
	r, err := http.NewRequest(args[2], ts.Getenv("URL")+args[3], body)
	ts.Check(err)
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(r)
	ts.Check(err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	ts.Check(err)
	ts.Check(os.WriteFile(filepath.Join(ts.MkAbs("."), args[0]), text, 0o644))
	if args[1] != strconv.Itoa(response.StatusCode) {
		ts.Fatalf("status %d, want %s: %s", response.StatusCode, args[1], text)
	}
}

// contains checks that a file has the text of another, without its last line break: contains FILE PART.
func contains(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: contains FILE PART")
	}
	if whole, part := ts.ReadFile(args[0]), strings.TrimSuffix(ts.ReadFile(args[1]), "\n"); !strings.Contains(whole, part) {
		ts.Fatalf("%s is not in %s", part, whole)
	}
}

// The page about embedding shows the program that is built.
func TestEmbeddingIsUpToDate(t *testing.T) {
	if quoted := quotes(t, filepath.Join(docs, "embedding.md")); len(quoted) != 1 {
		t.Errorf("the page quotes %v", quoted)
	}
}
