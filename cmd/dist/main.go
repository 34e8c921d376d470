// Program dist makes the archives of a release: for each system a static program with its man pages, its completion scripts and the
// licences of what it contains, and the checksums of all archives. The same tree gives the same bytes in any folder.
//
//	go run ./cmd/dist --version 0.3.0 --to dist
package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
)

// systems are those that programs are made for.
const systems = "linux/amd64,linux/arm64,darwin/amd64,darwin/arm64,windows/amd64,windows/arm64"

// checksums is the name of the file with the checksums, in the form of sha256sum.
const checksums = "SHA256SUMS"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var d distribution
	var list string
	flag.StringVar(&d.version, "version", "", "`VERSION` of the program")
	flag.StringVar(&d.to, "to", "dist", "`DIR` for the archives")
	flag.StringVar(&list, "systems", systems, "make programs for these `SYSTEMS`")
	flag.Parse()
	d.systems = strings.Split(list, ",")
	if err := d.make(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

type distribution struct {
	version, to string
	systems     []string
}

var plainVersion = regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z.+_-]*$`)

// make writes the archives and their checksums into the folder. It is called at the root of the tree.
func (d distribution) make(ctx context.Context) (err error) {
	if !plainVersion.MatchString(d.version) {
		return fmt.Errorf("--version %q: want letters, digits, dots, pluses and dashes, such as 0.3.0", d.version)
	}
	work, err := os.MkdirTemp("", "mixmas-dist-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(work)) }()
	if err := os.MkdirAll(d.to, 0o755); err != nil {
		return err
	}
	common, err := d.common(ctx, work)
	if err != nil {
		return err
	}
	var sums strings.Builder
	for _, system := range d.systems {
		goos, goarch, ok := strings.Cut(system, "/")
		if !ok {
			return fmt.Errorf("--systems %q: want a system and an architecture, such as linux/amd64", system)
		}
		program := filepath.Join(work, goos+"-"+goarch)
		if err := d.build(ctx, program, goos, goarch); err != nil {
			return fmt.Errorf("%s: %w", system, err)
		}
		files, err := layout(ctx, common, program, goos, goarch)
		if err != nil {
			return fmt.Errorf("%s: %w", system, err)
		}
		name := fmt.Sprintf("mixmas-%s-%s-%s", d.version, goos, goarch)
		content, extension, err := archive(name, goos, files)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(d.to, name+extension), content, 0o644); err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(content), name+extension)
		fmt.Printf("%s (%.1f MB)\n", filepath.Join(d.to, name+extension), float64(len(content))/1e6)
	}
	return os.WriteFile(filepath.Join(d.to, checksums), []byte(sums.String()), 0o644)
}

// build compiles the program for a system, without C, paths of this machine and debugging information. What a user has set for Go does
// not count.
func (d distribution) build(ctx context.Context, to, goos, goarch string) error {
	c := command(ctx, goos, goarch, "go", "build", "-trimpath", "-buildvcs=false", "-ldflags", "-s -w -X mixmas/cmd.stamp="+d.version, "-o", to, "./cmd/mixmas")
	c.Stdout = os.Stderr
	return c.Run()
}

// command is a command of Go for a system.
func command(ctx context.Context, goos, goarch string, words ...string) *exec.Cmd {
	c := exec.CommandContext(ctx, words[0], words[1:]...)
	c.Stderr = os.Stderr
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+goos, "GOARCH="+goarch, "GOAMD64=v1", "GOARM64=v8.0", "GOFLAGS=", "GOEXPERIMENT=", "GOWORK=off")
	return c
}

// common makes what is the same on all systems, by the program for this one: man pages and completion scripts.
func (d distribution) common(ctx context.Context, work string) (files []file, err error) {
	program := filepath.Join(work, "host")
	if runtime.GOOS == "windows" {
		program += ".exe"
	}
	if err := d.build(ctx, program, runtime.GOOS, runtime.GOARCH); err != nil {
		return nil, err
	}
	for _, shell := range []struct{ name, path string }{
		{"bash", "share/bash-completion/completions/mixmas"}, {"zsh", "share/zsh/site-functions/_mixmas"},
		{"fish", "share/fish/vendor_completions.d/mixmas.fish"}, {"powershell", "share/mixmas/mixmas.ps1"},
	} {
		script, err := exec.CommandContext(ctx, program, "completion", shell.name).Output()
		if err != nil {
			return nil, fmt.Errorf("completion %s: %w", shell.name, err)
		}
		files = append(files, file{path: shell.path, content: script})
	}
	pages := filepath.Join(work, "man")
	if out, err := exec.CommandContext(ctx, program, "__man", pages).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("man pages: %w: %s", err, out)
	}
	names, err := filepath.Glob(filepath.Join(pages, "*.1"))
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("%d man pages (%v)", len(names), err)
	}
	for _, name := range names {
		page, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		files = append(files, file{path: "share/man/man1/" + filepath.Base(name), content: page})
	}
	for _, name := range []string{"LICENSE", "README.md"} {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		files = append(files, file{path: "share/doc/mixmas/" + name, content: text})
	}
	return files, nil
}

// layout returns the files of an archive. On Unix they are where a prefix such as /usr/local or ~/.local has them.
func layout(ctx context.Context, common []file, program, goos, goarch string) ([]file, error) {
	content, err := os.ReadFile(program)
	if err != nil {
		return nil, err
	}
	licences, err := licences(ctx, goos, goarch)
	if err != nil {
		return nil, err
	}
	path := "bin/mixmas"
	if goos == "windows" {
		path = "mixmas.exe"
	}
	files := append([]file{{path: path, content: content, program: true}, {path: "share/doc/mixmas/LICENSES.txt", content: licences}}, common...)
	if goos == "windows" {
		for i, f := range files {
			f.path = strings.TrimPrefix(f.path, "share/doc/mixmas/")
			f.path = strings.Replace(f.path, "share/mixmas/", "completion/", 1)
			files[i].path = f.path
		}
	}
	return files, nil
}
