package ui

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
)

// guard passes on only requests that people or their programs make on purpose: under a name of this server, and not from a page
// of another site.
func (s *server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.secure(w.Header())
		switch {
		case !s.serves(r.Host):
			s.fail(w, http.StatusMisdirectedRequest, "This server does not answer to the name "+shown(r.Host)+
				". Use its address, or start it with --host and the name.")
		case !sameOrigin(r):
			s.fail(w, http.StatusForbidden, "A page of another site made this request.")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// secure sets the headers of every answer. Pages load only what this server gives them, run no script but the one with the
// hash, and may not be framed.
func (s *server) secure(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; script-src "+liveHash+
		"; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "same-origin") // with no-referrer, browsers hide the origin of the login form
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
	h.Set("Cache-Control", "no-store")
}

// serves reports whether the server answers to a Host header. A site that lets its own name point to this machine cannot send
// another name, nor an address.
func (s *server) serves(hostport string) bool {
	host := hostport
	if h, _, err := net.SplitHostPort(hostport); err == nil {
		host = h
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if host == "localhost" {
		return true
	}
	if address, err := netip.ParseAddr(host); err == nil {
		return address.Unmap().IsLoopback() || s.options.Token != ""
	}
	return host != "" && s.options.Token != "" && slices.ContainsFunc(s.options.Hosts, func(name string) bool { return strings.EqualFold(name, host) })
}

// sameOrigin reports whether a request comes from a page of this server, or from no page. A link on another site may lead here:
// following it shows a page to who follows it, and to nobody else.
func sameOrigin(r *http.Request) bool {
	if origin, given := r.Header["Origin"]; given {
		u, err := url.Parse(strings.Join(origin, ","))
		return err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) && u.Scheme == scheme(r)
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return true
	}
	return r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
}

func scheme(r *http.Request) string {
	if r.TLS != nil {
		return "https"
	}
	return "http"
}
