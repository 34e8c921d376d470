package ui

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"time"
)

// Limits of a server.
const (
	mostConnections = 256
	headerTimeout   = 5 * time.Second
	requestTimeout  = 10 * time.Second // for reading a request
	answerTimeout   = 30 * time.Second // for a page; streams set their own
	idleTimeout     = time.Minute
	stopTimeout     = 3 * time.Second
	mostHeaderBytes = 16 << 10
)

// Serve answers the requests of a listener until ctx ends; then it ends the streams, lets pages that are being sent end, and
// closes everything. With a TLS configuration it speaks https. It returns nil if ctx ended it. It closes the listener.
func Serve(ctx context.Context, listener net.Listener, handler http.Handler, secure *tls.Config) error {
	streams, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	server := &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       requestTimeout,
		WriteTimeout:      answerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    mostHeaderBytes,
		TLSConfig:         secure,
		ErrorLog:          log.New(io.Discard, "", 0), // strangers that speak no HTTP are no news
		BaseContext:       func(net.Listener) context.Context { return streams },
	}
	served := make(chan error, 1)
	go func() {
		l := &limited{Listener: listener, slots: make(chan struct{}, mostConnections), closed: make(chan struct{})}
		if secure != nil {
			served <- server.ServeTLS(l, "", "")
		} else {
			served <- server.Serve(l)
		}
	}()
	select {
	case err := <-served:
		return err
	case <-ctx.Done():
	}
	stop()
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	if server.Shutdown(late) != nil {
		_ = server.Close()
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// limited is a listener with a limit on open connections: others wait in the system's queue.
type limited struct {
	net.Listener
	slots  chan struct{}
	once   sync.Once
	closed chan struct{}
}

// Accept implements [net.Listener].
func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &counted{Conn: c, free: sync.OnceFunc(func() { <-l.slots })}, nil
}

// Close implements [net.Listener].
func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

// counted is a connection that gives its slot back.
type counted struct {
	net.Conn
	free func()
}

// Close implements [net.Conn].
func (c *counted) Close() error {
	defer c.free()
	return c.Conn.Close()
}
