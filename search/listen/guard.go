package listen

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Login is the path that a login page posts its form to, with the fields "token" and "to", the address of the page to open then.
const Login = "/login"

// Guard wraps a handler. Requests need the token, if there is one: as "Authorization: Bearer TOKEN", or from browsers as the cookie
// that opening any page with ?token=TOKEN sets, or the form of a login page, which Refuse may show (see [Login]). Without a token, the Host header must name this machine, so that no web page
// gets in by a name that it points here. Requests from pages of other origins that could change something are refused. Answers have
// headers that keep browsers from guessing types, from frames and from sending the address on; a page sets its own
// Content-Security-Policy in place of the one that allows nothing.
func (o Options) Guard(h http.Handler) http.Handler {
	refuse := o.Refuse
	if refuse == nil {
		refuse = func(w http.ResponseWriter, _ *http.Request, status int, text string) { http.Error(w, text, status) }
	}
	origins := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("X-Content-Type-Options", "nosniff")
		header.Set("X-Frame-Options", "DENY")
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		header.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
		if o.Token == "" && !loopback(hostOf(r.Host)) {
			refuse(w, r, http.StatusForbidden, "the server answers only to names of this machine, such as localhost, not to "+strings.ToValidUTF8(r.Host, "?"))
			return
		}
		if err := origins.Check(r); err != nil {
			refuse(w, r, http.StatusForbidden, "the request comes from a page of another origin")
			return
		}
		if o.Token != "" && !slices.Contains(o.Public, r.URL.Path) {
			if o.login(w, r) || o.loginForm(w, r) {
				return
			}
			if !o.admits(r) {
				header.Set("WWW-Authenticate", `Bearer realm="mixmas"`)
				refuse(w, r, http.StatusUnauthorized, "the server needs its token: send it as Authorization: Bearer TOKEN, or open the page with ?token=TOKEN")
				return
			}
		}
		h.ServeHTTP(w, r)
	})
}

// hostOf is a Host header without its port.
func hostOf(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}

// admits reports whether a request has the token.
func (o Options) admits(r *http.Request) bool {
	if scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "Bearer") {
		return same(strings.TrimSpace(token), o.Token)
	}
	name, value := o.cookie()
	cookie, err := r.Cookie(name)
	return err == nil && same(cookie.Value, value)
}

// login takes the token from the address of a page, sets the cookie, and sends the browser to the address without it.
func (o Options) login(w http.ResponseWriter, r *http.Request) bool {
	query := r.URL.Query()
	if !query.Has("token") || (r.Method != http.MethodGet && r.Method != http.MethodHead) || !same(query.Get("token"), o.Token) {
		return false
	}
	query.Del("token")
	o.letIn(w, r, r.URL.Path, query)
	return true
}

// loginForm is login by a form.
func (o Options) loginForm(w http.ResponseWriter, r *http.Request) bool {
	if r.Method != http.MethodPost || r.URL.Path != Login {
		return false
	}
	r.Body = http.MaxBytesReader(w, r.Body, 1<<14)
	if !same(r.PostFormValue("token"), o.Token) {
		return false
	}
	to, err := url.Parse(r.PostForm.Get("to"))
	if err != nil || to.Path == Login {
		to = &url.URL{}
	}
	o.letIn(w, r, to.Path, to.Query())
	return true
}

// letIn sets the cookie and sends the browser to a page.
func (o Options) letIn(w http.ResponseWriter, r *http.Request, path string, query url.Values) {
	to := url.URL{Path: "/" + strings.TrimLeft(path, `/\`), RawQuery: query.Encode()} // never another host
	name, value := o.cookie()
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", HttpOnly: true, Secure: r.TLS != nil, SameSite: http.SameSiteStrictMode})
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, to.String(), http.StatusSeeOther)
}

// cookie is the cookie that stands for the token. Servers on other ports of a machine, which share its cookies, have another name.
func (o Options) cookie() (name, value string) {
	sum := sha256.Sum256([]byte("mixmas cookie\n" + o.Token))
	text := hex.EncodeToString(sum[:])
	return "mixmas-" + text[:8], text[8:]
}

// same compares secrets in a time that does not depend on them.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}
