package live

import (
	"net"
	"strings"
)

// Desk is where the page can be opened: in a browser here, or, of a person who is logged in from elsewhere, through a
// tunnel.
type Desk struct {
	Open   []string // the command that opens an address, its last argument to come; nil where there is no desktop
	Tunnel string   // what to type at the other end; "" for nobody there
}

// DeskOf tells from the system and its environment. port is the server's. Over ssh no browser is opened, though a
// display may be forwarded: it would be one at this end, and slow.
func DeskOf(goos, port string, env func(string) string) Desk {
	if c := strings.Fields(env("SSH_CONNECTION")); len(c) > 0 {
		host := "THIS-MACHINE"
		if len(c) == 4 && net.ParseIP(c[2]) != nil { // the address that this machine was reached by
			host = c[2]
		}
		if user := env("USER"); user != "" {
			host = user + "@" + host
		}
		return Desk{Tunnel: "ssh -L " + port + ":127.0.0.1:" + port + " " + host}
	}
	switch {
	case goos == "darwin":
		return Desk{Open: []string{"open"}}
	case goos == "windows":
		return Desk{Open: []string{"rundll32", "url.dll,FileProtocolHandler"}}
	case env("DISPLAY") != "" || env("WAYLAND_DISPLAY") != "":
		return Desk{Open: []string{"xdg-open"}}
	}
	return Desk{}
}
