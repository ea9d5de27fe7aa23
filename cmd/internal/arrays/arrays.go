// Package arrays holds what a picture was drawn from, as named arrays of numbers and texts, and writes them for other
// programs: csv, JSON and numpy's npz.
package arrays

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"math"
	"strconv"
	"strings"

	"neuroloupe/cmd/internal/exchange/npz"
	"neuroloupe/cmd/internal/words"
)

// Set is the arrays that a picture was drawn from, each with a name, in the order in which they were added.
type Set struct{ arrays []array }

// array is one named array of numbers or of texts, row-major.
type array struct {
	name   string
	shape  []int
	floats []float64
	whole  bool     // floats are whole numbers
	texts  []string // instead of floats
}

type number interface {
	~float32 | ~float64 | ~int | ~uint8
}

// AddVector adds an array of one dimension.
func AddVector[T number](n *Set, name string, v []T) { AddArray(n, name, v, len(v)) }

// AddMatrix adds rows of equal length as an array of two dimensions.
func AddMatrix[T number](n *Set, name string, rows [][]T) {
	cols := 0
	var all []T
	for _, r := range rows {
		cols = len(r)
		all = append(all, r...)
	}
	AddArray(n, name, all, len(rows), cols)
}

// AddArray adds an array of any shape, row-major; the values are copied.
func AddArray[T number](n *Set, name string, v []T, shape ...int) {
	a := array{name: name, shape: shape, floats: make([]float64, len(v))}
	switch any(*new(T)).(type) {
	case float32, float64:
	default:
		a.whole = true
	}
	for i, x := range v {
		a.floats[i] = float64(x)
	}
	n.arrays = append(n.arrays, a)
}

// AddNumber adds a single number.
func AddNumber[T number](n *Set, name string, v T) { AddArray(n, name, []T{v}) }

// AddTexts adds an array of texts, such as the names of the classes.
func AddTexts(n *Set, name string, v []string) {
	n.arrays = append(n.arrays, array{name: name, shape: []int{len(v)}, texts: append([]string{}, v...)})
}

// Floats goes through the arrays of numbers, row-major.
func (n *Set) Floats() iter.Seq2[string, []float64] {
	return func(yield func(string, []float64) bool) {
		for _, a := range n.arrays {
			if a.texts == nil && !yield(a.name, a.floats) {
				return
			}
		}
	}
}

// Values returns the numbers of an array, row-major; nil for a name that no array of numbers has.
func (n *Set) Values(name string) []float64 {
	for _, a := range n.arrays {
		if a.name == name && a.texts == nil {
			return a.floats
		}
	}
	return nil
}

// Rows returns the rows of a matrix; nil for a name that no array of numbers in two dimensions has.
func (n *Set) Rows(name string) [][]float64 {
	for _, a := range n.arrays {
		if a.name != name || a.texts != nil || len(a.shape) != 2 {
			continue
		}
		rows := make([][]float64, a.shape[0])
		for i := range rows {
			rows[i] = a.floats[i*a.shape[1]:][:a.shape[1]]
		}
		return rows
	}
	return nil
}

// Pick returns the values at some places.
func Pick[T any](v []T, places []int) []T {
	out := make([]T, len(places))
	for i, p := range places {
		out[i] = v[p]
	}
	return out
}

// PickRows returns rows of the values at some places.
func PickRows[T any](v []T, rows [][]int) [][]T {
	out := make([][]T, len(rows))
	for i, places := range rows {
		out[i] = Pick(v, places)
	}
	return out
}

// Endings are those of the names of files that Write writes.
func Endings() []string { return []string{".csv", ".json", ".npz"} }

// Write writes numbers in the form of an ending.
//
//	csv   a line per number: array,index,value, the index as "row col" from 0 (none for a single number)
//	json  an object: name to array, nested as its shape; what is not finite is null
//	npz   for numpy.load: float64, int64 or texts, one array per name
func Write(w io.Writer, ending string, n *Set) error {
	seen := map[string]bool{}
	for _, a := range n.arrays {
		if want := product(a.shape); want != a.len() || seen[a.name] {
			return fmt.Errorf("--data: array %s has %d values for shape %v, or its name is used twice", a.name, a.len(),
				a.shape)
		}
		seen[a.name] = true
	}
	forms := map[string]func(io.Writer, *Set) error{".csv": writeCSV, ".json": writeJSON, ".npz": writeNPZ}
	write := forms[strings.ToLower(ending)]
	if write == nil {
		return fmt.Errorf("--data: no form %q, want %s", ending, words.OneOf(Endings()))
	}
	return write(w, n)
}

func product(shape []int) int {
	n := 1
	for _, s := range shape {
		n *= s
	}
	return n
}

func (a array) len() int { return max(len(a.floats), len(a.texts)) }

// text is value i in print, the shortest that reads back the same.
func (a array) text(i int) string {
	if a.texts != nil {
		return a.texts[i]
	}
	return strconv.FormatFloat(a.floats[i], 'g', -1, 64)
}

func writeCSV(w io.Writer, n *Set) error {
	c := csv.NewWriter(w)
	if err := c.Write([]string{"array", "index", "value"}); err != nil {
		return err
	}
	for _, a := range n.arrays {
		for i := range a.len() {
			index := make([]string, len(a.shape))
			for d, rest := len(a.shape)-1, i; d >= 0; d-- {
				index[d] = strconv.Itoa(rest % a.shape[d])
				rest /= a.shape[d]
			}
			if err := c.Write([]string{a.name, strings.Join(index, " "), a.text(i)}); err != nil {
				return err
			}
		}
	}
	c.Flush()
	return c.Error()
}

func writeJSON(w io.Writer, n *Set) error {
	var b bytes.Buffer
	b.WriteString("{")
	for i, a := range n.arrays {
		if i > 0 {
			b.WriteString(",")
		}
		name, err := json.Marshal(a.name)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "\n  %s: ", name)
		if err := a.json(&b, a.shape, 0); err != nil {
			return err
		}
	}
	b.WriteString("\n}\n")
	_, err := w.Write(b.Bytes())
	return err
}

// json writes the part of a that begins at a value, of a shape.
func (a array) json(b *bytes.Buffer, shape []int, at int) error {
	if len(shape) == 0 {
		switch {
		case a.texts != nil:
			s, err := json.Marshal(a.texts[at])
			b.Write(s)
			return err
		case math.IsNaN(a.floats[at]) || math.IsInf(a.floats[at], 0):
			b.WriteString("null")
		default:
			b.WriteString(a.text(at))
		}
		return nil
	}
	b.WriteString("[")
	for i := range shape[0] {
		if i > 0 {
			b.WriteString(", ")
		}
		if err := a.json(b, shape[1:], at+i*product(shape[1:])); err != nil {
			return err
		}
	}
	b.WriteString("]")
	return nil
}

func writeNPZ(w io.Writer, n *Set) error {
	z := npz.NewWriter(w, true)
	for _, a := range n.arrays {
		var err error
		switch {
		case a.texts != nil:
			err = z.AddTexts(a.name, a.texts, a.shape...)
		case a.whole:
			whole := make([]int64, len(a.floats))
			for i, x := range a.floats {
				whole[i] = int64(x)
			}
			err = npz.Add(z, a.name, whole, a.shape...)
		default:
			err = npz.Add(z, a.name, a.floats, a.shape...)
		}
		if err != nil {
			return err
		}
	}
	return z.Close()
}
