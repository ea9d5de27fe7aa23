package live

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/strokes"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/mnist"
)

// heard is a Talk that keeps the last line.
type heard struct {
	talk.Silent
	lines chan string
}

func (h heard) Say(format string, args ...any) { h.lines <- fmt.Sprintf(format, args...) }

// testRun trains a small network on strokes and returns its folder.
func testRun(t *testing.T) string {
	t.Helper()
	return trained(t, "120-6-5-4")
}

// trained trains a network of these sizes.
func trained(t *testing.T, net string) string {
	t.Helper()
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if err := strokes.Write(data, 600); err != nil {
		t.Fatal(err)
	}
	recipe, err := runs.Preset("clear")
	if err != nil {
		t.Fatal(err)
	}
	recipe.Net, recipe.Split, recipe.Epochs = net, "500/100", 2
	run := filepath.Join(dir, "run")
	set, err := mnist.Load(t.Context(), data, mnist.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := job.Order{
		Recipe: recipe, Data: set, Name: data, Out: run, Device: job.Device{Want: "cpu", Workers: 1}, Version: "test",
	}
	if err := job.Ready(t.Context(), o, job.Events{}, talk.Silent{}); err != nil {
		t.Fatal(err)
	}
	return run
}

// served is a server of runs and how to reach it.
type served struct {
	t      *testing.T
	s      *Server
	says   chan string
	cookie string
	end    func() error
}

// serve serves runs until the test ends, and comes in with the token.
func serve(t *testing.T, o Options) *served {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	h := heard{lines: make(chan string, 100)}
	o.Talk = h
	s, err := Open(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(ctx) }()
	x := &served{t: t, s: s, says: h.lines}
	x.end = sync.OnceValue(func() error { stop(); return <-ended })
	t.Cleanup(func() {
		if err := x.end(); err != nil {
			t.Error(err)
		}
	})
	got := x.raw("GET /?token=" + url.QueryEscape(s.guard.Token()) + " HTTP/1.1\r\nHost: localhost\r\n\r\n")
	c := got.Cookies()
	if len(c) != 1 || !c[0].HttpOnly || c[0].SameSite != http.SameSiteStrictMode {
		t.Fatalf("the token is exchanged for the cookies %v", c)
	}
	x.cookie = c[0].Name + "=" + c[0].Value
	return x
}

// raw sends the bytes of a request and returns the answer, whose body is read.
func (x *served) raw(request string) *http.Response {
	x.t.Helper()
	c, err := net.Dial("tcp", "127.0.0.1:"+x.s.Port())
	if err != nil {
		x.t.Fatal(err)
	}
	defer c.Close()
	if _, err := io.WriteString(c, request); err != nil {
		x.t.Fatal(err)
	}
	r, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		x.t.Fatalf("%q: %v", request[:min(len(request), 80)], err)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, 8<<20))
	if err != nil {
		x.t.Fatal(err)
	}
	r.Body.Close()
	r.Body = io.NopCloser(bytes.NewReader(body))
	return r
}

// get asks for a path as the page does.
func (x *served) get(path string) (status int, body []byte) {
	x.t.Helper()
	r := x.raw("GET " + path + " HTTP/1.1\r\nHost: localhost:" + x.s.Port() + "\r\nCookie: " + x.cookie + "\r\n\r\n")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		x.t.Fatal(err)
	}
	return r.StatusCode, body
}

// listing is all files below a folder with their contents.
func listing(t *testing.T, dir string) string {
	t.Helper()
	var all strings.Builder
	if err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		fmt.Fprintf(&all, "%s %x\n", path, text)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return all.String()
}

