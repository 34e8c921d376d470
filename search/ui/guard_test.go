package ui

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"mixmas/search/listen"
)

const token = "a-token-of-sixteen-or-more-characters"

func TestOrigins(t *testing.T) {
	h := pages(t, temporary(t)).handler()
	for _, test := range []struct {
		headers []string
		want    bool
	}{
		{nil, true},
		{[]string{"Origin", "http://127.0.0.1:8080"}, true},
		{[]string{"Origin", "http://127.0.0.1:8081"}, false},
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
		w := ask(h, "GET", "/", test.headers...)
		if got := w.Code == http.StatusOK; got != test.want || !got && w.Code != http.StatusForbidden {
			t.Errorf("%q: %d", test.headers, w.Code)
		}
	}
}

// Nothing can be changed, so no method but those that read is allowed.
func TestMethods(t *testing.T) {
	h := pages(t, temporary(t)).handler()
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND"} {
		for _, target := range []string{"/", stylePath, "/events", "/runs/a", "/runs/a/events", "/compare", "/trials", "/trials/a", "/none"} {
			if w := ask(h, method, target); w.Code != http.StatusMethodNotAllowed || !strings.Contains(w.Header().Get("Allow"), "GET") {
				t.Errorf("%s %s: %d, Allow %q", method, target, w.Code, w.Header().Get("Allow"))
			}
		}
	}
	if w := ask(h, "HEAD", "/"); w.Code != http.StatusOK {
		t.Errorf("HEAD: %d", w.Code)
	}
}

// Every answer has the headers that keep other sites and smuggled content out, errors too.
func TestHeaders(t *testing.T) {
	open := listen.Options{Refuse: Refuse}.Guard(pages(t, temporary(t)).handler())
	guarded := listen.Options{Token: token, Refuse: Refuse}.Guard(pages(t, temporary(t)).handler())
	for _, w := range []*httptest.ResponseRecorder{
		ask(open, "GET", "/"), ask(open, "GET", stylePath), ask(open, "GET", "/none"), ask(open, "POST", "/"), ask(open, "GET", "/", "Host", "evil.example"),
		ask(guarded, "GET", "/"), ask(guarded, "GET", "/", "Accept", "text/html"), ask(guarded, "POST", listen.Login),
	} {
		policy := w.Header().Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'", "script-src 'sha256-"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%d: policy %q lacks %s", w.Code, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") {
			t.Errorf("policy %q", policy)
		}
		for name, want := range map[string]string{"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Cache-Control": "no-", "Referrer-Policy": "same-origin"} {
			if !strings.HasPrefix(w.Header().Get(name), want) {
				t.Errorf("%d: %s is %q", w.Code, name, w.Header().Get(name))
			}
		}
		if w.Header().Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%d: other sites may read it", w.Code)
		}
	}
	if w := ask(open, "GET", "/", "Host", "evil.example<b>"); w.Code != http.StatusForbidden || strings.Contains(w.Body.String(), "example<b>") {
		t.Errorf("another name: %d %s", w.Code, w.Body)
	}
}

// The policy names the one script that pages have, and pages have no other code and no styles of their own.
func TestPolicyNamesTheScript(t *testing.T) {
	w := ask(pages(t, temporary(t)).handler(), "GET", "/")
	found := regexp.MustCompile(`(?s)<script[^>]*>(.*?)</script>`).FindAllStringSubmatch(w.Body.String(), -1)
	if len(found) != 1 {
		t.Fatalf("%d scripts", len(found))
	}
	sum := sha256.Sum256([]byte(found[0][1]))
	if policy, want := w.Header().Get("Content-Security-Policy"), "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'"; !strings.Contains(policy, want) {
		t.Errorf("the policy is %s, the script %s", policy, want)
	}
	if len(live) > 3000 {
		t.Errorf("the script has %d bytes", len(live))
	}
}

// Who has no token sees the login page, programs an error. With the cookie that the form gives, everything opens.
func TestLogin(t *testing.T) {
	const browser = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"
	h := listen.Options{Token: token, Public: []string{stylePath}, Refuse: Refuse}.Guard(pages(t, temporary(t)).handler())
	w := ask(h, "GET", "/?q=a&state=%22", "Accept", browser)
	if w.Code != http.StatusUnauthorized || !strings.Contains(w.Body.String(), `name="token"`) || !strings.Contains(w.Body.String(), `name="to" value="/?q=a&amp;state=%22"`) {
		t.Errorf("a browser: %d %s", w.Code, w.Body)
	}
	if strings.Contains(w.Body.String(), "scores.db") {
		t.Error("the login page names the store")
	}
	for _, target := range []string{"/", "/events", "/runs/a", "/trials/a", "/none"} {
		for _, header := range []string{"", "Bearer wrong", "Bearer " + token + "x", "Basic " + token} {
			w := ask(h, "GET", target, "Authorization", header)
			if w.Code != http.StatusUnauthorized || strings.Contains(w.Body.String(), token) {
				t.Errorf("%s with %q: %d", target, header, w.Code)
			}
		}
	}
	if w := ask(h, "GET", "/", "Authorization", "Bearer "+token); w.Code != http.StatusOK {
		t.Errorf("bearer: %d", w.Code)
	}
	if w := ask(h, "GET", stylePath); w.Code != http.StatusOK {
		t.Errorf("style: %d", w.Code)
	}
	post := func(token string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("POST", "http://127.0.0.1:8080"+listen.Login, strings.NewReader("to=%2Fruns%2F%3Ca%3E&token="+token))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	if w := post("wrong"); w.Code != http.StatusUnauthorized || len(w.Result().Cookies()) > 0 || !strings.Contains(w.Body.String(), "not the token") || !strings.Contains(w.Body.String(), `value="/runs/&lt;a&gt;"`) {
		t.Errorf("wrong token: %d %s", w.Code, w.Body)
	}
	w = post(token)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/runs/%3Ca%3E" {
		t.Fatalf("right token: %d to %q", w.Code, w.Header().Get("Location"))
	}
	cookie := w.Result().Cookies()[0]
	if w := ask(h, "GET", "/", "Cookie", cookie.Name+"="+cookie.Value); w.Code != http.StatusOK {
		t.Errorf("with the cookie: %d", w.Code)
	}
}

// Few pages are made at a time.
func TestPagesWaitTheirTurn(t *testing.T) {
	s := pages(t, temporary(t))
	for range mostBusy {
		s.busy <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, httptest.NewRequestWithContext(ctx, "GET", "/", nil))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("%d", w.Code)
	}
	<-s.busy
	if w := ask(s.handler(), "GET", "/"); w.Code != http.StatusOK {
		t.Errorf("%d", w.Code)
	}
}
