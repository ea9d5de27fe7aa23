package mnist

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// slowTransport answers with a body that gives a byte at a time, each after a wait, and then nothing until the request
// ends. It runs on the clock of a synctest bubble.
type slowTransport struct {
	data    []byte
	wait    time.Duration
	headers bool // false answers nothing at all
}

func (s slowTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	if !s.headers {
		<-req.Context().Done()
		return nil, req.Context().Err()
	}
	body := &slowBody{slowTransport: s, ctx: req.Context()}
	return &http.Response{StatusCode: http.StatusOK, Body: body, ContentLength: -1, Request: req}, nil
}

type slowBody struct {
	slowTransport
	ctx context.Context
}

func (b *slowBody) Read(p []byte) (int, error) {
	if len(b.data) == 0 {
		<-b.ctx.Done()
		return 0, b.ctx.Err()
	}
	select {
	case <-b.ctx.Done():
		return 0, b.ctx.Err()
	case <-time.After(b.wait):
	}
	n := copy(p[:1], b.data)
	b.data = b.data[n:]
	return n, nil
}

func (b *slowBody) Close() error { return nil }

func TestFetchStalls(t *testing.T) {
	set, files := tiny(t)
	set.mirrors = []string{"https://mirror.example/"}
	tests := []struct {
		name      string
		transport slowTransport
		stall     time.Duration
		want      string
		after     time.Duration
	}{
		{"before the headers", slowTransport{}, 0, hard + ": nothing arrived for 30s", 30 * time.Second},
		{
			"in the body, after a slow but steady start",
			slowTransport{files[hard][:10], 20 * time.Second, true},
			0,
			"after 10 of " + fmt.Sprint(len(files[hard])) + " bytes: nothing arrived for 30s", 230 * time.Second,
		},
		{"own limit", slowTransport{files[hard][:10], 20 * time.Second, true}, 10 * time.Second, "after 0 of " +
			fmt.Sprint(len(files[hard])) + " bytes: nothing arrived for 10s", 10 * time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cache := t.TempDir()
			synctest.Test(t, func(t *testing.T) {
				l := &library{sets: []official{set}, client: &http.Client{Transport: tt.transport}}
				start := time.Now()
				_, err := l.fetch(t.Context(), "tiny", Options{Cache: cache, Stall: tt.stall})
				if err == nil || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got  %v\nwant …%s…", err, tt.want)
				}
				if after := time.Since(start); after != tt.after {
					t.Errorf("given up after %v, want %v", after, tt.after)
				}
			})
			if left := names(t, filepath.Join(cache, "tiny")); len(left) != 0 {
				t.Errorf("left in the cache: %v", left)
			}
		})
	}
}
