package mnist

import "fmt"

// Set is a labelled set of images of one shape held as bytes. The zero value is an empty set.
type Set struct {
	Images  []byte   // n×Rows×Cols×Channels row-major; 0 background … 255 full ink
	Labels  []uint8  // n, each < len(Classes)
	Shape            // of an image
	Classes []string // name of each label value
}

// Len returns n, the number of images.
func (s *Set) Len() int { return len(s.Labels) }

// Image returns image i, Pixels bytes row-major; it aliases s.Images. 0 ≤ i < Len, as for an index expression.
func (s *Set) Image(i int) []byte {
	p := s.Pixels()
	return s.Images[i*p : (i+1)*p : (i+1)*p]
}

// Slice returns images lo ≤ i < hi, sharing memory with s. 0 ≤ lo ≤ hi ≤ Len, as for a slice expression; appending to
// the result's slices does not touch s.
func (s *Set) Slice(lo, hi int) *Set {
	p := s.Pixels()
	return &Set{
		Images: s.Images[lo*p : hi*p : hi*p], Labels: s.Labels[lo:hi:hi],
		Shape: s.Shape, Classes: s.Classes,
	}
}

// Subset returns a copy of the images of the given labels, in the order of s, with label labels[k] renumbered to k and
// its name kept. A label that s does not have, that has no image in s, or that is given twice is a [*ClassError];
// giving no labels at all is an error too.
func (s *Set) Subset(labels []int) (*Set, error) {
	if len(labels) == 0 {
		return nil, fmt.Errorf("mnist: no class is given: choose among %d classes", len(s.Classes))
	}
	counts := s.ClassCounts()
	renumbered := make([]int, len(s.Classes)) // 1 + new label; 0 for a label that is not kept
	out := &Set{Shape: s.Shape}
	n := 0
	for k, label := range labels {
		problem := ClassProblem(-1)
		switch {
		case label < 0 || label >= len(s.Classes):
			problem = ClassUnknown
		case counts[label] == 0:
			problem = ClassEmpty
		case renumbered[label] != 0:
			problem = ClassRepeated
		}
		if problem >= 0 {
			return nil, &ClassError{Label: label, Problem: problem, Have: s.present(counts)}
		}
		renumbered[label] = k + 1
		out.Classes = append(out.Classes, s.Classes[label])
		n += counts[label]
	}
	out.Images = make([]byte, 0, n*s.Pixels())
	out.Labels = make([]uint8, 0, n)
	for i, label := range s.Labels {
		if k := renumbered[label]; k != 0 {
			out.Images = append(out.Images, s.Image(i)...)
			out.Labels = append(out.Labels, uint8(k-1))
		}
	}
	return out, nil
}

// present lists the classes that have images, for a [ClassError].
func (s *Set) present(counts []int) []string {
	var have []string
	for label, name := range s.Classes {
		number := fmt.Sprint(label)
		switch {
		case counts[label] == 0:
		case name == number:
			have = append(have, number)
		default:
			have = append(have, number+" "+name)
		}
	}
	return have
}

// ClassCounts returns the number of images of each label, len(Classes) numbers.
func (s *Set) ClassCounts() []int {
	counts := make([]int, len(s.Classes))
	for _, label := range s.Labels {
		counts[label]++
	}
	return counts
}

// NeverInked returns, for each of the pixels row-major, whether it is 0 in every image of s. A weight from such a
// pixel gets no gradient from the data, so it keeps its start value unless it is decayed.
func (s *Set) NeverInked() []bool {
	ink := make([]byte, s.Pixels())
	for i := range s.Len() {
		for p, v := range s.Image(i) {
			ink[p] |= v
		}
	}
	never := make([]bool, len(ink))
	for p, v := range ink {
		never[p] = v == 0
	}
	return never
}
