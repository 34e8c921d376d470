package listen

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "correct-horse-battery"

var hello = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })

func TestCheck(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string // in the error; "" for none
	}{
		{Options{Addr: "127.0.0.1:0"}, ""},
		{Options{Addr: "localhost:8080"}, ""},
		{Options{Addr: "[::1]:80"}, ""},
		{Options{Addr: "0.0.0.0:80", Token: token}, ""},
		{Options{Addr: ":80"}, "other machines could connect: set a token"},
		{Options{Addr: "0.0.0.0:80"}, "other machines could connect"},
		{Options{Addr: "example.org:80"}, "other machines could connect"},
		{Options{Addr: "8080"}, "want host:port"},
		{Options{Addr: "localhost:"}, "want host:port"},
		{Options{Addr: ":80", Token: "short"}, "the token has 5 characters, want at least 16"},
		{Options{Addr: ":80", Token: token + "\n"}, "the token has spaces"},
		{Options{Addr: "localhost:80", Key: "key.pem"}, "TLS needs both"},
	} {
		if err := c.o.Check(); c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%+v: error %v, want %q", c.o, err, c.want)
		}
	}
}

func TestGuard(t *testing.T) {
	_, cookie := Options{Token: token}.cookie()
	name, _ := Options{Token: token}.cookie()
	for title, c := range map[string]struct {
		token, method, target, host string
		header                      map[string]string
		status                      int
	}{
		"loopback":                  {target: "/", host: "localhost:80", status: 200},
		"loopback address":          {target: "/", host: "[::1]:80", status: 200},
		"another name":              {target: "/", host: "evil.example:80", status: 403},
		"no token":                  {token: token, target: "/", host: "x", status: 401},
		"token":                     {token: token, target: "/", host: "x", header: map[string]string{"Authorization": "Bearer " + token}, status: 200},
		"token in small letters":    {token: token, target: "/", host: "x", header: map[string]string{"Authorization": "bearer " + token}, status: 200},
		"wrong token":               {token: token, target: "/", host: "x", header: map[string]string{"Authorization": "Bearer nonsense"}, status: 401},
		"wrong token beside cookie": {token: token, target: "/", host: "x", header: map[string]string{"Authorization": "Bearer nonsense", "Cookie": name + "=" + cookie}, status: 401},
		"cookie":                    {token: token, target: "/", host: "x", header: map[string]string{"Cookie": name + "=" + cookie}, status: 200},
		"the token as cookie":       {token: token, target: "/", host: "x", header: map[string]string{"Cookie": name + "=" + token}, status: 401},
		"public":                    {token: token, target: "/healthz", host: "x", status: 200},
		"page with token":           {token: token, target: "/page?a=1&token=" + token, host: "x", status: 303},
		"page with wrong token":     {token: token, target: "/page?token=nonsense", host: "x", status: 401},
		"post with token in query":  {token: token, method: "POST", target: "/page?token=" + token, host: "x", status: 401},
		"other origin":              {method: "POST", target: "/", host: "localhost:80", header: map[string]string{"Origin": "http://evil.example"}, status: 403},
		"no origin":                 {method: "POST", target: "/", host: "localhost:80", header: map[string]string{"Origin": "null"}, status: 403},
		"other site":                {method: "POST", target: "/", host: "localhost:80", header: map[string]string{"Sec-Fetch-Site": "cross-site"}, status: 403},
		"same origin":               {method: "POST", target: "/", host: "localhost:80", header: map[string]string{"Origin": "http://localhost:80"}, status: 200},
		"no browser":                {method: "POST", target: "/", host: "localhost:80", status: 200},
	} {
		t.Run(title, func(t *testing.T) {
			r := httptest.NewRequest(c.method, "http://"+c.host+c.target, nil)
			for key, value := range c.header {
				r.Header.Set(key, value)
			}
			w := httptest.NewRecorder()
			Options{Token: c.token, Public: []string{"/healthz"}}.Guard(hello).ServeHTTP(w, r)
			if w.Code != c.status {
				t.Errorf("status %d, want %d: %s", w.Code, c.status, w.Body)
			}
			if !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") || w.Header().Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("headers %v", w.Header())
			}
			if c.status == 303 && (w.Header().Get("Location") != "/page?a=1" || !strings.Contains(w.Header().Get("Set-Cookie"), "HttpOnly; SameSite=Strict")) {
				t.Errorf("headers %v", w.Header())
			}
		})
	}
}

