package mnist

import (
	"fmt"
	"strings"
)

// FormatError says where a file departs from what it must be.
type FormatError struct {
	File   string // the file, as it was named to the reader
	Offset int64  // bytes from the start of the data, after decompression when it is compressed
	Want   string // what must stand at Offset
	Got    string // what does
	Hint   string // what to do about it
	Err    error  // the cause when there is one, such as a gzip checksum error; else nil
}

// Error returns one line that names file, offset, want, got and what to do.
func (e *FormatError) Error() string {
	return fmt.Sprintf("mnist: %s: offset %d: want %s, got %s: %s", e.File, e.Offset, e.Want, e.Got, e.Hint)
}

// Unwrap returns the cause, nil when there is none.
func (e *FormatError) Unwrap() error { return e.Err }

// ChecksumError says that a file is not the official one.
type ChecksumError struct {
	File string // the file or where it came from
	// sha256 in 64 lower-case hexadecimal digits; Got is empty when the size alone shows the difference
	Want, Got string
	WantBytes int64 // size of the official file in bytes
	GotBytes  int64 // size of this one; when more than WantBytes it may be even longer
}

// Error returns one line that names the file and the difference.
func (e *ChecksumError) Error() string {
	if e.Got == "" {
		size := fmt.Sprint(e.GotBytes)
		if e.GotBytes > e.WantBytes {
			size = "at least " + size
		}
		return fmt.Sprintf("mnist: %s: want %d bytes, got %s", e.File, e.WantBytes, size)
	}
	return fmt.Sprintf("mnist: %s: want sha256 %s, got %s", e.File, e.Want, e.Got)
}

// ClassProblem says what is wrong with a label that [Set.Subset] was asked for.
type ClassProblem int

const (
	// ClassUnknown means that the set has no class of this number.
	ClassUnknown ClassProblem = iota
	// ClassEmpty means that the class has a name but no image in this set.
	ClassEmpty
	// ClassRepeated means that the label was asked for more than once.
	ClassRepeated
)

// ClassError says which asked-for label a set cannot give.
type ClassError struct {
	Label   int
	Problem ClassProblem
	Have    []string // the classes that have images, as "number" or "number name"
}

// Error returns one line that names the label, the problem and the classes there are.
func (e *ClassError) Error() string {
	have := strings.Join(e.Have, ", ")
	switch e.Problem {
	case ClassEmpty:
		return fmt.Sprintf("mnist: class %d has no images here: choose among %s", e.Label, have)
	case ClassRepeated:
		return fmt.Sprintf("mnist: class %d is given more than once: give each class once, among %s", e.Label, have)
	default:
		return fmt.Sprintf("mnist: there is no class %d: choose among %s", e.Label, have)
	}
}

// Attempt is one source that was asked and why it gave nothing.
type Attempt struct {
	Source string // the source in words
	File   string // the file it failed at
	Err    error
}

// FetchError says that no source has a file of an official set.
type FetchError struct {
	Set      string    // name of the data set
	Files    []string  // files that could not be had
	Attempts []Attempt // in the order of the attempts
	Advice   string    // what to do
}

// Error returns one line with every source's reason and what to do.
func (e *FetchError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "mnist: cannot get %s of %s", strings.Join(e.Files, ", "), e.Set)
	for _, a := range e.Attempts {
		fmt.Fprintf(&b, "; %s: %s", a.Source, trimPackage(a.Err))
	}
	fmt.Fprintf(&b, "; %s", e.Advice)
	return b.String()
}

// Unwrap returns the error of every attempt.
func (e *FetchError) Unwrap() []error {
	errs := make([]error, len(e.Attempts))
	for i, a := range e.Attempts {
		errs[i] = a.Err
	}
	return errs
}
