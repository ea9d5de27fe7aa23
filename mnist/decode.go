package mnist

import (
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
)

// input is one file to decode.
type input struct {
	name string    // for errors
	r    io.Reader // nil for the training images when they are not wanted
	hash bool      // whether what it decompresses to is to be hashed
}

// decoded holds the four files of a set.
type decoded struct {
	in     [roleCount]input
	images [roleCount]*Images // trainImages and testImages are set, the first when it was wanted
	labels [roleCount][]uint8 // trainLabels and testLabels are set
	raw    [roleCount]string  // sha256 of what a gzip file decompresses to, when that was to be hashed
}

// decode reads the files at the same time, because gzip keeps one core busy for each. First it reads the headers alone,
// and goes on when they agree and there is memory for what they claim; left is how much there is, in bytes.
func decode(ctx context.Context, in [roleCount]input, left int64) (*decoded, error) {
	d := &decoded{in: in}
	var files [roleCount]*idxReader
	err := d.each(ctx, func(role int) (err error) {
		files[role], err = openIDX(in[role].r, in[role].name, role == trainImages || role == testImages, in[role].hash)
		return err
	})
	if err == nil {
		err = d.agree(files)
	}
	if err == nil {
		err = affordable(slices.DeleteFunc(slices.Clone(files[:]), func(f *idxReader) bool { return f == nil }), left)
	}
	if err != nil {
		return nil, err
	}
	err = d.each(ctx, func(role int) (err error) {
		f := files[role]
		if role == trainImages || role == testImages {
			d.images[role], err = f.readImages()
		} else {
			d.labels[role], err = f.body()
		}
		if f.gzip && f.hash != nil {
			d.raw[role] = hex.EncodeToString(f.hash.Sum(nil))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// each calls do for every file that is to be read, at the same time. The error is the context's, or that of the first
// file that has one.
func (d *decoded) each(ctx context.Context, do func(role int) error) error {
	var errs [roleCount]error
	parallel(roleCount, func(role int) {
		if d.in[role].r != nil {
			errs[role] = do(role)
		}
	})
	if ctx.Err() != nil {
		return fmt.Errorf("mnist: reading stopped: %w", context.Cause(ctx))
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// agree checks the headers against each other: a label for each image, and images of one size.
func (d *decoded) agree(files [roleCount]*idxReader) error {
	for _, images := range []int{trainImages, testImages} {
		if files[images] == nil {
			continue
		}
		if got, want := files[images+1].size, files[images].n; got != want {
			return d.disagree(images+1, 4, fmt.Sprintf("%d labels, one for each image of %s", want, d.in[images].name),
				fmt.Sprint(got), "the two files do not belong together")
		}
	}
	a, b := files[trainImages], files[testImages]
	if a == nil || a.shape == b.shape {
		return nil
	}
	return d.disagree(testImages, 8, fmt.Sprintf("images of %v as in %s", a.shape, d.in[trainImages].name),
		b.shape.String(), "training and test images must have one size")
}

// sets checks the labels and returns the two sets. classes nil means the numbers.
func (d *decoded) sets(classes []string) (train, test *Set, err error) {
	a, b := d.images[trainImages], d.images[testImages]
	if classes == nil {
		highest := max(highestLabel(d.labels[trainLabels]), highestLabel(d.labels[testLabels]))
		for label := range highest + 1 {
			classes = append(classes, fmt.Sprint(label))
		}
	}
	for _, role := range []int{trainLabels, testLabels} {
		for i, label := range d.labels[role] {
			if int(label) >= len(classes) {
				return nil, nil, d.disagree(role, int64(8+i),
					fmt.Sprintf("a label below %d, the number of class names", len(classes)),
					fmt.Sprint(label), "give a name for every label")
			}
		}
	}
	set := func(images int) *Set {
		m := d.images[images]
		return &Set{Images: m.Pixels, Labels: d.labels[images+1], Shape: m.Shape, Classes: classes}
	}
	if a == nil {
		return &Set{Shape: b.Shape, Classes: classes}, set(testImages), nil
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