// The browser stays on this host, whatever the path looks like.
func TestLoginStaysHere(t *testing.T) {
	for _, path := range []string{"//evil.example/", `/\evil.example`, "///evil.example"} {
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path, r.URL.RawQuery = path, "token="+token
		w := httptest.NewRecorder()
		Options{Token: token}.Guard(hello).ServeHTTP(w, r)
		if to := w.Header().Get("Location"); w.Code != 303 || !strings.HasPrefix(to, "/") || strings.HasPrefix(to, "//") || strings.HasPrefix(to, `/\`) {
			t.Errorf("%s: status %d, location %q", path, w.Code, to)
		}
	}
}

// A login form lets in who has the token, and leads to a page of this server whatever it says.
func TestLoginForm(t *testing.T) {
	for _, c := range []struct {
		token, to, origin string
		status            int
		location          string
	}{
		{token, "/runs/1?a=%2F", "", 303, "/runs/1?a=%2F"},
		{token, "", "http://localhost:80", 303, "/"},
		{token, "//evil.example/x", "", 303, "/x"},
		{token, `/\evil.example`, "", 303, "/evil.example"},
		{token, "https://evil.example/x", "", 303, "/x"},
		{token, "javascript:alert(1)", "", 303, "/"},
		{token, "/login", "", 303, "/"},
		{token, "/%zz", "", 303, "/"},
		{token, "/", "http://evil.example", 403, ""},
		{token, "/", "null", 403, ""},
		{"nonsense", "/", "", 401, ""},
		{"", "/", "", 401, ""},
		{strings.Repeat("x", 1<<15), "/", "", 401, ""},
	} {
		r := httptest.NewRequest("POST", "http://localhost:80"+Login, strings.NewReader(url.Values{"token": {c.token}, "to": {c.to}}.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if c.origin != "" {
			r.Header.Set("Origin", c.origin)
		}
		w := httptest.NewRecorder()
		Options{Token: token}.Guard(hello).ServeHTTP(w, r)
		if w.Code != c.status || w.Header().Get("Location") != c.location || (w.Header().Get("Set-Cookie") != "") != (c.status == 303) {
			t.Errorf("%.30q to %q: status %d, headers %v", c.token, c.to, w.Code, w.Header())
		}
	}
}

// serve starts a server and returns its address, and what stops it and returns the error of Serve.
func serve(t *testing.T, o Options, h http.Handler) (url string, stop func() error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	urls, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- Serve(ctx, o, h, func(url string) { urls <- url }) }()
	select {
	case url = <-urls:
	case err := <-ended:
		t.Fatal(err)
	}
	stop = func() error {
		cancel()
		return <-ended
	}
	return url, stop
}

// A request that runs as the server is told to stop gets its answer; later ones find no server.
func TestRunningRequestsFinish(t *testing.T) {
	running, stopping := make(chan struct{}), make(chan struct{})
	h := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(running)
		<-stopping
		_, _ = io.WriteString(w, "done")
	})
	url, stop := serve(t, Options{Addr: "127.0.0.1:0", Stopping: func() { close(stopping) }}, h)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer := make(chan string, 1)
	go func() {
		response, err := client.Get(url)
		if err != nil {
			answer <- err.Error()
			return
		}
		defer response.Body.Close()
		text, _ := io.ReadAll(response.Body)
		answer <- string(text)
	}()
	<-running
	if err := stop(); err != nil {
		t.Error(err)
	}
	if got := <-answer; got != "done" {
		t.Errorf("got %q", got)
	}
	if response, err := client.Get(url); err == nil {
		response.Body.Close()
		t.Error("the server still answers")
	}
}

// A request that does not end is cut off.
func TestHungRequestsAreCutOff(t *testing.T) {
	running := make(chan struct{})
	h := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(running)
		<-r.Context().Done()
	})
	url, stop := serve(t, Options{Addr: "127.0.0.1:0", Grace: time.Millisecond}, h)
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if response, err := client.Get(url); err == nil {
			response.Body.Close()
		}
	}()
	<-running
	if err := stop(); err == nil || !strings.Contains(err.Error(), "they were cut off") {
		t.Errorf("error %v", err)
	}
	<-ended
}

func TestTLS(t *testing.T) {
	folder := t.TempDir()
	o := Options{Addr: "127.0.0.1:0", Certificate: filepath.Join(folder, "cert.pem"), Key: filepath.Join(folder, "key.pem")}
	if err := Serve(t.Context(), o, hello, nil); err == nil || !strings.Contains(err.Error(), "cert.pem") {
		t.Errorf("error %v", err)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for path, block := range map[string]*pem.Block{o.Certificate: {Type: "CERTIFICATE", Bytes: der}, o.Key: {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(path, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(certificate)
	url, stop := serve(t, o, hello)
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}
	response, err := (&http.Client{Transport: transport}).Get(url)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(response.Body)
	response.Body.Close()
	if err != nil || string(text) != "hello" || !strings.HasPrefix(url, "https://") {
		t.Errorf("%s: %q, %v", url, text, err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}

func TestTakenAddress(t *testing.T) {
	url, stop := serve(t, Options{Addr: "127.0.0.1:0"}, hello)
	if err := Serve(t.Context(), Options{Addr: strings.TrimPrefix(url, "http://")}, hello, nil); err == nil || !strings.Contains(err.Error(), "another program listens on it") {
		t.Errorf("error %v", err)
	}
	if err := stop(); err != nil {
		t.Error(err)
	}
}
