package ui

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

const fromBrowser = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"

func logIn(h http.Handler, values url.Values, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/login", strings.NewReader(values.Encode()))
	return send(h, r, append(headers, "Content-Type", "application/x-www-form-urlencoded")...)
}

func TestToken(t *testing.T) {
	h := newServer(nil, Options{Token: token}).handler()
	const inside = http.StatusNotFound // the page does not exist, but who asks may know
	if w := ask(h, "GET", "/none?a=b", "Accept", fromBrowser); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/login?to=%2Fnone%3Fa%3Db" {
		t.Errorf("a browser: %d to %q", w.Code, w.Header().Get("Location"))
	}
	for _, header := range []string{"", "Bearer", "Bearer ", "Bearer wrong", "Bearer " + token + "x", "Bearer " + token[1:], "Basic " + token, token} {
		w := ask(h, "GET", "/none", "Authorization", header)
		if w.Code != http.StatusUnauthorized || w.Header().Get("WWW-Authenticate") == "" || strings.Contains(w.Body.String(), token) {
			t.Errorf("%q: %d", header, w.Code)
		}
	}
	for _, header := range []string{"Bearer " + token, "bearer " + token} {
		if w := ask(h, "GET", "/none", "Authorization", header); w.Code != inside {
			t.Errorf("%q: %d", header, w.Code)
		}
	}
	if w := ask(h, "GET", "/login"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), `type="password"`) {
		t.Errorf("login page: %d %s", w.Code, w.Body)
	}
	wrong := logIn(h, url.Values{"token": {"wrong"}})
	if wrong.Code != http.StatusUnauthorized || len(wrong.Result().Cookies()) > 0 || !strings.Contains(wrong.Body.String(), "not the token") {
		t.Errorf("wrong token: %d", wrong.Code)
	}
	if w := logIn(h, url.Values{"token": {token}}, "Origin", "http://evil.example"); w.Code != http.StatusForbidden {
		t.Errorf("another site's form: %d", w.Code)
	}
	if w := logIn(h, url.Values{"token": {strings.Repeat("x", 5<<10)}}); w.Code != http.StatusBadRequest {
		t.Errorf("a long form: %d", w.Code)
	}
	right := logIn(h, url.Values{"token": {token}, "to": {"/none"}})
	if right.Code != http.StatusSeeOther || right.Header().Get("Location") != "/none" {
		t.Fatalf("right token: %d to %q", right.Code, right.Header().Get("Location"))
	}
	cookie := right.Result().Cookies()[0]
	if !cookie.HttpOnly || cookie.SameSite == http.SameSiteNoneMode || cookie.SameSite == 0 || strings.Contains(cookie.Value, token) {
		t.Errorf("cookie %v", cookie)
	}
	if w := ask(h, "GET", "/none", "Cookie", cookie.Name+"="+cookie.Value); w.Code != inside {
		t.Errorf("with the cookie: %d", w.Code)
	}
	if w := ask(h, "GET", "/login?to=/none", "Cookie", cookie.Name+"="+cookie.Value); w.Code != http.StatusSeeOther {
		t.Errorf("the login page when logged in: %d", w.Code)
	}
	for _, value := range []string{"", token, cookie.Value[1:], strings.Repeat("0", 64)} {
		if w := ask(h, "GET", "/none", "Cookie", cookie.Name+"="+value); w.Code != http.StatusUnauthorized {
			t.Errorf("cookie %q: %d", value, w.Code)
		}
	}
	other := newServer(nil, Options{Token: token + "!"})
	if other.key.name == cookie.Name || other.key.cookie == cookie.Value {
		t.Error("two tokens share a cookie")
	}
	if out := ask(h, "POST", "/logout", "Cookie", cookie.Name+"="+cookie.Value).Result().Cookies(); len(out) != 1 || out[0].MaxAge >= 0 {
		t.Errorf("logged out: %v", out)
	}
}

// After the login only pages of this server follow.
func TestLocal(t *testing.T) {
	for to, want := range map[string]string{
		"/runs/1?a=%2F": "/runs/1?a=%2F", "": "/", "runs": "/", "//evil.example": "/", "/\\evil.example": "/", "https://evil.example/": "/",
		"javascript:alert(1)": "/", "/%5Cevil": "/%5Cevil", "/login?to=/": "/", "/\n/evil.example": "/", "/%2F/evil.example": "/", "http:evil": "/",
	} {
		if got := local(to); got != want {
			t.Errorf("%q: %q, want %q", to, got, want)
		}
	}
}
