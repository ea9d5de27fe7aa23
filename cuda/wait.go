package cuda

import (
	"context"
	"fmt"
	"time"

	"neuroloupe/engine"
)

// Wait is how a [Driver] waits for NVIDIA's, which can take seconds and, on a machine whose GPU is in trouble, for
// ever. The zero value waits as long as it takes and says nothing.
type Wait struct {
	Context context.Context     // its end ends the waiting; nil = nothing does
	Limit   time.Duration       // for finding the devices, and for opening one; 0 = none
	Say     func(notice string) // is told what is waited for when it takes a while; nil = nobody
}

const patience = time.Second // what is waited for without a word

// await returns what f answers. When it does not in time, f is abandoned: it goes on in a goroutine, and what it
// answers at last goes to late, if that is no error. doing says what the driver is asked to do.
func await[T any](w Wait, doing string, f func() (T, error), late func(T)) (T, error) {
	type answer struct {
		value T
		err   error
	}
	answers := make(chan answer, 1)
	go func() {
		v, err := f()
		answers <- answer{v, err}
	}()
	ctx, most := w.Context, "; ctrl-C ends it"
	if ctx == nil {
		ctx = context.Background()
	}
	var limit <-chan time.Time
	if w.Limit > 0 {
		limit, most = time.After(w.Limit), fmt.Sprintf(", for at most %v s", w.Limit.Seconds())
	}
	notice := time.After(patience)
	abandon := func(err error) (none T, _ error) {
		go func() {
			if a := <-answers; a.err == nil {
				late(a.value)
			}
		}()
		return none, err
	}
	for {
		select {
		case a := <-answers:
			return a.value, a.err
		case <-notice:
			if w.Say != nil {
				w.Say(fmt.Sprintf("waiting for the NVIDIA driver to %s%s", doing, most))
			}
		case <-limit:
			return abandon(fmt.Errorf("%w from the NVIDIA driver within %v s, asked to %s",
				engine.ErrNoAnswer, w.Limit.Seconds(), doing))
		case <-ctx.Done():
			return abandon(ctx.Err())
		}
	}
}
