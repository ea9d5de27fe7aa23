package live

import (
	"crypto/rand"
	"crypto/subtle"
	"mime"
	"net"
	"net/http"
	"strings"
	"sync"
)

// maxBody is how much of a request's body may be sent, in bytes. What a training is to be takes a small part of it.
const maxBody = 1 << 20

// policy is the content security policy of every answer: the page's own files and nothing else, in nobody's frame.
const policy = "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'"

// guard lets through to next what the page itself asks for, and nothing else. See the package comment.
type guard struct {
	next  http.Handler
	names []string // that the server may be called by
	own   bool     // and by the address that a request has come to
	name  string   // of the cookie
	fresh func(token string)

	lasting *guesses // bounds the guesses at a token that is good for ever; nil for one that is good once

	secret string // the cookie's value

	mu    sync.Mutex
	token string // that the next browser comes in with
}

// newGuard guards a handler that may be called by some names, and by those that are allowed beside. The cookie is named
// after the port, because browsers keep one jar for all ports of a host.
// fresh is told the token that takes the place of one that is spent; nil is nobody.
func newGuard(next http.Handler, port string, names, allow []string, fresh func(token string)) *guard {
	return &guard{
		next: http.NewCrossOriginProtection().Handler(next), names: append(names, allow...),
		name: "neuroloupe-" + port, fresh: fresh, secret: rand.Text(), token: rand.Text(),
	}
}

// Token is what the next browser comes in with.
func (g *guard) Token() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.token
}

// ServeHTTP refuses a request, or passes it on.
func (g *guard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if status, why := g.refuse(r); status != 0 {
		http.Error(w, why, status)
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	if token := r.URL.Query().Get("token"); token != "" && !g.known(r) {
		if status, why := g.enter(r, token); status != 0 {
			http.Error(w, why, status)
			return
		}
		http.SetCookie(w, &http.Cookie{
			Name: g.name, Value: g.secret, Path: "/", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		})
	} else if !g.known(r) {
		http.Error(w, g.closed(), http.StatusForbidden)
		return
	}
	g.next.ServeHTTP(w, r)
}

// refuse says why a request is not even asked who sends it; 0 for one that is.
func (g *guard) refuse(r *http.Request) (status int, why string) {
	switch {
	case !g.here(r):
		return http.StatusForbidden, "This server does not answer to the name " + printable(r.Host) + ". If that " +
			"name is meant for it, start it with --allow-host " + printable(hostName(r.Host)) + "."
	case r.URL.Host != "" || !strings.HasPrefix(r.RequestURI, "/"):
		return http.StatusBadRequest, "The request must name a path, not a whole address: this is no proxy."
	case r.Method == http.MethodPost && (r.URL.Path == lessonsPath || strings.HasPrefix(r.URL.Path, lessonsPath+"/")):
		if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
			return http.StatusUnsupportedMediaType, "What is sent must be application/json, which no form of " +
				"another site is."
		}
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return http.StatusMethodNotAllowed, "Only GET and HEAD are answered here: only a training can be " +
			"changed, by POST."
	}
	switch {
	case r.ContentLength > maxBody:
		return http.StatusRequestEntityTooLarge, "The request is too large."
	case r.URL.Query().Has("token") && r.URL.Path != "/":
		return http.StatusForbidden, "Only the address of the page itself has a token."
	case g.foreign(r):
		return http.StatusForbidden, "The request comes from a page of another site."
	}
	return 0, ""
}

// foreign reports whether the browser says that a page of another site, or of another port, sends the request. The page
// itself may be opened from anywhere, in a tab of its own. A server that others may reach can stand behind one that
// speaks TLS for it, and then is of an origin with https.
func (g *guard) foreign(r *http.Request) bool {
	if o := r.Header.Get("Origin"); o != "" && o != "http://"+r.Host && (g.lasting == nil || o != "https://"+r.Host) {
		return true
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "same-origin", "none":
		return false
	}
	return r.URL.Path != "/" || r.Header.Get("Sec-Fetch-Mode") != "navigate" ||
		r.Header.Get("Sec-Fetch-Dest") != "document"
}

// here reports whether a request's Host header names this machine.
func (g *guard) here(r *http.Request) bool {
	name := strings.ToLower(hostName(r.Host))
	for _, ok := range g.names {
		if name == strings.ToLower(hostName(ok)) {
			return name != ""
		}
	}
	return g.own && arrivedAt(r, name)
}

// hostName is a Host header without its port and brackets.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		return host[1 : len(host)-1]
	}
	return host
}

// printable is a name from a request, as far as it can stand in an answer.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	return s[:min(len(s), 100)]
}

// known reports whether a request has the cookie.
func (g *guard) known(r *http.Request) bool {
	for _, c := range r.CookiesNamed(g.name) {
		if subtle.ConstantTimeCompare([]byte(c.Value), []byte(g.secret)) == 1 {
			return true
		}
	}
	return false
}

// enter takes a token in exchange for the cookie; one that is good once is spent by that. status is not 0 for one that
// is refused.
func (g *guard) enter(r *http.Request, token string) (status int, why string) {
	if g.lasting != nil {
		back, ok := g.lasting.take(r.RemoteAddr)
		switch {
		case !ok:
			return http.StatusTooManyRequests, "Too many wrong tokens have come from your address. Wait a minute."
		case !sameToken(token, g.token):
			return http.StatusForbidden, "That is not the token of this server. " + g.closed()
		}
		back()
		return 0, ""
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !sameToken(token, g.token) {
		return http.StatusForbidden, "This address has been used, or is not one of this server. Open the one that " +
			"neuroloupe serve printed last."
	}
	g.token = rand.Text()
	if g.fresh != nil {
		g.fresh(g.token)
	}
	return 0, ""
}

// closed says to who has no cookie how to get one.
func (g *guard) closed() string {
	if g.lasting != nil {
		return "Add /?token=TOKEN to the address of this server, TOKEN being what stands in the file that it was " +
			"started with: that lets this browser in."
	}
	return "Open the address that neuroloupe serve printed last: it lets this browser in. If it did before, load " +
		"this page again."
}
