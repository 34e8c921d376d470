package ui

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

const token = "a token of sixteen or more characters"

// ask sends a request to a handler. Headers are pairs of a name and a value; Host is one.
func ask(h http.Handler, method, target string, headers ...string) *httptest.ResponseRecorder {
	return send(h, httptest.NewRequest(method, target, nil), headers...)
}

func send(h http.Handler, r *http.Request, headers ...string) *httptest.ResponseRecorder {
	r.Host = "127.0.0.1:8080"
	for i := 0; i < len(headers); i += 2 {
		if headers[i] == "Host" {
			r.Host = headers[i+1]
		} else {
			r.Header.Add(headers[i], headers[i+1])
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestHosts(t *testing.T) {
	open := newServer(nil, Options{Hosts: []string{"lab.example"}})
	guarded := newServer(nil, Options{Token: token, Hosts: []string{"lab.example"}})
	for host, want := range map[string][2]bool{ // without and with a token
		"localhost":                  {true, true},
		"LOCALHOST.:8080":            {true, true},
		"127.0.0.1:8080":             {true, true},
		"127.0.0.1":                  {true, true},
		"[::1]:8080":                 {true, true},
		"[::1]":                      {true, true},
		"[::ffff:127.0.0.1]:80":      {true, true},
		"192.168.1.2:8080":           {false, true},
		"lab.example:8080":           {false, true},
		"LAB.example":                {false, true},
		"evil.example":               {false, false},
		"127.0.0.1.evil.example":     {false, false},
		"localhost.evil.example:80":  {false, false},
		"evil.example#localhost":     {false, false},
		"lab.example.evil.example":   {false, false},
		"":                           {false, false},
		"<script>alert(1)</script>":  {false, false},
		"2130706433":                 {false, false},
		"0x7f.1":                     {false, false},
		"user:localhost@example.org": {false, false},
	} {
		if got := open.serves(host); got != want[0] {
			t.Errorf("%q without a token: %t", host, got)
		}
		if got := guarded.serves(host); got != want[1] {
			t.Errorf("%q with a token: %t", host, got)
		}
	}
	w := ask(open.handler(), "GET", "/style.css", "Host", "evil.example<b>")
	if w.Code != http.StatusMisdirectedRequest || strings.Contains(w.Body.String(), "example<b>") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}

func TestOrigins(t *testing.T) {
	h := newServer(nil, Options{}).handler()
	for _, test := range []struct {
		headers []string
		want    bool
	}{
		{nil, true},
		{[]string{"Origin", "http://127.0.0.1:8080"}, true},
		{[]string{"Origin", "http://127.0.0.1:8081"}, false},
		{[]string{"Origin", "https://127.0.0.1:8080"}, false},
		{[]string{"Origin", "http://localhost:8080"}, false},
		{[]string{"Origin", "null"}, false},
		{[]string{"Origin", ""}, false},
		{[]string{"Origin", "http://evil.example"}, false},
		{[]string{"Origin", "http://127.0.0.1:8080", "Origin", "http://evil.example"}, false},
		{[]string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors"}, true},
		{[]string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate"}, true},
		{[]string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, false},
		{[]string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors"}, false},
		{[]string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, true},
		{[]string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, false},
	} {
		w := ask(h, "GET", "/style.css", test.headers...)
		if got := w.Code == http.StatusOK; got != test.want || !got && w.Code != http.StatusForbidden {
			t.Errorf("%q: %d", test.headers, w.Code)
		}
	}
	if w := ask(h, "POST", "/login", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"); w.Code != http.StatusForbidden {
		t.Errorf("a form of another site: %d", w.Code)
	}
}

func TestMethods(t *testing.T) {
	h := newServer(nil, Options{}).handler()
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"} {
		for _, target := range []string{"/", "/style.css"} {
			if w := ask(h, method, target); w.Code != http.StatusMethodNotAllowed || !strings.Contains(w.Header().Get("Allow"), "GET") {
				t.Errorf("%s %s: %d, Allow %q", method, target, w.Code, w.Header().Get("Allow"))
			}
		}
	}
}

// Every answer has the headers that keep other sites and smuggled content out, errors too.
func TestHeaders(t *testing.T) {
	h := newServer(nil, Options{Token: token}).handler()
	for _, w := range []*httptest.ResponseRecorder{
		ask(h, "GET", "/login"), ask(h, "GET", "/style.css"), ask(h, "GET", "/none"), ask(h, "POST", "/"), ask(h, "GET", "/", "Host", "evil.example"),
	} {
		policy := w.Header().Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "script-src 'sha256-"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%d: policy %q lacks %s", w.Code, policy, want)
			}
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Cache-Control": "no-", "Referrer-Policy": "same-origin"} {
			if !strings.HasPrefix(w.Header().Get(name), want) {
				t.Errorf("%d: %s is %q", w.Code, name, w.Header().Get(name))
			}
		}
		if w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%d: other sites may read it", w.Code)
		}
	}
}

// The policy names the script that pages have.
func TestPolicyNamesTheScript(t *testing.T) {
	w := httptest.NewRecorder()
	s := newServer(nil, Options{})
	s.write(w, http.StatusOK, "login", page{Live: "/events"}, loginView{})
	found := regexp.MustCompile(`(?s)<script[^>]*>(.*?)</script>`).FindAllStringSubmatch(w.Body.String(), -1)
	if len(found) != 1 {
		t.Fatalf("%d scripts", len(found))
	}
	sum := sha256.Sum256([]byte(found[0][1]))
	if want := "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"; liveHash != want {
		t.Errorf("the policy names %s, the script is %s", liveHash, want)
	}
}
