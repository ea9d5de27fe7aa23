package live

import (
	"slices"
	"testing"
)

// A browser is opened on a desktop alone; who is logged in from elsewhere is told the tunnel.
func TestDeskOf(t *testing.T) {
	for name, test := range map[string]struct {
		goos   string
		env    map[string]string
		open   []string
		tunnel string
	}{
		"a server": {goos: "linux"},
		"X":        {goos: "linux", env: map[string]string{"DISPLAY": ":0"}, open: []string{"xdg-open"}},
		"Wayland":  {goos: "freebsd", env: map[string]string{"WAYLAND_DISPLAY": "w-0"}, open: []string{"xdg-open"}},
		"a Mac":    {goos: "darwin", open: []string{"open"}},
		"Windows":  {goos: "windows", open: []string{"rundll32", "url.dll,FileProtocolHandler"}},
		"a Mac by ssh": {
			goos: "darwin", env: map[string]string{"SSH_CONNECTION": "a 1 b 2"},
			tunnel: "ssh -L 80:127.0.0.1:80 THIS-MACHINE",
		},
		"X through ssh": {
			goos: "linux",
			env: map[string]string{
				"SSH_CONNECTION": "1.2.3.4 5 fd00::7 22", "DISPLAY": "localhost:10", "USER": "ada",
			},
			tunnel: "ssh -L 80:127.0.0.1:80 ada@fd00::7",
		},
	} {
		got := DeskOf(test.goos, "80", func(name string) string { return test.env[name] })
		if !slices.Equal(got.Open, test.open) || got.Tunnel != test.tunnel {
			t.Errorf("%s: %+v, want %v and %q", name, got, test.open, test.tunnel)
		}
	}
}
