package dataset

import (
	"fmt"
	"strings"

	"neuroloupe/cmd/internal/words"
	"neuroloupe/mnist"
)

// Summary is what there is to say of a data set: its images, its classes, and what is odd about them.
type Summary struct {
	Name   string       `json:"name"`
	Origin string       `json:"origin"`
	Rows   int          `json:"rows"`
	Cols   int          `json:"cols"`
	Sets   []SetSummary `json:"sets"` // training, then test
	Odd    []string     `json:"odd"`  // what looks like a mistake, the worst first

	shape mnist.Shape
}

// SetSummary is what there is to say of its training or its test images.
type SetSummary struct {
	Name       string         `json:"name"`
	Images     int            `json:"images"`
	Classes    map[string]int `json:"classes"`     // images of each
	NeverInked int            `json:"never_inked"` // pixels that are 0 in every image
	Ink        float64        `json:"ink"`         // share of pixels that are not 0

	names []string // of the classes, in their order
}

// Summarize goes over all images of a data set.
func Summarize(d *mnist.Dataset) *Summary {
	return &Summary{
		Name: d.Name, Origin: d.Origin, Rows: d.Train.Rows, Cols: d.Train.Cols, shape: d.Train.Shape,
		Sets: []SetSummary{summarizeSet("training", d.Train), summarizeSet("test", d.Test)},
		Odd:  Odd(d.Train, d.Test),
	}
}

func summarizeSet(name string, s *mnist.Set) SetSummary {
	out := SetSummary{Name: name, Images: s.Len(), Classes: map[string]int{}, names: s.Classes}
	for k, n := range s.ClassCounts() {
		out.Classes[s.Classes[k]] = n
	}
	for _, never := range s.NeverInked() {
		if never {
			out.NeverInked++
		}
	}
	inked := 0
	for _, p := range s.Images {
		if p != 0 {
			inked++
		}
	}
	out.Ink = float64(inked) / float64(max(1, len(s.Images)))
	return out
}

// manyClasses is how many classes a set may have for those without images to be named.
const manyClasses = 64

// Lines say it for people, each under a name, "" for one that goes on with what is above it.
func (s *Summary) Lines() [][2]string {
	rows := [][2]string{{s.Name, fmt.Sprintf("images of %v pixels, from %s", s.shape, s.Origin)}}
	for _, set := range s.Sets {
		var counts []string
		for _, n := range set.names {
			if set.Classes[n] == 0 && len(set.names) > manyClasses {
				continue // a single wrong label can make hundreds of empty classes
			}
			counts = append(counts, fmt.Sprintf("%s %s", n, words.Thousands(set.Classes[n])))
		}
		rows = append(rows,
			[2]string{set.Name, fmt.Sprintf("%s images; %.1f %% of the pixels are inked; %d of %d pixels never are",
				words.Thousands(set.Images), 100*set.Ink, set.NeverInked, s.shape.Pixels())},
			[2]string{"", strings.Join(counts, "   ")})
	}
	for _, text := range s.Odd {
		rows = append(rows, [2]string{"ODD", text})
	}
	return rows
}
