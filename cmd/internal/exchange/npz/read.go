package npz

import (
	"archive/zip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// maxHeader is the most bytes of a header that is read; numpy itself refuses more than 10,000.
const maxHeader = 10_000

// Array is an array of an archive of which the header has been read, and no more.
type Array struct {
	Shape []int
	// Note says why the array cannot be read as one of floating-point numbers, in a few words; empty when it can.
	Note    string
	Pickled bool // it holds Python objects, which are never read

	file   *zip.File
	header header
}

// Open reads the header of an array. The error says what of it is damaged.
func Open(f *zip.File) (Array, error) {
	r, err := f.Open()
	if err != nil {
		return Array{}, err
	}
	defer r.Close()
	h, err := readHeader(r)
	if err != nil {
		return Array{}, err
	}
	a := Array{Shape: h.shape, file: f, header: h}
	switch decode, _ := h.decoder(); {
	case strings.HasSuffix(h.descr, "O"):
		a.Note, a.Pickled = "pickled Python objects", true
	case decode == nil:
		a.Note = fmt.Sprintf("its numbers are %.20q, want floating-point ones of 16, 32 or 64 bits", h.descr)
	case len(h.shape) == 0:
		a.Note = "it is a single number"
	}
	return a, nil
}

// count returns how many numbers the array has, when they are no more than limit.
func (a Array) count(limit int64) (int64, error) {
	count := int64(1)
	for _, d := range a.Shape {
		if d != 0 && count > limit/int64(d) {
			return 0, fmt.Errorf("shape %v: more than %d numbers, too many for a network", a.Shape, limit)
		}
		count *= int64(d)
	}
	return count, nil
}

// Read reads the numbers of an array without a Note, at most limit, rounded to float32, row-major.
func (a Array) Read(limit int64) ([]float32, error) {
	h := a.header
	decode, size := h.decoder()
	if a.Note != "" || decode == nil {
		return nil, errors.New(a.Note)
	}
	if h.fortran && len(h.shape) > 2 {
		return nil, fmt.Errorf("shape %v in Fortran order, want at most two dimensions", h.shape)
	}
	count, err := a.count(limit)
	if err != nil {
		return nil, err
	}
	if want := uint64(h.bytes) + uint64(count)*uint64(size); a.file.UncompressedSize64 != want {
		return nil, fmt.Errorf("%d bytes, want %d for shape %v of %d bytes each: the file is damaged",
			a.file.UncompressedSize64, want, h.shape, size)
	}
	if most := 1032*a.file.CompressedSize64 + uint64(h.bytes); a.file.UncompressedSize64 > most { // what deflate can do
		return nil, fmt.Errorf("%d bytes out of %d, more than can be: the file is damaged",
			a.file.UncompressedSize64, a.file.CompressedSize64)
	}
	r, err := a.file.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	if _, err := io.CopyN(io.Discard, r, int64(h.bytes)); err != nil {
		return nil, fmt.Errorf("header: %w", err)
	}
	data, err := readValues(r, count, size, decode)
	if err != nil {
		return nil, err
	}
	if h.fortran && len(h.shape) == 2 {
		data = byRows(data, h.shape[0], h.shape[1])
	}
	return data, nil
}

// byRows returns a rows×cols matrix that is stored column by column, row by row.
func byRows(m []float32, rows, cols int) []float32 {
	t := make([]float32, 0, len(m))
	for r := range rows {
		for c := range cols {
			t = append(t, m[c*rows+r])
		}
	}
	return t
}

// readValues reads count numbers.
func readValues(r io.Reader, count int64, size int, decode func([]byte) float64) ([]float32, error) {
	buf := make([]byte, 8<<10)
	data := make([]float32, 0, count)
	for left := count; left > 0; {
		chunk := buf[:min(int64(len(buf)), left*int64(size))]
		if _, err := io.ReadFull(r, chunk); err != nil {
			return nil, fmt.Errorf("after %d of %d numbers: %w", len(data), count, err)
		}
		for at := 0; at < len(chunk); at += size {
			v := decode(chunk[at:])
			if f := float32(v); math.IsInf(float64(f), 0) && !math.IsInf(v, 0) {
				return nil, fmt.Errorf("number %d is %v, too large for float32", len(data), v)
			}
			data = append(data, float32(v))
		}
		left -= int64(len(chunk) / size)
	}
	// The archive's checksum is compared at its end.
	if _, err := io.ReadFull(r, buf[:1]); !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("after the last number: %w", err)
	}
	return data, nil
}

