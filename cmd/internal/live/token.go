package live

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"neuroloupe/engine/atomicfile"
)

// Limits of a file with a token.
const (
	shortestToken  = 16
	mostTokenBytes = 4096
)

// howToken is how such a file is made.
const howToken = "make one: (umask 077; openssl rand -hex 16 > FILE)"

// readToken reads the token that a person has put into a file. The file is for its owner alone: where the system says
// otherwise, that is an error, as one is that an address cannot hold.
func readToken(path string) (string, error) {
	fail := func(err error) (string, error) { return "", fmt.Errorf("--token %s: %w", path, err) }
	f, err := atomicfile.Open(path)
	if err != nil {
		return fail(fmt.Errorf("%w; %s", err, howToken))
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fail(err)
	}
	if p := info.Mode().Perm(); runtime.GOOS != "windows" && p&0o077 != 0 { // Windows has no such bits
		return fail(fmt.Errorf("other users can get at it (mode %#o): chmod 600 %s", p, path))
	}
	data, err := io.ReadAll(io.LimitReader(f, mostTokenBytes+1))
	switch text := strings.TrimSpace(string(data)); {
	case err != nil:
		return fail(err)
	case len(data) > mostTokenBytes:
		return fail(fmt.Errorf("more than %d bytes, want a line of text; %s", mostTokenBytes, howToken))
	case !utf8.ValidString(text) || strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }):
		return fail(errors.New("want one line of printable text; " + howToken))
	case strings.ContainsAny(text, "#&%;"):
		return fail(errors.New("it has one of # & % ; in it, which mean something else in an address; " + howToken))
	case utf8.RuneCountInString(text) < shortestToken:
		return fail(fmt.Errorf("%d characters, want %d or more that nobody guesses; %s", utf8.RuneCountInString(text),
			shortestToken, howToken))
	default:
		return text, nil
	}
}

// sameToken compares tokens without telling by the time it takes how much of one is right. A plus in an address may
// mean a space, so the two are one.
func sameToken(a, b string) bool {
	sum := func(s string) [sha256.Size]byte { return sha256.Sum256([]byte(strings.ReplaceAll(s, " ", "+"))) }
	x, y := sum(a), sum(b)
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

// What an address may guess wrong: so many at once, and one more after so long.
const (
	wrongAtOnce = 10
	wrongEvery  = 6 * time.Second
	mostGuesser = 1024 // addresses that are told apart
)

// guesses bounds the rate of wrong tokens. Nobody waits: who has guessed too often is refused, with the right token
// too, until a guess is free again. Addresses are counted apart, so that nobody shuts others out; when there are more
// of them than are told apart, the others count as one.
type guesses struct {
	clock func() time.Time

	mu   sync.Mutex
	from map[netip.Prefix]*allowance
	rest allowance
}

// allowance is what is used of the guesses that may be wrong, as of a time.
type allowance struct {
	used float64
	at   time.Time
}

func newGuesses() *guesses { return &guesses{clock: time.Now, from: map[netip.Prefix]*allowance{}} }

// take counts a guess from an address, a request's RemoteAddr; ok is false when it may not even be made. back takes the
// count back, for a token that is right.
func (g *guesses) take(remote string) (back func(), ok bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	a := g.of(remote)
	if a.settle(g.clock()); a.used > wrongAtOnce-1 {
		return nil, false
	}
	a.used++
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		a.used--
	}, true
}

// of finds the allowance of an address: of IPv6 that of its network of 64 bits, which one guesser has whole.
func (g *guesses) of(remote string) *allowance {
	at, err := netip.ParseAddrPort(remote)
	if err != nil {
		return &g.rest
	}
	bits := 32
	if !at.Addr().Unmap().Is4() {
		bits = 64
	}
	net, err := at.Addr().Unmap().WithZone("").Prefix(bits)
	if err != nil {
		return &g.rest
	}
	if a := g.from[net]; a != nil {
		return a
	}
	if len(g.from) >= mostGuesser {
		now := g.clock()
		for n, a := range g.from {
			if a.settle(now); a.used <= 0 {
				delete(g.from, n)
			}
		}
	}
	if len(g.from) >= mostGuesser {
		return &g.rest
	}
	g.from[net] = &allowance{}
	return g.from[net]
}

// settle gives back what has become free.
func (a *allowance) settle(now time.Time) {
	a.used = max(0, a.used-float64(now.Sub(a.at))/float64(wrongEvery))
	a.at = now
}
