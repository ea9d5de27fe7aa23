package dataset

import (
	"strings"
	"testing"

	"neuroloupe/cmd/internal/runs"
	"neuroloupe/mnist"
)

// four is a data set of four training images of a shape.
func four(shape mnist.Shape) *mnist.Dataset {
	s := &mnist.Set{
		Images: make([]byte, 4*shape.Pixels()), Labels: make([]uint8, 4), Shape: shape, Classes: []string{"a", "b"},
	}
	return &mnist.Dataset{Train: s, Test: s.Slice(0, 0)}
}

// The shape goes with the images into every part of a data set, and into the run folder.
func TestShapeKept(t *testing.T) {
	want := mnist.Grey(2, 3)
	e, err := Cut(four(want), &runs.Recipe{Split: "3/1"})
	if err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]mnist.Shape{
		"training": e.Train.Shape, "validation": e.Validation.Shape, "test": e.Test.Shape,
		"some": Some(e.Train, 2).Shape, "described": ShapeOf(e.Describe("", "", nil)),
	} {
		if got != want {
			t.Errorf("%s: images of %v with %d channels, want %v with 1", name, got, got.Channels, want)
		}
	}
}

func TestCutRefusesColour(t *testing.T) {
	_, err := Cut(four(mnist.Shape{Rows: 2, Cols: 3, Channels: 3}), &runs.Recipe{Split: "3/1"})
	if err == nil || !strings.Contains(err.Error(), "only grey images") {
		t.Errorf("got %v, want an error that says that only grey images can be used", err)
	}
}