// header is what stands before an array's numbers.
type header struct {
	descr   string // the type: "<f4"
	fortran bool   // the first index runs fastest
	shape   []int  // none for a single number
	bytes   int    // length of the header with all before the numbers
}

// The keys of the header, a Python dictionary.
var (
	descrKey   = regexp.MustCompile(`'descr'\s*:\s*('[^']*'|\[.*\])\s*[,}]`)
	fortranKey = regexp.MustCompile(`'fortran_order'\s*:\s*(True|False)\s*[,}]`)
	shapeKey   = regexp.MustCompile(`'shape'\s*:\s*\(([\d\s,]*)\)\s*[,}]`)
)

func readHeader(r io.Reader) (header, error) {
	var h header
	fixed := make([]byte, len(magic)+2+2, len(magic)+2+4) // magic, version, length of 2 bytes or 4
	_, err := io.ReadFull(r, fixed)
	switch {
	case err != nil && err != io.EOF && err != io.ErrUnexpectedEOF:
		return h, fmt.Errorf("header: %w", err)
	case err != nil || string(fixed[:len(magic)]) != magic:
		return h, errors.New("not a numpy array")
	}
	length := int64(binary.LittleEndian.Uint16(fixed[len(magic)+2:]))
	switch version := fixed[len(magic)]; version {
	case 1:
	case 2, 3:
		fixed = fixed[:cap(fixed)]
		if _, err := io.ReadFull(r, fixed[len(fixed)-2:]); err != nil {
			return h, fmt.Errorf("header: %w", err)
		}
		length = int64(binary.LittleEndian.Uint32(fixed[len(magic)+2:]))
	default:
		return h, fmt.Errorf("version %d of the numpy format, want 1 to 3", version)
	}
	if length > maxHeader {
		return h, fmt.Errorf("header of %d bytes, want at most %d", length, maxHeader)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return h, fmt.Errorf("header: %w", err)
	}
	descr, fortran, dims := descrKey.FindSubmatch(text), fortranKey.FindSubmatch(text), shapeKey.FindSubmatch(text)
	if descr == nil || fortran == nil || dims == nil {
		return h, fmt.Errorf("header %.100q: want descr, fortran_order and shape", text)
	}
	h.descr, h.fortran, h.bytes = strings.Trim(string(descr[1]), "'"), string(fortran[1]) == "True", len(fixed)+
		len(text)
	for _, d := range strings.FieldsFunc(string(dims[1]), func(r rune) bool { return r == ',' || r == ' ' }) {
		v, err := strconv.Atoi(d)
		if err != nil {
			return h, fmt.Errorf("shape (%s): %w", dims[1], err)
		}
		h.shape = append(h.shape, v)
	}
	return h, nil
}

// decoder returns what turns one number's bytes into its value, and how many they are; nil for other types.
func (h header) decoder() (decode func([]byte) float64, size int) {
	if len(h.descr) != 3 {
		return nil, 0
	}
	var order binary.ByteOrder
	switch h.descr[0] {
	case '<':
		order = binary.LittleEndian
	case '>':
		order = binary.BigEndian
	default:
		return nil, 0
	}
	switch h.descr[1:] {
	case "f2":
		return func(b []byte) float64 { return half(order.Uint16(b)) }, 2
	case "f4":
		return func(b []byte) float64 { return float64(math.Float32frombits(order.Uint32(b))) }, 4
	case "f8":
		return func(b []byte) float64 { return math.Float64frombits(order.Uint64(b)) }, 8
	}
	return nil, 0
}

// half returns the value of an IEEE 754 binary16: ±2^(e−15)·1.f, for e = 0 ±2^−14·0.f, for e = 31 infinity or NaN.
func half(h uint16) float64 {
	exponent, fraction := int(h>>10&31), float64(h&0x3ff)
	v := math.Ldexp(1024+fraction, exponent-25)
	switch {
	case exponent == 0:
		v = math.Ldexp(fraction, -24)
	case exponent == 31 && fraction != 0:
		v = math.NaN()
	case exponent == 31:
		v = math.Inf(1)
	}
	return math.Copysign(v, 1-2*float64(h>>15))
}
