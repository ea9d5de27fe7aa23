package main

import "testing"

func TestBestStart(t *testing.T) {
	for _, c := range []struct {
		name   string
		starts []start
		want   uint64
	}{
		{"the only one", []start{{1, 0.5, []string{"3"}}}, 1},
		{"no class lost, though less accurate", []start{{1, 0.97, []string{"3"}}, {2, 0.96, nil}}, 2},
		{"fewest classes lost", []start{
			{1, 0.7, []string{"1", "2"}},
			{2, 0.6, []string{"8"}},
			{3, 0.7, []string{"1", "8"}},
		}, 2},
		{"the most accurate of equals", []start{
			{1, 0.85, []string{"9"}},
			{2, 0.87, []string{"3"}},
			{3, 0.86, []string{"0"}},
		}, 2},
		{"the first of equals", []start{{1, 0.9, nil}, {2, 0.9, nil}}, 1},
	} {
		if got := bestStart(c.starts).seed; got != c.want {
			t.Errorf("%s: seed %d, want %d", c.name, got, c.want)
		}
	}
}
