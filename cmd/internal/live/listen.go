package live

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"syscall"

	"neuroloupe/cmd/internal/talk"
)

// loopback are the names of this machine that no other machine can take.
var loopback = []string{"localhost", "127.0.0.1", "::1"}

// place is where a server that others may reach listens.
type place struct {
	host string // a name or an address; "" for all
	port int    // 0 is any that is free
}

// all reports whether it is every address of this machine.
func (p place) all() bool {
	ip := net.ParseIP(p.host)
	return p.host == "" || ip != nil && ip.IsUnspecified()
}

// asPlace reads --listen: HOST:PORT or HOST, whose port is then that of --port.
func asPlace(listen string, port int) (place, error) {
	ip := listen
	if strings.HasPrefix(ip, "[") && strings.HasSuffix(ip, "]") {
		ip = ip[1 : len(ip)-1]
	}
	if net.ParseIP(ip) != nil {
		return place{ip, port}, nil
	}
	if listen != "" && !strings.ContainsAny(listen, ":/[] ") {
		return place{listen, port}, nil
	}
	host, text, err := net.SplitHostPort(listen)
	n, nerr := strconv.ParseUint(text, 10, 16)
	if err != nil || nerr != nil || strings.ContainsAny(host, "/ ") {
		return place{}, talk.Usage("--listen %q: want HOST:PORT or HOST, as in 0.0.0.0:8080", listen)
	}
	if port != 0 && port != int(n) {
		return place{}, talk.Usage("--listen %s and --port %d name two ports; leave one out", listen, port)
	}
	return place{host, int(n)}, nil
}

// listenAt listens on a place, and returns the names that it may be called by.
func (s *Server) listenAt(p place) (names []string, err error) {
	network := "tcp"
	if ip := net.ParseIP(p.host); ip != nil && ip.To4() != nil {
		network = "tcp4" // else 0.0.0.0 would be that of IPv6 too
	}
	l, err := net.Listen(network, net.JoinHostPort(p.host, strconv.Itoa(p.port)))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, talk.Usage("port %d is taken by another program; --listen %s takes one that is free", p.port,
			net.JoinHostPort(p.host, "0"))
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return nil, talk.Usage("--listen %s is no address of this machine; 0.0.0.0 is all that it has", p.host)
	case err != nil:
		return nil, fmt.Errorf("--listen: %w", err)
	}
	s.listeners = []net.Listener{l}
	at := l.Addr().(*net.TCPAddr)
	s.port = strconv.Itoa(at.Port)
	if p.all() {
		return loopback, nil
	}
	names = []string{p.host, at.IP.String()}
	if at.IP.IsLoopback() {
		names = append(names, loopback...)
	}
	return names, nil
}

// known is a name that a server at a place may be called by, for the address that is printed: one that it was told, or
// an address that others may reach it at.
func (p place) known(allow []string) string {
	switch {
	case !p.all():
		return p.host
	case len(allow) > 0:
		return hostName(allow[0])
	}
	all, _ := net.InterfaceAddrs() // without them it is reached from here
	old := net.ParseIP(p.host).To4() != nil
	for _, a := range all {
		if n, ok := a.(*net.IPNet); ok && n.IP.IsGlobalUnicast() && (n.IP.To4() != nil || !old) {
			return n.IP.String()
		}
	}
	return "127.0.0.1"
}

// arrivedAt reports whether a host is the very address that a request has come to, one of this machine's own: then no
// name was looked up, which somebody else could have pointed here.
func arrivedAt(r *http.Request, host string) bool {
	at, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	if !ok {
		return false
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip == at.AddrPort().Addr().Unmap().WithZone("")
}

// door is how others get in: where the server listens, nil for this machine alone, and by which token, "" for one that
// is made up and good once.
type door struct {
	listen *place
	token  string
}

// door reads the options of who gets in.
func (o *Options) door() (d door, err error) {
	if o.Listen != "" {
		if o.Token == "" {
			return d, talk.Usage("--listen lets other machines in, and then only a secret of yours keeps strangers " +
				"out: it needs --token FILE, a file with one. " + howToken)
		}
		p, err := asPlace(o.Listen, o.Port)
		if err != nil {
			return d, err
		}
		d.listen = &p
	}
	if o.Token != "" {
		d.token, err = readToken(o.Token)
	}
	return d, err
}