// Every hostile request is refused, says nothing of the runs, and changes nothing.
func TestHostileRequests(t *testing.T) {
	run := testRun(t)
	x := serve(t, Options{Runs: []string{run}, Allow: []string{"my.machine"}})
	before := listing(t, run)
	spent := x.s.guard.Token() // good until it is used below
	const at = "GET /api/runs HTTP/1.1\r\n"
	cookie := "Cookie: " + x.cookie + "\r\n"
	host := "Host: localhost:" + x.s.Port() + "\r\n"
	good := host + cookie
	const foreign = "Sec-Fetch-Site: cross-site\r\n"
	const broken = "GET /api/runs/0/broken?"
	const page = "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n"
	framed := strings.Replace(page, "document", "iframe", 1)
	byPath, many := strings.ReplaceAll(run, "/", "%2f"), strings.Repeat(",0", 100)
	for name, test := range map[string]struct {
		request string
		status  int
	}{
		"foreign host":              {at + "Host: evil.example\r\n" + cookie, 403},
		"foreign host with port":    {at + "Host: evil.example:" + x.s.Port() + "\r\n" + cookie, 403},
		"rebound subdomain":         {at + "Host: localhost.evil.example\r\n" + cookie, 403},
		"host with a dot":           {at + "Host: localhost.\r\n" + cookie, 403},
		"host of the net":           {at + "Host: 0.0.0.0\r\n" + cookie, 403},
		"another loopback":          {at + "Host: 127.0.0.2\r\n" + cookie, 403},
		"address as a number":       {at + "Host: 2130706433\r\n" + cookie, 403},
		"mapped address":            {at + "Host: [::ffff:127.0.0.1]\r\n" + cookie, 403},
		"user in the host":          {at + "Host: localhost@evil.example\r\n" + cookie, 400},
		"empty host":                {at + "Host: \r\n" + cookie, 403},
		"no host":                   {at + cookie, 400},
		"two hosts":                 {at + host + "Host: evil.example\r\n" + cookie, 400},
		"no host in HTTP/1.0":       {"GET /api/runs HTTP/1.0\r\n" + cookie, 403},
		"absolute target, foreign":  {"GET http://evil.example/api/runs HTTP/1.1\r\n" + good, 403},
		"absolute target, ours":     {"GET http://localhost/api/runs HTTP/1.1\r\nHost: evil.example\r\n" + cookie, 400},
		"authority target":          {"CONNECT localhost:80 HTTP/1.1\r\n" + good, 400},
		"no cookie":                 {at + host, 403},
		"wrong cookie":              {at + host + strings.Replace(cookie, "=", "=A", 1), 403},
		"empty cookie":              {at + host + "Cookie: neuroloupe-" + x.s.Port() + "=\r\n", 403},
		"cookie of another port":    {at + host + strings.Replace(cookie, x.s.Port(), "1", 1), 403},
		"page without a token":      {"GET / HTTP/1.1\r\n" + host, 403},
		"asset without a cookie":    {"GET /assets/main.js HTTP/1.1\r\n" + host, 403},
		"wrong token":               {"GET /?token=AAAAAAAAAAAAAAAAAAAAAAAAAA HTTP/1.1\r\n" + host, 403},
		"token for the data":        {"GET /api/runs?token=" + spent + " HTTP/1.1\r\n" + host, 403},
		"token by another name":     {"GET /?token=" + spent + " HTTP/1.1\r\nHost: evil.example\r\n", 403},
		"cross-site read":           {at + good + foreign, 403},
		"read from another port":    {at + good + "Sec-Fetch-Site: same-site\r\n", 403},
		"foreign origin":            {at + good + "Origin: http://evil.example\r\n", 403},
		"null origin":               {at + good + "Origin: null\r\n", 403},
		"origin of another port":    {at + good + "Origin: http://localhost:1\r\n", 403},
		"framed":                    {"GET / HTTP/1.1\r\n" + good + foreign + framed, 403},
		"data as a page":            {at + good + foreign + page, 403},
		"post, cross-site":          {"POST /api/runs HTTP/1.1\r\n" + good + foreign + "Content-Length: 0\r\n", 405},
		"post, no origin":           {"POST /api/runs HTTP/1.1\r\n" + good + "Content-Length: 0\r\n", 405},
		"delete":                    {"DELETE /api/runs/0 HTTP/1.1\r\n" + good, 405},
		"preflight":                 {"OPTIONS /api/runs HTTP/1.1\r\n" + good + foreign, 405},
		"large body":                {at + good + "Content-Length: 99999999\r\n", 413},
		"large header":              {at + good + "X: " + strings.Repeat("x", 64<<10) + "\r\n", 431},
		"traversal":                 {"GET /assets/../server.go HTTP/1.1\r\n" + good, 307},
		"traversal, escaped":        {"GET /assets/..%2fserver.go HTTP/1.1\r\n" + good, 404},
		"traversal, escaped dots":   {"GET /assets/%2e%2e%2fguard.go HTTP/1.1\r\n" + good, 404},
		"traversal, backslash":      {"GET /assets/..%5cserver.go HTTP/1.1\r\n" + good, 404},
		"a run by its path":         {"GET /api/runs/" + byPath + " HTTP/1.1\r\n" + good, 404},
		"a run that is not there":   {"GET /api/runs/1 HTTP/1.1\r\n" + good, 404},
		"a run below the first":     {"GET /api/runs/-1/weights HTTP/1.1\r\n" + good, 404},
		"a layer that is not there": {"GET /api/runs/0/neurons/99999999999999999999/0 HTTP/1.1\r\n" + good, 404},
		"a neuron beyond":           {"GET /api/runs/0/neurons/1/6 HTTP/1.1\r\n" + good, 404},
		"an image beyond":           {"GET /api/runs/0/tests/0,999999 HTTP/1.1\r\n" + good, 404},
		"a frame beyond":            {"GET /api/runs/0/frames/99 HTTP/1.1\r\n" + good, 404},
		"a frame's name":            {"GET /api/runs/0/seen/1?frame=..%2f0 HTTP/1.1\r\n" + good, 404},
		"seen of a frame beyond":    {"GET /api/runs/0/seen/1?frame=99 HTTP/1.1\r\n" + good, 404},
		"an output off":             {broken + "off=3.0 HTTP/1.1\r\n" + good, 404},
		"a layer off":               {broken + "off=9999999999.0 HTTP/1.1\r\n" + good, 404},
		"a neuron off beyond":       {broken + "off=1.6 HTTP/1.1\r\n" + good, 404},
		"a neuron off below":        {broken + "off=1.-1 HTTP/1.1\r\n" + good, 404},
		"too many off":              {broken + "off=1.0" + strings.Repeat(",1.0", 512) + " HTTP/1.1\r\n" + good, 404},
		"endless noise":             {broken + "noise=Inf HTTP/1.1\r\n" + good, 404},
		"noise of no number":        {broken + "noise=NaN HTTP/1.1\r\n" + good, 404},
		"too much noise":            {broken + "noise=1e300 HTTP/1.1\r\n" + good, 404},
		"a seed beyond":             {broken + "seed=4294967296 HTTP/1.1\r\n" + good, 404},
		"breaking by post":          {"POST /api/runs/0/broken HTTP/1.1\r\n" + good + "Content-Length: 0\r\n", 405},
		"too many images":           {"GET /api/runs/0/tests/0" + many + " HTTP/1.1\r\n" + good, 404},
	} {
		t.Run(name, func(t *testing.T) {
			x := *x
			x.t = t
			r := x.raw(test.request + "\r\n")
			if r.StatusCode != test.status {
				t.Errorf("status %d, want %d", r.StatusCode, test.status)
			}
			body, _ := io.ReadAll(r.Body) // it is in memory
			if text := string(body); strings.Contains(text, "120-6-5-4") || strings.Contains(text, "package live") ||
				strings.Contains(text, x.cookie) {
				t.Errorf("it answers %q", text)
			}
			for _, h := range []string{"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials"} {
				if v := r.Header.Get(h); v != "" {
					t.Errorf("%s: %s", h, v)
				}
			}
			if len(r.Cookies()) > 0 {
				t.Errorf("it gives the cookie %v", r.Cookies())
			}
		})
	}
	if listing(t, run) != before {
		t.Error("the run folder has changed")
	}
	if len(x.says) != 1 {
		t.Errorf("%d addresses were told after the first, want that of one browser", len(x.says))
	}
}

