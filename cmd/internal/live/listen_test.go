package live

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"neuroloupe/cmd/internal/talk"
)

const ownToken = "correct horse+battery/staple="

func tokenFile(t *testing.T, text string, mode os.FileMode) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

// A server that other machines reach refuses every hostile request too; a browser with the token comes in, as often as
// it likes, and nobody guesses it.
func TestHostileRequestsFromElsewhere(t *testing.T) {
	run := testRun(t)
	x := serve(t, Options{
		Runs: []string{run}, Listen: "0.0.0.0:0", Token: tokenFile(t, ownToken+"\n", 0o600),
		Allow: []string{"My.Machine"},
	})
	port := x.s.Port()
	if got := x.s.Address(); got != "http://My.Machine:"+port+"/?token=…" {
		t.Errorf("the address is %s", got)
	}
	const at, wrong = "GET /api/runs HTTP/1.1\r\n", "nobody-knows-this-one"
	const escaped = "correct%20horse+battery%2Fstaple%3D"
	cookie := "Cookie: " + x.cookie + "\r\n"
	good := "Host: my.machine:" + port + "\r\n" + cookie
	for _, test := range []struct {
		name, request string
		status        int
	}{
		{"by a name that is allowed", at + good, 200},
		{"by this machine's own name", at + "Host: localhost:80\r\n" + cookie, 200},
		{"behind TLS", at + good + "Origin: https://my.machine:" + port + "\r\n", 200},
		{"without cookie and token", at + "Host: my.machine\r\n", 403},
		{"the page without either", "GET / HTTP/1.1\r\nHost: my.machine\r\n", 403},
		{"the dots of the address", "GET /?token=%E2%80%A6 HTTP/1.1\r\nHost: my.machine\r\n", 403},
		{"empty token", "GET /?token= HTTP/1.1\r\nHost: my.machine\r\n", 403},
		{"part of the token", "GET /?token=correct+horse HTTP/1.1\r\nHost: my.machine\r\n", 403},
		{"token elsewhere", "GET /api/runs?token=" + escaped + " HTTP/1.1\r\nHost: my.machine\r\n", 403},
		{"token as the cookie", at + "Host: my.machine\r\nCookie: neuroloupe-" + port + "=" + escaped + "\r\n", 403},
		{"another name", at + "Host: other.machine\r\n" + cookie, 403},
		{"an address of another machine", at + "Host: 192.0.2.7:" + port + "\r\n" + cookie, 403},
		{"the address that is listened on", at + "Host: 0.0.0.0:" + port + "\r\n" + cookie, 403},
		{"mapped address", at + "Host: [::ffff:127.0.0.1]\r\n" + cookie, 403},
		{"a name below an allowed one", at + "Host: evil.my.machine\r\n" + cookie, 403},
		{"right token, another name", "GET /?token=" + escaped + " HTTP/1.1\r\nHost: other.machine\r\n", 403},
		{"of another site with TLS", at + good + "Origin: https://evil.example\r\n", 403},
		{"of another port with TLS", at + good + "Origin: https://my.machine\r\n", 403},
		{"null origin", at + good + "Origin: null\r\n", 403},
		{"the file with the token", "GET /token HTTP/1.1\r\n" + good, 404},
	} {
		r := x.raw(test.request + "\r\n")
		body, _ := io.ReadAll(r.Body) // it is in memory
		if r.StatusCode != test.status || r.StatusCode != 200 && strings.Contains(string(body), "120-6-5-4") {
			t.Errorf("%s: status %d, want %d: %.200s", test.name, r.StatusCode, test.status, body)
		}
		if strings.Contains(string(body), "horse") || strings.Contains(string(body), wrong) || len(r.Cookies()) > 0 {
			t.Errorf("%s: it tells %q, %v", test.name, body, r.Cookies())
		}
	}
	if runtime.GOOS == "linux" { // where all of 127.0.0.0/8 is this machine
		for host, status := range map[string]int{"127.0.0.2": 200, "127.0.0.3": 403} {
			c, err := net.Dial("tcp", "127.0.0.2:"+port)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(c, "%sHost: %s\r\n%s\r\n", at, host, cookie)
			r, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil || r.StatusCode != status {
				t.Errorf("come to 127.0.0.2 as %s: %v, status %d", host, err, r.StatusCode)
			}
			c.Close()
		}
	}
	// The wrong tokens of the table are used up to here; some more, and not even the right one is looked at, until time
	// has gone by. Who is in already is not kept out.
	now := time.Now()
	x.s.guard.lasting.mu.Lock()
	x.s.guard.lasting.clock = func() time.Time { return now }
	x.s.guard.lasting.mu.Unlock()
	enter := func(token string) int {
		return x.raw("GET /?token=" + token + " HTTP/1.1\r\nHost: my.machine\r\n\r\n").StatusCode
	}
	for i := 0; enter(wrong) == 403; i++ {
		if i > wrongAtOnce {
			t.Fatalf("%d wrong tokens are looked at", i)
		}
	}
	if s := enter(escaped); s != 429 {
		t.Errorf("the right token after too many wrong ones: status %d", s)
	}
	if r := x.raw(at + good + "\r\n"); r.StatusCode != 200 {
		t.Errorf("who is in gets status %d", r.StatusCode)
	}
	x.s.guard.lasting.mu.Lock()
	now = now.Add(wrongEvery + time.Second)
	x.s.guard.lasting.mu.Unlock()
	for i, want := range []int{200, 200, 200} {
		if s := enter(escaped); s != want {
			t.Errorf("the right token, time %d: status %d", i+1, s)
		}
	}
	if a, b := enter(wrong), enter(wrong); a != 403 || b != 429 {
		t.Errorf("two wrong tokens after the time of one: status %d and %d", a, b)
	}
	if len(x.says) > 0 {
		t.Errorf("it says %q", <-x.says)
	}
}

