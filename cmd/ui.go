package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmas/search/listen"
	"mixmas/search/store"
	"mixmas/search/ui"
)

// uiCommand serves the runs of a store to browsers.
func uiCommand() *cli.Command {
	return &cli.Command{
		Name: "ui", Usage: "show the runs of a store in a browser, those that run as they go",
		Description: "The pages show all runs, what a running one does, and what runs and trials have different. They change nothing.\n" +
			"They are for this machine alone unless a token is set: every user of the machine can open them then, and with a token whoever\n" +
			"has it. Without --tls-cert and --tls-key the token and the pages cross the network as they are.\n" +
			"The store need not exist yet: its runs show as soon as a search creates it.\n" +
			"mixmas run --ui shows a search while it runs.",
		Flags:  append([]cli.Flag{storeFlag()}, listenFlags()...),
		Action: serveUI,
	}
}

func serveUI(c *cli.Context) error {
	if err := arguments(c, 0, 0, ""); err != nil {
		return err
	}
	at, err := listenOptions(c)
	if err != nil {
		return err
	}
	path, err := store.Resolve(c.String("store"))
	if err != nil {
		return err
	}
	says := "shows the runs of " + quote(path) + "; Ctrl-C stops it"
	started := func(url string) {
		if alone := (listen.Options{Addr: at.Addr}).Check() == nil; !alone && at.Certificate == "" {
			fmt.Fprintln(c.App.ErrWriter, "warning: without --tls-cert and --tls-key the token and the pages cross the network as they are")
		}
		fmt.Fprintln(c.App.Writer, url, says)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		says = "waits for the store " + quote(path) + ", which a search creates, and then shows its runs; Ctrl-C stops it"
		open := func(ctx context.Context) (*store.Store, error) {
			return store.Open(ctx, path, store.Options{ReadOnly: true, Timeout: storeTimeout})
		}
		return ui.ServeLater(c.Context, path, open, at, ui.Options{}, started)
	}
	scores, err := openStore(c, store.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	return ui.Serve(c.Context, scores, at, ui.Options{}, started)
}

// uiFlag is the flag of the commands that can be watched.
func uiFlag() cli.Flag {
	return &cli.BoolFlag{Name: "ui", Usage: "show the run in a browser, at 127.0.0.1:8080 or, if that is in use, another port of this machine"}
}

// livePages are the pages of a session's store while the session lasts.
type livePages struct {
	stop  context.CancelFunc
	ended chan struct{}
}

// openUI starts to serve the pages of the session's store if --ui is given, and says where they are. The search goes on whatever
// happens to them. They use the session's own store, which has checked what it reads, and wait behind its writes.
func (s *session) openUI() {
	if !s.cli.Bool("ui") {
		return
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(s.cli.Context)) // an interrupted run is shown as such
	s.pages = &livePages{stop, make(chan struct{})}
	page := ""
	if id := s.recorder.Run().ID; id != "" {
		page = "/runs/" + id
	}
	said := make(chan struct{})
	go func() {
		defer close(s.pages.ended)
		var err error
		for _, port := range []string{"8080", "0"} {
			err = ui.Serve(ctx, s.scores, listen.Options{Addr: net.JoinHostPort("127.0.0.1", port)}, ui.Options{}, func(url string) {
				s.progress.Notice("live page: " + url + page)
				close(said)
			})
			if !listen.InUse(err) {
				break
			}
		}
		if err != nil {
			s.progress.Notice("no live page: " + strings.TrimSpace(err.Error()))
		}
	}()
	select {
	case <-said:
	case <-s.pages.ended:
	}
}

// closeUI ends the pages, after those who watch have seen the end.
func (s *session) closeUI() {
	if s.pages != nil {
		s.pages.stop()
		<-s.pages.ended
	}
}
