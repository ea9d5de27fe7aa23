package inspect_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/engine/inspect"
)

func randomMaps(r *rand.Rand, n, inputs int) [][]float32 {
	maps := make([][]float32, n)
	for i := range maps {
		maps[i] = make([]float32, inputs)
		for k := range maps[i] {
			maps[i][k] = float32(r.NormFloat64())
		}
	}
	return maps
}

// least returns the least cost of assigning every row from row i on to a column that is free, by trying all.
func least(cost [][]float64, i int, used []bool) float64 {
	if i == len(cost) {
		return 0
	}
	best := math.Inf(1)
	for j, c := range cost[i] {
		if !used[j] {
			used[j] = true
			best = min(best, c+least(cost, i+1, used))
			used[j] = false
		}
	}
	return best
}

func TestAssignAgainstAllPermutations(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 3))
	for trial := range 300 {
		rows, cols := 1+r.IntN(7), 1+r.IntN(7)
		cost := make([][]float64, rows)
		turned := make([][]float64, cols)
		for j := range turned {
			turned[j] = make([]float64, rows)
		}
		for i := range cost {
			cost[i] = make([]float64, cols)
			for j := range cost[i] {
				cost[i][j] = r.NormFloat64()
				if trial%2 == 0 {
					cost[i][j] = float64(r.IntN(4)) - 1 // ties
				}
				turned[j][i] = cost[i][j]
			}
		}
		colOf, err := inspect.Assign(t.Context(), cost)
		if err != nil {
			t.Fatal(err)
		}
		var got float64
		used, assigned := make([]bool, cols), 0
		for i, j := range colOf {
			if j < 0 {
				continue
			}
			if used[j] {
				t.Fatalf("trial %d: column %d twice in %v", trial, j, colOf)
			}
			used[j] = true
			assigned++
			got += cost[i][j]
		}
		want := 0.0
		if rows <= cols {
			want = least(cost, 0, make([]bool, cols))
		} else {
			want = least(turned, 0, make([]bool, rows))
		}
		if len(colOf) != rows || assigned != min(rows, cols) || math.Abs(got-want) > 1e-12 {
			t.Fatalf("trial %d: %v of cost %v, want %v, in %v", trial, colOf, got, want, cost)
		}
	}
	if got, err := inspect.Assign(t.Context(), nil); got != nil || err != nil {
		t.Errorf("no rows: %v, %v", got, err)
	}
}

// A network whose neurons were moved about, and some turned round, is matched with itself.
func TestMatchMaps(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 3))
	const n, inputs = 20, 50
	a := randomMaps(r, n, inputs)
	perm := r.Perm(n)
	b := make([][]float32, n+2)
	b[n], b[n+1] = make([]float32, inputs), randomMaps(r, 1, inputs)[0] // constant, and one of its own
	for i, j := range perm {
		b[j] = make([]float32, inputs)
		for k, v := range a[i] {
			b[j][k] = 2 * v
			if i%3 == 0 {
				b[j][k] = -2 * v
			}
		}
	}
	m, err := inspect.MatchMaps(t.Context(), a, b)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range m.Pairs {
		sign := 1.0
		if i%3 == 0 {
			sign = -1
		}
		if p.A != i || p.B != perm[i] || math.Abs(p.Correlation-sign) > 1e-6 {
			t.Errorf("pair %d: %+v, want %d", i, p, perm[i])
		}
	}
	if math.Abs(m.Mean-1) > 1e-6 || !slices.Equal(m.OnlyB, []int{n, n + 1}) || m.OnlyA != nil {
		t.Errorf("mean %v, only A %v, only B %v", m.Mean, m.OnlyA, m.OnlyB)
	}
	for i, d := range m.Differences(a, b) {
		if diff := cmp.Diff(a[i], d); diff != "" { // 2a − a
			t.Fatalf("difference %d:\n%s", i, diff)
		}
	}
	back, err := inspect.MatchMaps(t.Context(), b, a)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(back.OnlyA, []int{n, n + 1}) || back.OnlyB != nil || len(back.Pairs) != n {
		t.Errorf("turned round: only A %v, only B %v, %d pairs", back.OnlyA, back.OnlyB, len(back.Pairs))
	}
}

// Maps that lie on a line, a bump moved along, come back in its order from one end or the other.
func TestSimilarFindsALine(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 3))
	const n = 40
	place := r.Perm(n)
	maps := make([][]float32, n)
	for i := range maps {
		maps[i] = make([]float32, 100)
		for k := range maps[i] {
			d := float64(k) - 10 - 2*float64(place[i])
			maps[i][k] = float32(math.Exp(-d * d / 18))
		}
	}
	order, err := inspect.Similar(t.Context(), maps)
	if err != nil {
		t.Fatal(err)
	}
	var places []int
	for _, i := range order {
		places = append(places, place[i])
	}
	if places[0] != 0 {
		slices.Reverse(places)
	}
	for i, p := range places {
		if p != i {
			t.Fatalf("places %v", places)
		}
	}
	again, err := inspect.Similar(t.Context(), maps)
	if err != nil || !slices.Equal(order, again) {
		t.Errorf("again: %v, %v", again, err)
	}
}

// Whatever the maps, the order is a permutation, and turning no piece of it round makes the path shorter.
func TestSimilarIsAnOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 3))
	length := func(maps [][]float32, order []int) (sum float64) {
		for i := 1; i < len(order); i++ {
			a, b := widened(maps[order[i-1]]), widened(maps[order[i]])
			sum += 1 - inspect.Correlation(a, b)
		}
		return sum
	}
	for _, n := range []int{0, 1, 2, 3, 40} {
		maps := randomMaps(r, n, 10)
		if n == 40 {
			maps[7] = make([]float32, 10)
		}
		order, err := inspect.Similar(t.Context(), maps)
		if err != nil {
			t.Fatal(err)
		}
		sorted := slices.Sorted(slices.Values(order))
		for i := range n {
			if len(sorted) != n || sorted[i] != i {
				t.Fatalf("%d maps: %v", n, order)
			}
		}
		whole := length(maps, order)
		for i := range order {
			for j := i + 1; j < n; j++ {
				turned := slices.Clone(order)
				slices.Reverse(turned[i : j+1])
				if l := length(maps, turned); l < whole-1e-6 {
					t.Fatalf("%d maps: length %v, with %d to %d turned round %v", n, whole, i, j, l)
				}
			}
		}
	}
}

// Maps that are not numbers, of a network that diverged, have an order all the same.
func TestSimilarOfNothing(t *testing.T) {
	nan := float32(math.NaN())
	order, err := inspect.Similar(t.Context(), [][]float32{{nan, 1}, {nan, 2}, {1, 2}})
	if slices.Sort(order); err != nil || !slices.Equal(order, []int{0, 1, 2}) {
		t.Errorf("%v, %v", order, err)
	}
}

func widened(v []float32) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}

func BenchmarkAssign(b *testing.B) {
	for _, n := range []int{100, 1024} {
		r := rand.New(rand.NewPCG(6, 3))
		maps, other := randomMaps(r, n, 784), randomMaps(r, n, 784)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if _, err := inspect.MatchMaps(b.Context(), maps, other); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkSimilar(b *testing.B) {
	for _, n := range []int{100, 1024} {
		maps := randomMaps(rand.New(rand.NewPCG(7, 3)), n, 784)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if _, err := inspect.Similar(b.Context(), maps); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
