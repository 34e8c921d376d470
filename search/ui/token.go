package ui

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
	"net/url"
	"strings"
)

// key is the token, and the cookie that stands for it. The cookie does not reveal the token, and its name differs from token to
// token, because browsers share the cookies of all ports of a machine.
type key struct{ token, cookie, name string }

func newKey(token string) key {
	derive := func(what string) string {
		h := hmac.New(sha256.New, []byte(token))
		h.Write([]byte("mixmas ui " + what))
		return hex.EncodeToString(h.Sum(nil))
	}
	return key{token: token, cookie: derive("session"), name: "mixmas-ui-" + derive("name")[:8]}
}

// same compares two secrets in a time that does not depend on where they differ, nor on their lengths.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// admits reports whether a request carries the token, or there is none.
func (k key) admits(r *http.Request) bool {
	if k.token == "" {
		return true
	}
	kind, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(kind, "Bearer") && same(given, k.token) {
		return true
	}
	c, err := r.Cookie(k.name)
	return err == nil && same(c.Value, k.cookie)
}

// admit passes on requests that carry the token. Browsers are shown the login page.
func (s *server) admit(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch {
		case s.key.admits(r):
			next(w, r)
		case r.Header.Get("Authorization") == "" && strings.Contains(r.Header.Get("Accept"), "text/html"):
			http.Redirect(w, r, "/login?"+url.Values{"to": {r.URL.RequestURI()}}.Encode(), http.StatusSeeOther)
		default:
			w.Header().Set("WWW-Authenticate", `Bearer realm="mixmas"`)
			s.fail(w, http.StatusUnauthorized, "This needs the token of the server, as a bearer or by its login page.")
		}
	}
}

// loginView is what the login page shows.
type loginView struct {
	To    string
	Wrong bool
}

func (s *server) showLogin(w http.ResponseWriter, r *http.Request) {
	to := local(r.FormValue("to"))
	if s.key.admits(r) {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return
	}
	s.show(w, http.StatusOK, "login", "Log in", loginView{To: to})
}

func (s *server) login(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 4<<10)
	if err := r.ParseForm(); err != nil {
		s.fail(w, http.StatusBadRequest, "The form cannot be read.")
		return
	}
	to := local(r.PostForm.Get("to"))
	if s.key.token != "" {
		if !same(r.PostForm.Get("token"), s.key.token) {
			s.show(w, http.StatusUnauthorized, "login", "Log in", loginView{To: to, Wrong: true})
			return
		}
		http.SetCookie(w, s.key.newCookie(r, s.key.cookie, 0))
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func (s *server) logout(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, s.key.newCookie(r, "", -1))
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// newCookie returns the cookie, which ends with the browser's session or, with an age below 0, now.
func (k key) newCookie(r *http.Request, value string, age int) *http.Cookie {
	return &http.Cookie{Name: k.name, Value: value, Path: "/", MaxAge: age, HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteLaxMode}
}

// local returns the path and query of a page of this server to go to after the login, whatever a link says.
func local(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || !strings.HasPrefix(u.Path, "/") ||
		strings.HasPrefix(u.Path, "//") || strings.ContainsAny(to, "\\\r\n\t") || strings.HasPrefix(u.Path, "/login") {
		return "/"
	}
	return (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: u.RawQuery}).String()
}
