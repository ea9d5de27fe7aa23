package mnist

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// clothes is a set of six 1×2 images of four classes, one of which has none.
func clothes() *Set {
	return &Set{
		Images:  []byte{0, 10, 0, 11, 0, 12, 0, 13, 5, 14, 0, 15},
		Labels:  []uint8{2, 0, 3, 0, 2, 2},
		Shape:   Grey(1, 2),
		Classes: []string{"shirt", "bag", "coat", "3"},
	}
}

func TestSetSubset(t *testing.T) {
	tests := []struct {
		name   string
		labels []int
		want   *Set
	}{
		{"one class", []int{0}, &Set{[]byte{0, 11, 0, 13}, []uint8{0, 0}, Grey(1, 2), []string{"shirt"}}},
		{"renumbered in the order given", []int{2, 0}, &Set{
			[]byte{0, 10, 0, 11, 0, 13, 5, 14, 0, 15}, []uint8{0, 1, 1, 0, 0}, Grey(1, 2), []string{"coat", "shirt"},
		}},
		{"the other order", []int{0, 2}, &Set{
			[]byte{0, 10, 0, 11, 0, 13, 5, 14, 0, 15}, []uint8{1, 0, 0, 1, 1}, Grey(1, 2), []string{"shirt", "coat"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := clothes()
			got, err := s.Subset(tt.labels)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			got.Images[0], got.Labels[0], got.Classes[0] = 99, 99, "changed"
			if diff := cmp.Diff(clothes(), s); diff != "" {
				t.Errorf("writing to the subset changes the set:\n%s", diff)
			}
		})
	}
}

func TestSetSubsetErrors(t *testing.T) {
	have := []string{"0 shirt", "2 coat", "3"}
	tests := []struct {
		name   string
		labels []int
		want   ClassError
		text   string
	}{
		{
			"beyond the classes",
			[]int{0, 4},
			ClassError{4, ClassUnknown, have},
			"mnist: there is no class 4: choose among 0 shirt, 2 coat, 3",
		},
		{
			"negative",
			[]int{-1},
			ClassError{-1, ClassUnknown, have},
			"mnist: there is no class -1: choose among 0 shirt, 2 coat, 3",
		},
		{
			"no images",
			[]int{0, 1},
			ClassError{1, ClassEmpty, have},
			"mnist: class 1 has no images here: choose among 0 shirt, 2 coat, 3",
		},
		{
			"twice",
			[]int{2, 0, 2},
			ClassError{2, ClassRepeated, have},
			"mnist: class 2 is given more than once: give each class once, among 0 shirt, 2 coat, 3",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := clothes().Subset(tt.labels)
			var got *ClassError
			if !errors.As(err, &got) {
				t.Fatalf("got %v, want a *ClassError", err)
			}
			if diff := cmp.Diff(&tt.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if err.Error() != tt.text {
				t.Errorf("got  %s\nwant %s", err, tt.text)
			}
		})
	}
	if _, err := clothes().Subset(nil); err == nil {
		t.Error("no labels: no error")
	}
}

func TestSetSlice(t *testing.T) {
	s := clothes()
	part := s.Slice(1, 3)
	want := &Set{[]byte{0, 11, 0, 12}, []uint8{0, 3}, Grey(1, 2), s.Classes}
	if diff := cmp.Diff(want, part); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	part.Images[1] = 77
	if s.Image(1)[1] != 77 {
		t.Error("a slice does not share memory")
	}
	_ = append(part.Images, 1, 1)
	_ = append(part.Labels, 1)
	_ = append(part.Image(0), 1)
	want = clothes()
	want.Images[3] = 77
	if diff := cmp.Diff(want, s); diff != "" {
		t.Errorf("appending to a slice writes into the set:\n%s", diff)
	}
	if n := s.Slice(6, 6).Len(); n != 0 {
		t.Errorf("empty slice has %d images", n)
	}
}

func TestSetCounts(t *testing.T) {
	s := clothes()
	if diff := cmp.Diff([]int{2, 0, 3, 1}, s.ClassCounts()); diff != "" {
		t.Errorf("ClassCounts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]bool{false, false}, s.NeverInked()); diff != "" {
		t.Errorf("NeverInked (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]bool{true, false}, s.Slice(0, 4).NeverInked()); diff != "" {
		t.Errorf("NeverInked of the first four (-want +got):\n%s", diff)
	}
	var zero Set
	if zero.Len() != 0 || zero.Pixels() != 0 || len(zero.NeverInked()) != 0 || len(zero.ClassCounts()) != 0 {
		t.Error("the zero set is not empty")
	}
}
