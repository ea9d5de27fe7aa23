package live

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"neuroloupe/cmd/internal/lesson"
)

// Streams tell how a training goes, as Server-Sent Events (WHATWG HTML, "Server-sent events"): status whenever that has
// changed, and epochs with the metrics of those that have ended. A stream has no queue: it tells how things stand when
// it is next its turn, so that a slow reader hears less and not later.
const (
	mostStreams = 128
	streamTime  = 33 * time.Millisecond // between two events at least
	crowdTime   = 3 * time.Millisecond  // and that for each stream that is open, so that all together cost little
	pulseTime   = 15 * time.Second      // after which something is sent though nothing has changed
	sendTime    = 5 * time.Second       // that a reader may take, unless shelf says otherwise
)

// events sends what a training does until it is let go, or the reader has gone or does not read.
func (s *shelf) events(w http.ResponseWriter, r *http.Request) {
	l, err := s.training(r)
	if err != nil {
		reply(w, nil, err)
		return
	}
	if !s.enter() {
		w.Header().Set("Retry-After", "5")
		http.Error(w, fmt.Sprintf("%d streams are open, as many as there may be.", mostStreams),
			http.StatusServiceUnavailable)
		return
	}
	defer s.leave()
	out := &stream{w: w, c: http.NewResponseController(w), patience: cmp.Or(s.patience, sendTime)}
	if err := out.c.SetReadDeadline(time.Time{}); err != nil { // that of a request is over long before
		reply(w, nil, err)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	seen, told := uint64(0), 0
	for r.Context().Err() == nil {
		wait, stop := context.WithTimeout(r.Context(), pulseTime)
		st := l.Wait(wait, seen)
		stop()
		if epochs := l.Metrics(told); len(epochs) > 0 {
			told += len(epochs)
			out.event("epochs", epochs)
		}
		out.event("status", st)
		if out.err != nil || st.State == lesson.Over {
			return
		}
		seen = st.Version
		select {
		case <-r.Context().Done():
		case <-time.After(max(streamTime, time.Duration(s.crowd())*crowdTime)):
		}
	}
}

// stream writes events until one cannot be sent.
type stream struct {
	w        http.ResponseWriter
	c        *http.ResponseController
	patience time.Duration // with a reader
	err      error
}

func (s *stream) event(name string, v any) {
	if s.err != nil {
		return
	}
	text, err := json.Marshal(v)
	if err == nil {
		err = s.c.SetWriteDeadline(time.Now().Add(s.patience))
	}
	if err == nil {
		_, err = fmt.Fprintf(s.w, "event: %s\ndata: %s\n\n", name, text)
	}
	if err == nil {
		err = s.c.Flush()
	}
	s.err = err
}

// enter counts a stream in, if there is room for it.
func (s *shelf) enter() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.streams >= mostStreams {
		return false
	}
	s.streams++
	return true
}

func (s *shelf) leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.streams--
}

func (s *shelf) crowd() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.streams
}

// frame is the network of a training as it last was: W, In×Out, and b of each layer. Which moment that is stands in the
// answer's header.
func (s *shelf) frame(w http.ResponseWriter, r *http.Request) {
	l, err := s.training(r)
	if err != nil {
		reply(w, nil, err)
		return
	}
	f := l.Frame()
	h := w.Header()
	h.Set("Frame-Number", strconv.Itoa(f.Number))
	h.Set("Frame-Epoch", strconv.Itoa(f.Epoch))
	h.Set("Frame-Step", strconv.Itoa(f.Step))
	h.Set("Frame-Gamma", strconv.FormatFloat(l.GammaOf(f), 'g', -1, 64))
	reply(w, appendParams(nil, f.Params), nil)
}
