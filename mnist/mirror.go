package mnist

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// mirror is a public web server.
type mirror struct {
	base   string // URL of the folder, with a slash at its end
	client *http.Client
	stall  time.Duration // longest time without a byte
}

func (m mirror) String() string { return m.base }

func (m mirror) open(parent context.Context, file, _ string) (_ io.ReadCloser, err error) {
	ctx, cancel := context.WithCancelCause(parent)
	timer := time.AfterFunc(m.stall, func() { cancel(fmt.Errorf("nothing arrived for %v", m.stall)) })
	body := &stallBody{ctx: ctx, cancel: cancel, timer: timer, stall: m.stall}
	defer func() {
		if err != nil {
			body.Close()
		}
	}()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, m.base+file, nil)
	if err != nil {
		return nil, err
	}
	// The stored bytes are wanted. Without this the client asks for gzip and undoes it, and some servers declare a
	// stored .gz file to be that.
	req.Header.Set("Accept-Encoding", "identity")
	req.Header.Set("User-Agent", "neuroloupe")
	resp, err := m.client.Do(req)
	if err != nil {
		var repeats *url.Error // the URL, which is in the source's name already
		if errors.As(err, &repeats) {
			err = repeats.Err
		}
		return nil, fmt.Errorf("%s: %w", file, body.reason(err))
	}
	body.body = resp.Body
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%s: %s", file, resp.Status)
	}
	return body, nil
}

// stallBody is the body of a response that is given up when nothing arrives for a while.
type stallBody struct {
	ctx    context.Context // of the request
	cancel context.CancelCauseFunc
	timer  *time.Timer
	stall  time.Duration
	body   io.ReadCloser // nil until there is a response
}

// Read reads what has arrived and starts the wait anew.
func (b *stallBody) Read(p []byte) (int, error) {
	n, err := b.body.Read(p)
	if n > 0 {
		b.timer.Reset(b.stall)
	}
	if err != nil && err != io.EOF {
		err = b.reason(err)
	}
	return n, err
}

// reason returns why the request was cancelled if it was, else err.
func (b *stallBody) reason(err error) error {
	if b.ctx.Err() != nil {
		return context.Cause(b.ctx)
	}
	return err
}

// Close ends the request.
func (b *stallBody) Close() error {
	b.timer.Stop()
	b.cancel(nil)
	if b.body == nil {
		return nil
	}
	return b.body.Close()
}