// Addresses are counted apart, of IPv6 by network, and no more of them than there is room for.
func TestGuesses(t *testing.T) {
	g, now := newGuesses(), time.Unix(1e9, 0)
	g.clock = func() time.Time { return now }
	use := func(remote string) (n int) {
		for {
			if _, ok := g.take(remote); !ok {
				return n
			}
			n++
		}
	}
	for _, test := range []struct {
		remote string
		want   int
	}{
		{"192.0.2.1:5", wrongAtOnce},
		{"192.0.2.1:6", 0},
		{"[::ffff:192.0.2.1]:6", 0},
		{"192.0.2.2:5", wrongAtOnce},
		{"[2001:db8::1]:5", wrongAtOnce},
		{"[2001:db8::2]:5", 0},
		{"[2001:db8:0:1::1]:5", wrongAtOnce},
		{"[fe80::1%eth0]:5", wrongAtOnce},
		{"[fe80::1%eth1]:5", 0},
	} {
		if n := use(test.remote); n != test.want {
			t.Errorf("%s may guess %d times, want %d", test.remote, n, test.want)
		}
	}
	for i := range 2 * mostGuesser {
		g.take(fmt.Sprintf("10.0.%d.%d:1", i/256, i%256))
	}
	if len(g.from) != mostGuesser {
		t.Errorf("%d addresses are told apart", len(g.from))
	}
	if n := use("10.9.9.9:1"); n != 0 {
		t.Errorf("one address more may guess %d times", n)
	}
	now = now.Add(wrongAtOnce * wrongEvery)
	if n := use("10.9.9.9:1"); n != wrongAtOnce || len(g.from) != 1 {
		t.Errorf("later it may guess %d times, beside %d", n, len(g.from)-1)
	}
	back, _ := g.take("192.0.2.1:5")
	back()
	if n := use("192.0.2.1:5"); n != wrongAtOnce {
		t.Errorf("after a right token %d guesses are left", n)
	}
}

// Who sends a header slowly is hung up on.
func TestSlowHeader(t *testing.T) {
	x := serve(t, Options{Runs: []string{testRun(t)}, headerTime: 50 * time.Millisecond})
	c, err := net.Dial("tcp", "127.0.0.1:"+x.s.Port())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "GET /api/runs HTTP/1.1\r\nHost: localhost\r\nCookie: %s\r\nX-Slow: ", x.cookie)
	if err := c.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(c); errors.Is(err, os.ErrDeadlineExceeded) || strings.Contains(string(got), " 200 ") {
		t.Errorf("half a header: %v, %q", err, got)
	}
	if s, _ := x.get("/api/runs"); s != 200 {
		t.Errorf("the next is answered with %d", s)
	}
}

