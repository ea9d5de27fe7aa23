package mnist

import (
	"context"
	"fmt"
	"io"
)

// input is one file to decode.
type input struct {
	name string    // for errors
	r    io.Reader // nil for the training images when they are not wanted
}

// decoded holds the four files of a set before they are checked against each other.
type decoded struct {
	in     [roleCount]input
	images [roleCount]*Images // trainImages and testImages are set, the first when it was wanted
	labels [roleCount][]uint8 // trainLabels and testLabels are set
}

// decode reads the files at the same time, because gzip keeps one core busy for each.
func decode(ctx context.Context, in [roleCount]input) (*decoded, error) {
	d := &decoded{in: in}
	var errs [roleCount]error
	parallel(roleCount, func(role int) {
		if in[role].r == nil {
			return
		}
		if role == trainImages || role == testImages {
			d.images[role], errs[role] = ReadImages(in[role].r, in[role].name)
		} else {
			d.labels[role], errs[role] = ReadLabels(in[role].r, in[role].name)
		}
	})
	if ctx.Err() != nil {
		return nil, fmt.Errorf("mnist: reading stopped: %w", context.Cause(ctx))
	}
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return d, nil
}

// sets checks the files against each other and returns the two sets. classes nil means the numbers.
func (d *decoded) sets(classes []string) (train, test *Set, err error) {
	for _, images := range []int{trainImages, testImages} {
		if d.images[images] == nil {
			continue
		}
		if got, want := len(d.labels[images+1]), d.images[images].N; got != want {
			return nil, nil, d.disagree(images+1, 4, fmt.Sprintf("%d labels, one for each image of %s", want, d.in[images].name),
				fmt.Sprint(got), "the two files do not belong together")
		}
	}
	a, b := d.images[trainImages], d.images[testImages]
	if a != nil && (a.Rows != b.Rows || a.Cols != b.Cols) {
		return nil, nil, d.disagree(testImages, 8, fmt.Sprintf("images of %d×%d as in %s", a.Rows, a.Cols, d.in[trainImages].name),
			fmt.Sprintf("%d×%d", b.Rows, b.Cols), "training and test images must have one size")
	}
	if classes == nil {
		highest := max(highestLabel(d.labels[trainLabels]), highestLabel(d.labels[testLabels]))
		for label := range highest + 1 {
			classes = append(classes, fmt.Sprint(label))
		}
	}
	for _, role := range []int{trainLabels, testLabels} {
		for i, label := range d.labels[role] {
			if int(label) >= len(classes) {
				return nil, nil, d.disagree(role, int64(8+i), fmt.Sprintf("a label below %d, the number of class names", len(classes)),
					fmt.Sprint(label), "give a name for every label")
			}
		}
	}
	set := func(images int) *Set {
		m := d.images[images]
		return &Set{Images: m.Pixels, Labels: d.labels[images+1], Rows: m.Rows, Cols: m.Cols, Classes: classes}
	}
	if a == nil {
		return &Set{Rows: b.Rows, Cols: b.Cols, Classes: classes}, set(testImages), nil
	}
	return set(trainImages), set(testImages), nil
}

func (d *decoded) disagree(role int, offset int64, want, got, hint string) error {
	return &FormatError{File: d.in[role].name, Offset: offset, Want: want, Got: got, Hint: hint}
}

func highestLabel(labels []uint8) int {
	highest := 0
	for _, label := range labels {
		highest = max(highest, int(label))
	}
	return highest
}
