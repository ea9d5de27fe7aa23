package dataset

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"neuroloupe/mnist"
)

// Counts and shares are those of a set small enough to count by hand.
func TestSummary(t *testing.T) {
	shape := mnist.Grey(1, 4)
	d := &mnist.Dataset{
		Name: "mine", Origin: "files in here",
		Train: &mnist.Set{
			Images: []byte{0, 9, 0, 255, 0, 0, 0, 1, 0, 8, 0, 254}, Labels: []uint8{0, 2, 0}, Shape: shape,
			Classes: []string{"a", "b", "c"},
		},
		Test: &mnist.Set{
			Images: []byte{5, 0, 0, 0}, Labels: []uint8{1}, Shape: shape, Classes: []string{"a", "b", "c"},
		},
	}
	s := Summarize(d)
	if want := map[string]int{"a": 2, "b": 0, "c": 1}; !maps.Equal(s.Sets[0].Classes, want) {
		t.Errorf("classes %v, want %v", s.Sets[0].Classes, want)
	}
	if s.Rows != 1 || s.Cols != 4 || s.Sets[0].NeverInked != 2 || s.Sets[1].NeverInked != 3 {
		t.Errorf("%+v", s)
	}
	if s.Odd == nil {
		t.Error("nothing odd is null in JSON")
	}
	want := [][2]string{
		{"mine", "images of 1×4 pixels, from files in here"},
		{"training", "3 images; 41.7 % of the pixels are inked; 2 of 4 pixels never are"},
		{"", "a 2   b 0   c 1"},
		{"test", "1 images; 25.0 % of the pixels are inked; 3 of 4 pixels never are"},
		{"", "a 0   b 1   c 0"},
	}
	for _, text := range s.Odd {
		want = append(want, [2]string{"ODD", text})
	}
	if got := s.Lines(); !slices.Equal(got, want) {
		t.Errorf("said\n%q\nwant\n%q", got, want)
	}
}

// Of hundreds of classes, which a single wrong label makes, those without images are not named.
func TestSummaryOfManyClasses(t *testing.T) {
	for _, c := range []struct {
		classes int
		want    string
	}{
		{64, "c0 2   c1 0   c2 0"}, // and so on
		{65, "c0 2   c64 1"},
	} {
		s := &mnist.Set{Images: make([]byte, 3), Labels: []uint8{0, 0, uint8(c.classes - 1)}, Shape: mnist.Grey(1, 1)}
		for k := range c.classes {
			s.Classes = append(s.Classes, fmt.Sprintf("c%d", k))
		}
		got := Summarize(&mnist.Dataset{Train: s, Test: s}).Lines()[2][1]
		if !strings.HasPrefix(got, c.want) || c.classes > 64 && got != c.want {
			t.Errorf("%d classes: %q, want %q", c.classes, got, c.want)
		}
	}
}