// What is wrong with a file for a token is said, with what to do, before anything listens.
func TestTokenFile(t *testing.T) {
	for name, test := range map[string]struct {
		text string
		mode os.FileMode
		want string
	}{
		"short":       {"0123456789abcde\n", 0o600, "15 characters, want 16 or more"},
		"empty":       {"", 0o600, "0 characters"},
		"of others":   {ownToken, 0o604, "chmod 600"},
		"of a group":  {ownToken, 0o640, "chmod 600"},
		"two lines":   {ownToken + "\n" + ownToken, 0o600, "one line of printable text"},
		"no text":     {strings.Repeat("\xff", 20), 0o600, "one line of printable text"},
		"two meaning": {"0123456789abcdef&x", 0o600, "mean something else in an address"},
		"long":        {strings.Repeat("x", mostTokenBytes+1), 0o600, "more than 4096 bytes"},
	} {
		if runtime.GOOS == "windows" && test.want == "chmod 600" {
			continue
		}
		path := tokenFile(t, test.text, test.mode)
		if _, err := Open(t.Context(), Options{Token: path}); err == nil || !strings.Contains(err.Error(), test.want) ||
			!strings.Contains(err.Error(), path) || strings.Contains(err.Error(), "horse") {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if _, err := readToken(t.TempDir()); err == nil || !strings.Contains(err.Error(), "want a file") {
		t.Errorf("a folder: %v", err)
	}
	if got, err := readToken(tokenFile(t, " \t"+ownToken+"\r\n\n", 0o400)); got != ownToken || err != nil {
		t.Errorf("the token is %q, %v", got, err)
	}
}

// Where to listen is read as people write it.
func TestPlaces(t *testing.T) {
	for text, want := range map[string]place{
		"0.0.0.0:8080": {"0.0.0.0", 8080}, "0.0.0.0": {"0.0.0.0", 7}, "::": {"::", 7}, "[::]": {"::", 7},
		"[::1]:7": {"::1", 7}, ":7": {"", 7}, "my.machine": {"my.machine", 7}, "my.machine:7": {"my.machine", 7},
	} {
		port := 7
		if want.port == 8080 {
			port = 0
		}
		if got, err := asPlace(text, port); got != want || err != nil {
			t.Errorf("%q is %v, %v, want %v", text, got, err, want)
		}
	}
	var usage talk.UsageError
	for _, text := range []string{
		"a:b", "a:65536", "a:-1", "1:2:3", "http://a:7", "a b:7", "[::1", "my.machine:8080", "8080:", "a:+7",
	} {
		if got, err := asPlace(text, 7); !errors.As(err, &usage) || !strings.Contains(err.Error(), "--listen") {
			t.Errorf("%q is %v, %v", text, got, err)
		}
	}
	if _, err := Open(t.Context(), Options{Listen: "0.0.0.0"}); !errors.As(err, &usage) ||
		!strings.Contains(err.Error(), "needs --token FILE") || !strings.Contains(err.Error(), "openssl rand") {
		t.Errorf("without a token: %v", err)
	}
	for p, want := range map[place]bool{
		{"0.0.0.0", 1}: true, {"::", 1}: true, {"", 1}: true, {"127.0.0.1", 1}: false, {"localhost", 1}: false,
	} {
		if p.all() != want {
			t.Errorf("%v is all addresses: %v", p, p.all())
		}
	}
	s := &Server{}
	names, err := s.listenAt(place{"127.0.0.1", 0})
	if err != nil || !s.listeners[0].Addr().(*net.TCPAddr).IP.IsLoopback() || names[0] != "127.0.0.1" {
		t.Fatalf("names %v, %v", names, err)
	}
	defer s.listeners[0].Close()
	if _, err := new(Server).listenAt(place{"192.0.2.1", 0}); !errors.As(err, &usage) {
		t.Errorf("an address of nobody: %v", err)
	}
}
