package sweep

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// race trains runs whose accuracies are known, one epoch of one run at a time in an order that rng chooses, as the rule
// lets them, and returns how many epochs each was trained for. curve(i, epoch) is the accuracy.
func race(t *testing.T, rule *StopRule, epochs []int, curve func(i, epoch int) float64, failing map[int]int,
	rng *rand.Rand,
) (trained []int, stopped []int) {
	t.Helper()
	all := make([]result, len(epochs))
	promoted := make([]int, len(epochs))
	for i := range all {
		all[i].epochs = epochs[i]
	}
	for step := 0; ; step++ {
		if step > 10_000 {
			t.Fatal("the race does not end")
		}
		if rule.Rule == "asha" {
			for i := rule.promotable(all, promoted); i >= 0; i = rule.promotable(all, promoted) {
				promoted[i]++
			}
		}
		var ready []int
		stopped = nil
		for i, v := range rule.decide(all, promoted) {
			switch {
			case v.stop != nil:
				stopped = append(stopped, i)
				if v.stop.Rank < 1 || v.stop.Rank > v.stop.Of || v.stop.Epoch != len(all[i].accuracy) {
					t.Fatalf("run %d with %d epochs is stopped by %+v", i, len(all[i].accuracy), v.stop)
				}
			case !v.wait && !all[i].failed && !all[i].ended:
				if v.target <= len(all[i].accuracy) {
					t.Fatalf("run %d has %d epochs and is to be trained to %d", i, len(all[i].accuracy), v.target)
				}
				ready = append(ready, i)
			}
		}
		if len(ready) == 0 {
			break
		}
		i := ready[rng.IntN(len(ready))]
		if n, ok := failing[i]; ok && len(all[i].accuracy) == n {
			all[i].failed = true
			continue
		}
		all[i].accuracy = append(all[i].accuracy, curve(i, len(all[i].accuracy)+1))
		all[i].ended = len(all[i].accuracy) == all[i].epochs
	}
	for i := range all {
		trained = append(trained, len(all[i].accuracy))
	}
	return trained, stopped
}

func same(n, v int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = v
	}
	return all
}

// Of runs whose order never changes, halving trains the best to the end and the others as the published table of
// successive halving says: of 27 with a reduction of 3, 18 for 1 epoch, 6 for 3, 2 for 9, and 1 for all 27 (Jamieson
// and Talwalkar 2016, section 3; Li et al. 2018, table 1, bracket 3).
func TestHalvingTable(t *testing.T) {
	rule := &StopRule{Rule: "halving", Reduction: 3, First: 1}
	for seed := range uint64(20) {
		trained, stopped := race(t, rule, same(27, 27), func(i, epoch int) float64 {
			return float64(i*7%27) + float64(epoch)/1000
		}, nil, rand.New(rand.NewPCG(seed, 1)))
		count := map[int]int{}
		for i, n := range trained {
			count[n]++
			place := 26 - i*7%27 // 0 is the best
			want := 27
			for _, cut := range []struct{ place, epochs int }{{1, 9}, {3, 3}, {9, 1}} {
				if place >= cut.place {
					want = cut.epochs
				}
			}
			if n != want {
				t.Fatalf("seed %d: the run in place %d was trained for %d epochs, want %d", seed, place, n, want)
			}
		}
		if fmt.Sprint(count) != "map[1:18 3:6 9:2 27:1]" || len(stopped) != 26 {
			t.Errorf("seed %d: %v, %d stopped", seed, count, len(stopped))
		}
	}
}

// What halving decides depends on the results alone, not on the order in which they come, also where runs fail, end
// early, or have fewer epochs than a rung.
func TestHalvingIsTheSameInAnyOrder(t *testing.T) {
	for world := range uint64(30) {
		w := rand.New(rand.NewPCG(world, 2))
		rule := &StopRule{Rule: "halving", Reduction: 2 + w.IntN(3), First: 1 + w.IntN(3)}
		n := 1 + w.IntN(20)
		epochs := make([]int, n)
		failing := map[int]int{}
		for i := range epochs {
			epochs[i] = 1 + w.IntN(30)
			if w.IntN(5) == 0 {
				failing[i] = w.IntN(epochs[i])
			}
		}
		curve := func(i, epoch int) float64 {
			return rand.New(rand.NewPCG(world<<20+uint64(i)<<8+uint64(epoch), 3)).Float64()
		}
		want := ""
		for order := range uint64(8) {
			trained, stopped := race(t, rule, epochs, curve, failing, rand.New(rand.NewPCG(order, 4)))
			got := fmt.Sprint(trained, stopped)
			if want == "" {
				want = got
			}
			if got != want {
				t.Fatalf("world %d, order %d: %s, want %s", world, order, got, want)
			}
		}
	}
}

// asha ends, trains one run at least to its end, trains fewer epochs than all, and never keeps a run that is worse than
// one it has stopped at every rung that both have reached.
func TestAsha(t *testing.T) {
	for world := range uint64(60) {
		w := rand.New(rand.NewPCG(world, 5))
		rule := &StopRule{Rule: "asha", Reduction: 2 + w.IntN(3), First: 1 + w.IntN(2)}
		n := 2 + w.IntN(30)
		const epochs = 27
		quality := w.Perm(n)
		trained, stopped := race(t, rule, same(n, epochs), func(i, epoch int) float64 {
			return float64(quality[i])
		}, nil, w)
		total, whole := 0, 0
		for i, k := range trained {
			total += k
			if k == epochs {
				whole++
			} else if k < rule.First {
				t.Fatalf("world %d: run %d has %d epochs", world, i, k)
			}
		}
		if whole == 0 || whole+len(stopped) != n || total >= n*epochs && n > 3 {
			t.Errorf("world %d: %d of %d whole, %d stopped, %d epochs of %d", world, whole, n, len(stopped), total,
				n*epochs)
		}
		for i := range trained {
			if quality[i] == n-1 && trained[i] != epochs {
				t.Errorf("world %d: the best run was stopped after %d epochs", world, trained[i])
			}
		}
	}
}
