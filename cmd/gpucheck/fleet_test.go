package main

import (
	"math"
	"testing"
)

// By hand: 4 networks of 50 steps in 0.2 s, the median, are 1 ms a step; 30 epochs of 100 steps are 3 s, 1,200 an hour.
func TestFleetFinish(t *testing.T) {
	f := Fleet{Networks: 4, Steps: 50}
	f.finish([]float64{0.6, 0.1, 0.2}, 100)
	if f.Rounds != 3 || math.Abs(f.Seconds-0.2) > 1e-12 || math.Abs(f.MicrosPerStep-1000) > 1e-9 ||
		math.Abs(f.PerHour-1200) > 1e-9 {
		t.Errorf("%+v", f)
	}
	f = Fleet{Networks: 4, Steps: 50}
	if f.finish(nil, 100); f.LeftOut != "no time was left" || f.PerHour != 0 {
		t.Errorf("%+v", f)
	}
}
