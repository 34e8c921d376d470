// Package listen runs the program's HTTP servers: on the loopback interface unless clients must present a token, with TLS from
// files, limits on time and connections, and a stop that lets running requests finish.
package listen

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Options of a server.
type Options struct {
	Addr  string // host:port; port 0 takes a free one
	Token string // clients must present it; "" lets everybody in, which needs a loopback address
	// Certificate and Key are PEM files for TLS; both or none.
	Certificate, Key string
	// Public lists the paths that need no token, such as /healthz.
	Public []string
	// Timeout is for reading a request, and twice as long for reading and answering it; 0 for no limit, as streams of events need.
	Timeout time.Duration
	// Grace is how long running requests may take to finish once the server stops; 0 means 10 seconds.
	Grace time.Duration
	// Stopping, if not nil, is called when the server begins to stop: streams of events should end, and readiness too.
	Stopping func()
	// Refuse answers a request that is not let in; nil answers with plain text.
	Refuse func(w http.ResponseWriter, r *http.Request, status int, text string)
}

// shortestToken is the shortest token, in bytes: shorter ones can be guessed.
const shortestToken = 16

// InUse reports whether the error of [Serve] is that another program listens on the address.
func InUse(err error) bool {
	const windows = syscall.Errno(10048) // its EADDRINUSE
	return errors.Is(err, syscall.EADDRINUSE) || errors.Is(err, windows)
}

// connections is how many clients may be connected; more wait.
const connections = 1024

// Check returns an error for options that contradict each other or are unsafe. It opens nothing.
func (o Options) Check() error {
	host, port, err := net.SplitHostPort(o.Addr)
	if err != nil || port == "" {
		return fmt.Errorf("address %q: want host:port, such as 127.0.0.1:8080", o.Addr)
	}
	if (o.Certificate == "") != (o.Key == "") {
		return errors.New("TLS needs both a certificate and its key")
	}
	switch {
	case o.Token == "" && !loopback(host):
		return fmt.Errorf("address %s: other machines could connect: set a token, or listen on 127.0.0.1", o.Addr)
	case o.Token != "" && len(o.Token) < shortestToken:
		return fmt.Errorf("the token has %d characters, want at least %d", len(o.Token), shortestToken)
	case strings.ContainsFunc(o.Token, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("the token has spaces or characters beyond ASCII: want letters, digits and punctuation")
	}
	return nil
}

// loopback reports whether only this machine can reach a host of an address.
func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// Serve answers requests with the handler, behind [Options.Guard], until ctx ends. It then waits for the running ones and returns
// nil, or an error if they did not finish in time. started, if not nil, is called with the server's address, such as
// http://127.0.0.1:8080.
func Serve(ctx context.Context, o Options, h http.Handler, started func(url string)) error {
	if err := o.Check(); err != nil {
		return err
	}
	server := &http.Server{
		Handler: o.Guard(h), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: o.Timeout, WriteTimeout: 2 * o.Timeout,
		IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 1 << 16, ErrorLog: log.New(io.Discard, "", 0),
	}
	scheme := "http"
	if o.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(o.Certificate, o.Key)
		if err != nil {
			return fmt.Errorf("TLS: %s, %s: %w", o.Certificate, o.Key, err)
		}
		server.TLSConfig, scheme = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}, "https"
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.Addr)
	if InUse(err) {
		return fmt.Errorf("address %s: another program listens on it: name another port, or port 0 for a free one (%w)", o.Addr, err)
	}
	if err != nil {
		return err
	}
	if o.Stopping != nil {
		server.RegisterOnShutdown(o.Stopping)
	}
	ended := make(chan error, 1)
	go func() {
		l := &limited{Listener: listener, free: make(chan struct{}, connections), closed: make(chan struct{})}
		if server.TLSConfig != nil {
			ended <- server.ServeTLS(l, "", "")
			return
		}
		ended <- server.Serve(l)
	}()
	if started != nil {
		started(scheme + "://" + listener.Addr().String())
	}
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	grace := o.Grace
	if grace == 0 {
		grace = 10 * time.Second
	}
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	err = server.Shutdown(late)
	if errors.Is(err, context.DeadlineExceeded) {
		err = errors.Join(fmt.Errorf("requests were still running %v after the server was told to stop: they were cut off", grace), server.Close())
	}
	if served := <-ended; !errors.Is(served, http.ErrServerClosed) {
		err = errors.Join(err, served)
	}
	return err
}

// limited is a listener of a limited number of connections.
type limited struct {
	net.Listener
	free   chan struct{}
	closed chan struct{}
	once   sync.Once
}

// Accept implements [net.Listener].
func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.free <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.free
		return nil, err
	}
	return &connection{Conn: c, release: sync.OnceFunc(func() { <-l.free })}, nil
}

// Close implements [net.Listener].
func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type connection struct {
	net.Conn
	release func()
}

// Close implements [net.Conn].
func (c *connection) Close() error {
	defer c.release()
	return c.Conn.Close()
}