// What the page asks for is answered, by every name of this machine; a token is good once.
func TestGuardLetsThePageIn(t *testing.T) {
	x := serve(t, Options{Runs: []string{testRun(t)}, Allow: []string{"My.Machine"}})
	cookie := "Cookie: " + x.cookie + "\r\n"
	for _, host := range []string{
		"localhost", "LOCALHOST:1234", "127.0.0.1:" + x.s.Port(), "[::1]", "[::1]:80", "my.machine:8080",
	} {
		r := x.raw("GET /api/runs HTTP/1.1\r\nHost: " + host + "\r\n" + cookie + "Sec-Fetch-Site: same-origin\r\n\r\n")
		if r.StatusCode != 200 {
			t.Errorf("as %s: status %d", host, r.StatusCode)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Content-Type": "application/json",
		} {
			if got := r.Header.Get(name); got != want {
				t.Errorf("%s: %q, want %q", name, got, want)
			}
		}
		if p := r.Header.Get("Content-Security-Policy"); !strings.Contains(p, "default-src 'self'") ||
			!strings.Contains(p, "frame-ancestors 'none'") || strings.Contains(p, "unsafe") {
			t.Errorf("policy %q", p)
		}
	}
	// A link on another site may open the page, in a tab of its own, where the browser has the cookie.
	r := x.raw("GET / HTTP/1.1\r\nHost: localhost\r\n" + cookie +
		"Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\nSec-Fetch-Dest: document\r\n\r\n")
	if r.StatusCode != 200 {
		t.Errorf("by a link: status %d", r.StatusCode)
	}
	// The second browser comes in by the address that is told when the first has come, which then is spent.
	token := x.s.guard.Token()
	if line := <-x.says; !strings.HasSuffix(line, "/?token="+token) {
		t.Errorf("said %q, and the token is %s", line, token)
	}
	enter := "GET /?token=" + token + " HTTP/1.1\r\nHost: localhost\r\n"
	if r := x.raw(enter + "\r\n"); r.StatusCode != 200 || len(r.Cookies()) != 1 {
		t.Errorf("a second browser: status %d, %d cookies", r.StatusCode, len(r.Cookies()))
	}
	if r := x.raw(enter + "\r\n"); r.StatusCode != 403 || len(r.Cookies()) != 0 {
		t.Errorf("a used token: status %d, %d cookies", r.StatusCode, len(r.Cookies()))
	}
	if r := x.raw(enter + cookie + "\r\n"); r.StatusCode != 200 {
		t.Errorf("a used token of a browser that is in: status %d", r.StatusCode)
	}
	// It listens on this machine's own addresses alone, and after its end on none.
	for _, l := range x.s.listeners {
		if a := l.Addr().(*net.TCPAddr); !a.IP.IsLoopback() {
			t.Errorf("it listens on %v", a)
		}
	}
	if err := x.end(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	if c, err := net.Dial("tcp", "127.0.0.1:"+x.s.Port()); err == nil {
		c.Close()
		t.Error("it listens after its end")
	}
}
