package cmd

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/urfave/cli/v2"

	"mixmas/search/escape"
	"mixmas/search/listen"
	"mixmas/search/model"
	"mixmas/search/serve"
)

// serveCommand answers predictions over HTTP.
func serveCommand() *cli.Command {
	return &cli.Command{
		Name: "serve", Usage: "answer predictions of a model over HTTP", ArgsUsage: "[MODEL]",
		Description: "POST /predict takes rows as JSON, {\"rows\": [{\"age\": 32, ...}]}, or one row as a form with files (curl -F age=32 -F\n" +
			"photo=@a.png), and answers what mixmas predict prints as JSON. Rows of requests that arrive together are predicted together.\n" +
			"GET / is a page to try the model, /openapi.json describes the interface, /healthz, /readyz and /metrics (Prometheus) are for\n" +
			"supervisors. Ctrl-C or SIGTERM stops it once running requests are answered. The default MODEL is " + usualModel + ".",
		Flags: append(listenFlags(),
			&cli.DurationFlag{Name: "window", Value: time.Millisecond, Usage: "`TIME` that rows wait for requests which are being read, to be predicted with them; a request that is alone never waits; 0 never waits"},
			&cli.IntFlag{Name: "max-mib", Value: 16, Usage: "`MIB` that a request may have"},
			&cli.IntFlag{Name: "max-rows", Value: 1000, Usage: "`ROWS` that a request may have"},
			&cli.IntFlag{Name: "max-megapixels", Value: 20, Usage: "`MEGAPIXELS` that a picture may have; so many are decoded at a time (or 4 per core, if that is more), in up to 16 bytes per pixel"},
			&cli.IntFlag{Name: "max-requests", Value: 64, Usage: "`REQUESTS` that may run at once, after their bodies have arrived; more are refused (status 429)"},
			&cli.DurationFlag{Name: "timeout", Value: 30 * time.Second, Usage: "`TIME` that a request may take to arrive, and to be answered"},
			workersFlag("use `N` cores"), deviceFlag(),
		),
		Action: serveModel,
	}
}

func serveModel(c *cli.Context) error {
	if err := arguments(c, 0, 1, "MODEL"); err != nil {
		return err
	}
	to, err := listenOptions(c)
	if err != nil {
		return err
	}
	for _, name := range []string{"max-mib", "max-rows", "max-megapixels", "max-requests"} {
		if n := c.Int(name); n < 1 || n > 1<<20 {
			return usagef("%s: --%s %d: want 1 to %d", commandName(c), name, n, 1<<20)
		}
	}
	if d := c.Duration("timeout"); d <= 0 {
		return usagef("%s: --timeout %v: want more than 0", commandName(c), d)
	}
	if d := c.Duration("window"); d < 0 || d > time.Minute {
		return usagef("%s: --window %v: want 0s to 1m", commandName(c), d)
	}
	path := usualModel
	if c.Args().Present() {
		path = c.Args().First()
	}
	m, err := model.Open(path)
	if errors.Is(err, fs.ErrNotExist) && !c.Args().Present() {
		return usagef("%s: %s does not exist: name a model, or train one with mixmas run", commandName(c), usualModel)
	}
	if err != nil {
		return err
	}
	d, _, err := openDevice(c, autoNumerics)
	if err != nil {
		return err
	}
	server, err := serve.New(m, serve.Options{Device: d, Window: c.Duration("window"), Bytes: int64(c.Int("max-mib")) << 20, Rows: c.Int("max-rows"),
		Pixels: c.Int("max-megapixels") * 1_000_000, Requests: c.Int("max-requests"), Timeout: c.Duration("timeout"), Version: version()})
	if err != nil {
		return fmt.Errorf("%s: %w", escape.Terminal(path), err)
	}
	to.Public, to.Timeout, to.Grace, to.Stopping, to.Refuse = serve.Public, c.Duration("timeout"), c.Duration("timeout")+time.Second, server.Stop, serve.Refuse
	err = listen.Serve(c.Context, to, server, func(url string) {
		fmt.Fprintf(c.App.ErrWriter, "serving %s at %s (Ctrl-C stops it)\n", escape.Terminal(m.Name), url)
	})
	return errors.Join(err, server.Close())
}
