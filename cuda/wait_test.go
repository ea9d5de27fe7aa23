package cuda

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"neuroloupe/engine"
)

// What answers is waited for, with a word when it takes a while; what does not is left after the limit, or when the
// context ends, and what it answers then is not lost.
func TestAwait(t *testing.T) {
	failed := errors.New("failed")
	for _, tc := range []struct {
		name         string
		takes, limit time.Duration
		interrupt    time.Duration // after which the context ends; 0 = never
		answer       error
		want         error
		after        time.Duration
		notice       string
		late         int // answers given to late
	}{
		{name: "at once", limit: 5 * time.Second},
		{name: "an error", limit: 5 * time.Second, answer: failed, want: failed},
		{
			name: "in time", takes: 4 * time.Second, limit: 5 * time.Second,
			after: 4 * time.Second, notice: "waiting for the NVIDIA driver to answer, for at most 5 s",
		},
		{
			name: "too late", takes: time.Minute, limit: 5 * time.Second,
			want: engine.ErrNoAnswer, after: 5 * time.Second, notice: "for at most 5 s", late: 1,
		},
		{
			name: "an error too late", takes: time.Minute, limit: 5 * time.Second, answer: failed,
			want: engine.ErrNoAnswer, after: 5 * time.Second, notice: "for at most 5 s",
		},
		{name: "as long as it takes", takes: time.Hour, after: time.Hour, notice: "ctrl-C ends it"},
		{
			name: "interrupted", takes: time.Hour, interrupt: 3 * time.Second,
			want: context.Canceled, after: 3 * time.Second, notice: "ctrl-C ends it", late: 1,
		},
		{
			name: "interrupted before the notice", takes: time.Hour, limit: 5 * time.Second,
			interrupt: time.Millisecond,
			want:      context.Canceled, after: time.Millisecond, late: 1,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if tc.interrupt > 0 {
					time.AfterFunc(tc.interrupt, cancel)
				}
				var notices []string
				late := 0
				began := time.Now()
				w := Wait{Context: ctx, Limit: tc.limit, Say: func(s string) { notices = append(notices, s) }}
				v, err := await(w, "answer",
					func() (int, error) {
						time.Sleep(tc.takes)
						return 7, tc.answer
					},
					func(v int) { late += v / 7 })
				if !errors.Is(err, tc.want) || (err == nil) != (v == 7 && tc.answer == nil) {
					t.Errorf("%d, %v, want error %v", v, err, tc.want)
				}
				if took := time.Since(began); took != tc.after {
					t.Errorf("after %v, want %v", took, tc.after)
				}
				got := strings.Join(notices, "\n")
				if !strings.Contains(got, tc.notice) || (got == "") != (tc.notice == "") || len(notices) > 1 {
					t.Errorf("notices %q, want one with %q", notices, tc.notice)
				}
				time.Sleep(2 * time.Hour)
				synctest.Wait()
				if late != tc.late {
					t.Errorf("late was given %d answers, want %d", late, tc.late)
				}
			})
		})
	}
}
