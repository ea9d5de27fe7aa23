package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/tabwriter"

	"neuroloupe/cmd/internal/faults"
)

// soak reports whether all is to be tried, which takes a while: make soak.
func soak() bool { return os.Getenv("NEUROLOUPE_SOAK") != "" }

// harm is a way to disturb a file call.
type harm struct {
	name  string
	fits  func(faults.Call) bool
	errno syscall.Errno
	done  func() func(c faults.Call, here bool) faults.Fault // here: it is the call to disturb
}

func harms() []harm {
	once := func(f faults.Fault) func() func(faults.Call, bool) faults.Fault {
		return func() func(faults.Call, bool) faults.Fault {
			return func(_ faults.Call, here bool) faults.Fault {
				if here {
					return f
				}
				return faults.Fault{}
			}
		}
	}
	full := func() func(faults.Call, bool) faults.Fault {
		full := false
		return func(c faults.Call, here bool) faults.Fault {
			switch {
			case here:
				full = true
				return faults.Fault{Half: true}
			case full && c.NeedsRoom():
				return faults.Fault{Errno: syscall.ENOSPC}
			}
			return faults.Fault{}
		}
	}
	every := func(faults.Call) bool { return true }
	return []harm{
		{"EIO", every, syscall.EIO, once(faults.Fault{Errno: syscall.EIO})},
		{"ENOSPC", faults.Call.NeedsRoom, syscall.ENOSPC, once(faults.Fault{Errno: syscall.ENOSPC})},
		// Half of the bytes are written, and the disk stays full.
		{"full", faults.Call.Writes, syscall.ENOSPC, full},
		{"short", func(c faults.Call) bool { return c.Bytes > 1 }, 0, once(faults.Fault{Half: true})},
		{"torn", faults.Call.Writes, 0, once(faults.Fault{Half: true, Kill: faults.After})},
		{"killed-before", every, 0, once(faults.Fault{Kill: faults.Before})},
		{"killed-after", faults.Call.Changes, 0, once(faults.Fault{Kill: faults.After})},
	}
}

// attack is a harm done to one call.
type attack struct {
	harm
	call faults.Call
}

func (a attack) String() string { return a.name + "/" + a.call.String() }

// many is how many calls of a name about a file are disturbed in every way; each further one in one way, in turn. A
// report is written by hundreds of calls.
const many = 24

// attacks lists what is done to the calls of a scenario. Unless all is to be tried it is one call in the middle for
// each harm, and two for those that every call can take.
func attacks(calls []faults.Call) (list []attack) {
	for i, h := range harms() {
		var of []attack
		for _, c := range calls {
			if h.fits(c) && (c.K <= many || c.K%len(harms()) == i) {
				of = append(of, attack{h, c})
			}
		}
		switch n := len(of); {
		case soak() || n < 3:
		case n == len(calls):
			of = []attack{of[n/4], of[3*n/4]}
		default:
			of = of[n/2 : n/2+1]
		}
		list = append(list, of...)
	}
	return list
}

// worlds hands out as many worlds as there are processors.
func worlds(t *testing.T) chan *world {
	n := runtime.GOMAXPROCS(0)
	ws := make(chan *world, n)
	for range n {
		ws <- newWorld(t)
	}
	return ws
}

// tally counts what was done and what was found, over all scenarios.
type tally struct {
	mu     sync.Mutex
	rows   map[string]map[string]int // by scenario and harm
	found  map[string]int
	sample map[string]string // of each finding, one
}

func (c *tally) add(scenario, harm, repeat string, found []problem) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rows == nil {
		c.rows, c.found, c.sample = map[string]map[string]int{}, map[string]int{}, map[string]string{}
	}
	if c.rows[scenario] == nil {
		c.rows[scenario] = map[string]int{}
	}
	c.rows[scenario][harm]++
	for _, p := range found {
		key := scenario + ": " + p.kind
		c.found[key]++
		if c.sample[key] == "" {
			c.sample[key] = strings.TrimSpace(p.text) + "\n    " + repeat
		}
	}
}

