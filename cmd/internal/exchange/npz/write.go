package npz

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"
)

// magic starts an array.
const magic = "\x93NUMPY"

// Writer writes an archive, array by array. Close ends it.
type Writer struct {
	zip    *zip.Writer
	method uint16
}

// NewWriter returns a Writer that compresses the arrays, or stores them as they are, as weights do not compress.
func NewWriter(w io.Writer, compress bool) *Writer {
	n := &Writer{zip: zip.NewWriter(w), method: zip.Store}
	if compress {
		n.method = zip.Deflate
	}
	return n
}

// Close writes the end of the archive. It does not close what is written to.
func (w *Writer) Close() error { return w.zip.Close() }

// Number is a type whose values are written as they are: <f4, <f8 or <i8.
type Number interface{ float32 | float64 | int64 }

// Add writes an array of any shape, row-major; no shape is a single number.
func Add[T Number](w *Writer, name string, v []T, shape ...int) error {
	var b []byte
	descr := ""
	switch v := any(v).(type) {
	case []float32:
		descr = "<f4"
		for _, x := range v {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
		}
	case []float64:
		descr = "<f8"
		for _, x := range v {
			b = binary.LittleEndian.AppendUint64(b, math.Float64bits(x))
		}
	case []int64:
		descr = "<i8"
		for _, x := range v {
			b = binary.LittleEndian.AppendUint64(b, uint64(x))
		}
	}
	return w.array(name, descr, b, len(v), shape)
}

// AddTexts writes an array of texts, in numpy's way: UCS-4, padded with zeros to the longest.
func (w *Writer) AddTexts(name string, v []string, shape ...int) error {
	longest := 1
	for _, s := range v {
		longest = max(longest, utf8.RuneCountInString(s))
	}
	var b []byte
	for _, s := range v {
		for _, r := range s {
			b = binary.LittleEndian.AppendUint32(b, uint32(r))
		}
		b = append(b, make([]byte, 4*(longest-utf8.RuneCountInString(s)))...)
	}
	return w.array(name, "<U"+strconv.Itoa(longest), b, len(v), shape)
}

// array writes version 1.0 of the format; the values start at a multiple of 64 bytes.
func (w *Writer) array(name, descr string, values []byte, count int, shape []int) error {
	n, dims := 1, make([]string, len(shape))
	for i, d := range shape {
		n *= d
		dims[i] = strconv.Itoa(d)
	}
	if n != count {
		return fmt.Errorf("npz: array %s has %d values, want %d for shape %v", name, count, n, shape)
	}
	tuple := strings.Join(dims, ", ")
	if len(shape) == 1 {
		tuple += ","
	}
	dict := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", descr, tuple)
	const fixed, align = len(magic) + 2 + 2, 64
	dict += strings.Repeat(" ", align-1-(fixed+len(dict))%align) + "\n"
	if len(dict) > math.MaxUint16 {
		return fmt.Errorf("npz: array %s has %d dimensions, too many to write", name, len(shape))
	}
	head := binary.LittleEndian.AppendUint16([]byte(magic+"\x01\x00"), uint16(len(dict)))
	f, err := w.zip.CreateHeader(&zip.FileHeader{Name: name + ".npy", Method: w.method})
	if err != nil {
		return err
	}
	if _, err := f.Write(append(head, dict...)); err != nil {
		return err
	}
	_, err = f.Write(values)
	return err
}
