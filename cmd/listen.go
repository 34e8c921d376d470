package cmd

import (
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"mixmas/search/listen"
)

// listenFlags are the flags of commands that serve HTTP.
func listenFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "addr", Value: "127.0.0.1:8080", Usage: "listen on `HOST:PORT`; port 0 takes a free one; other machines can connect to a HOST that is not loopback, which needs --token"},
		&cli.StringFlag{Name: "token", EnvVars: []string{"MIXMAS_TOKEN"}, Usage: "`TOKEN` that clients must send, as Authorization: Bearer TOKEN or ?token=TOKEN, of at least 16 characters; @FILE reads it from a file"},
		&cli.StringFlag{Name: "tls-cert", Usage: "PEM `FILE` with the certificate for HTTPS"},
		&cli.StringFlag{Name: "tls-key", Usage: "PEM `FILE` with the certificate's key"},
	}
}

// listenOptions returns what the flags of listenFlags say, checked.
func listenOptions(c *cli.Context) (listen.Options, error) {
	o := listen.Options{Addr: c.String("addr"), Token: c.String("token"), Certificate: c.String("tls-cert"), Key: c.String("tls-key")}
	if file, ok := strings.CutPrefix(o.Token, "@"); ok {
		text, err := os.ReadFile(file)
		if err != nil {
			return o, usagef("%s: --token: %w", commandName(c), err)
		}
		o.Token = strings.TrimSpace(string(text))
		if o.Token == "" {
			return o, usagef("%s: --token: %s is empty", commandName(c), quote(file))
		}
	}
	if err := o.Check(); err != nil {
		return o, usagef("%s: %w", commandName(c), err)
	}
	return o, nil
}
