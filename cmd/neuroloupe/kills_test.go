package main

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"syscall"
	"testing"

	"neuroloupe/cmd/internal/faults"
)

// Commands are killed at random moments, and a third of those that take them up too; every file is then the old or the
// new one, and at last there are the bytes of an undisturbed run. 1,000 kills take minutes: make soak.
func TestKills(t *testing.T) {
	if !soak() {
		t.Skip("killing commands 1,000 times takes minutes: make soak")
	}
	seed, err := strconv.ParseUint(os.Getenv("NEUROLOUPE_SOAK_SEED"), 10, 64)
	if err != nil {
		seed = 1
	}
	fmt.Printf("kills at random moments: NEUROLOUPE_SOAK_SEED=%d\n", seed)
	ws := worlds(t)
	var count tally
	t.Cleanup(func() { count.print([]string{"killed", "killed-again"}) })
	for i, s := range scenarios() {
		if s.kills == 0 {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			references := referencesOf(s)
			for k := range s.kills {
				t.Run(fmt.Sprint(k), func(t *testing.T) {
					t.Parallel()
					w := <-ws
					defer func() { ws <- w }()
					r := references(t, w)
					random := rand.New(rand.NewPCG(seed, uint64(i)<<32|uint64(k)))
					kills, found := r.kill(t, w, random)
					count.add(s.name, "killed", repeatCommand(t), found)
					if kills > 1 {
						count.add(s.name, "killed-again", "", nil)
					}
					for _, p := range found {
						t.Errorf("%s: %s", p.kind, p.text)
					}
				})
			}
		})
	}
}

// referencesOf returns a function that gives the reference of a scenario in a world, which it makes when it is first
// asked for.
func referencesOf(s scenario) func(*testing.T, *world) *reference {
	var mu sync.Mutex
	made := map[*world]*reference{}
	return func(t *testing.T, w *world) *reference {
		t.Helper()
		mu.Lock()
		r := made[w]
		mu.Unlock()
		if r != nil {
			return r
		}
		r, err := w.reference(t, s) // nobody else has this world
		if err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		made[w] = r
		mu.Unlock()
		return r
	}
}

// kill kills the command of a scenario once at a random system call, or twice, and takes it up. It returns how often it
// was killed.
func (r *reference) kill(t *testing.T, w *world, random *rand.Rand) (kills int, found []problem) {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	want := 1
	if random.IntN(3) == 0 {
		want = 2
	}
	check(w.reset(t, r.scenario))
	for args := r.args; kills < want; args = r.command(w) {
		o, err := w.follow(args, faults.Command{KillAt: 1 + random.IntN(r.total)})
		check(err)
		now, err := w.snapshot()
		check(err)
		found = append(found, r.check(o, disturbance{}, now)...)
		switch {
		case o.Signal == syscall.SIGKILL:
			kills++
			if len(o.Calls) > 0 {
				t.Logf("killed at system call %d, after %v", o.Total, o.Calls[len(o.Calls)-1])
			}
		case kills > 0: // what takes it up has less to do, and was over before
			return kills, found
		default: // nor is every run of a command of the same number of system calls
			check(w.reset(t, r.scenario))
		}
	}
	return kills, append(found, r.takeUp(t, w)...)
}