// print prints a row for each scenario and a column for each harm, and what was found, most frequent first.
func (c *tally) print(harms []string) {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintf(w, "\t%s\tall\t\n", strings.Join(harms, "\t"))
	sum := map[string]int{}
	row := func(name string, counts map[string]int) {
		fmt.Fprintf(w, "%s\t", name)
		all := 0
		for _, h := range harms {
			fmt.Fprintf(w, "%d\t", counts[h])
			all += counts[h]
			sum[h] += counts[h]
		}
		fmt.Fprintf(w, "%d\t\n", all)
	}
	for _, s := range scenarios() {
		if counts := c.rows[s.name]; counts != nil {
			row(s.name, counts)
		}
	}
	row("all", maps.Clone(sum))
	w.Flush()
	keys := slices.SortedFunc(maps.Keys(c.found), func(a, b string) int {
		return cmp.Or(c.found[b]-c.found[a], cmp.Compare(a, b))
	})
	fmt.Fprintf(&b, "%d kinds of promises not kept\n", len(keys))
	for _, k := range keys {
		fmt.Fprintf(&b, "%5d × %s\n    %s\n", c.found[k], k, c.sample[k])
	}
	fmt.Print(b.String())
}

// repeatCommand is what to type to do a subtest again.
func repeatCommand(t *testing.T) string {
	name := strings.ReplaceAll(t.Name(), "~", ".*")
	return fmt.Sprintf("NEUROLOUPE_SOAK=1 go test ./cmd/neuroloupe -run '%s$'", name)
}

// Every file call of a command fails once, by an error, by a disk that is full, by half of its bytes, by the process
// killed there. The command then says so or does it all the same; every file is the old or the new one; and taken up
// again it ends with the bytes of an undisturbed run.
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the program hundreds of times: left out by -short")
	}
	ws := worlds(t)
	var count tally
	var names []string
	for _, h := range harms() {
		names = append(names, h.name)
	}
	if soak() {
		t.Cleanup(func() { count.print(names) })
	}
	for _, s := range scenarios() {
		if !s.sweep {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			references := referencesOf(s)
			w := <-ws
			defer func() { ws <- w }() // before the parallel ones below begin
			r := references(t, w)
			for _, a := range attacks(r.calls) {
				t.Run(a.String(), func(t *testing.T) {
					t.Parallel()
					w := <-ws
					defer func() { ws <- w }()
					found := references(t, w).attack(t, w, a)
					count.add(s.name, a.name, repeatCommand(t), found)
					for _, p := range found {
						t.Errorf("%s: %s", p.kind, p.text)
					}
					if len(found) > 0 {
						t.Logf("again: %s", repeatCommand(t))
					}
				})
			}
		})
	}
}

// attack does harm to a call, and takes the command up again.
func (r *reference) attack(t *testing.T, w *world, a attack) []problem {
	t.Helper()
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	var o outcome
	for try, met := 0, false; !met; try++ {
		if try == 3 { // how much is read of a file with times in it is not always the same
			t.Skipf("no such call in %d runs, the last of which ended with %v", try, o.Result)
		}
		check(w.reset(t, r.scenario))
		decide := a.done()
		var err error
		o, err = w.follow(r.args, faults.Command{Decide: func(c faults.Call) faults.Fault {
			here := c.String() == a.call.String()
			met = met || here
			return decide(c, here)
		}})
		check(err)
	}
	now, err := w.snapshot()
	check(err)
	found := r.check(o, disturbance{a.errno, a.call}, now)
	if o.Exit == exitDone {
		return found
	}
	return append(found, r.takeUp(t, w)...)
}

// takeUp takes a disturbed command up, as the program itself says.
func (r *reference) takeUp(t *testing.T, w *world) []problem {
	t.Helper()
	args := r.command(w)
	o, err := w.undisturbed(args)
	advised := r.other != nil && strings.Contains(o.stderr, "neuroloupe "+strings.Join(r.other, " "))
	if err == nil && o.Exit == exitFailed && advised {
		args = r.other
		o, err = w.undisturbed(args)
	}
	if err != nil {
		t.Fatal(err)
	}
	now, err := w.snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return r.checkAgain(args, o, now)
}

// command is what takes the scenario's command up in a world.
func (r *reference) command(w *world) []string {
	if r.again != nil {
		return r.again(w.root)
	}
	return r.args
}
