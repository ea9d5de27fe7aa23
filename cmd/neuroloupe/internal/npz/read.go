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

	"neuroloupe/engine"
)

// maxHeader is the most bytes of a header that is read; numpy itself refuses more than 10,000.
const maxHeader = 10_000

// Read reads one array of an archive, of at most limit numbers, rounded to float32, row-major. An array that is not of
// floating-point numbers, or that has no dimension, is not read, and note says so. The array has no name.
func Read(f *zip.File, limit int64) (a engine.Tensor, note string, err error) {
	r, err := f.Open()
	if err != nil {
		return a, "", err
	}
	defer r.Close()
	h, err := readHeader(r)
	if err != nil {
		return a, "", err
	}
	decode, size := h.decoder()
	if decode == nil {
		return a, fmt.Sprintf("its numbers are %q, want floating-point ones of 16, 32 or 64 bits", h.descr), nil
	}
	if len(h.shape) == 0 {
		return a, "it is a single number", nil
	}
	if h.fortran && len(h.shape) > 2 {
		return a, "", fmt.Errorf("shape %v in Fortran order, want at most two dimensions", h.shape)
	}
	count := int64(1)
	for _, d := range h.shape {
		if d != 0 && count > limit/int64(d) {
			return a, "", fmt.Errorf("shape %v: with what is before it more than %d numbers, too many for a network", h.shape, limit)
		}
		count *= int64(d)
	}
	if want := uint64(h.bytes) + uint64(count)*uint64(size); f.UncompressedSize64 != want {
		return a, "", fmt.Errorf("%d bytes, want %d for shape %v of %d bytes each: the file is damaged", f.UncompressedSize64, want, h.shape, size)
	}
	if a.Data, err = readValues(r, count, size, decode); err != nil {
		return a, "", err
	}
	if a.Shape = h.shape; h.fortran && len(a.Shape) == 2 {
		a.Data = byRows(a.Data, a.Shape[0], a.Shape[1])
	}
	return a, "", nil
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

// readValues reads count numbers. It lets memory grow with what is really there: a zip archive can claim a thousand times
// its size.
func readValues(r io.Reader, count int64, size int, decode func([]byte) float64) ([]float32, error) {
	buf := make([]byte, 8<<10)
	data := make([]float32, 0, min(count, 1<<16))
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
	if _, err := io.ReadFull(r, fixed); err != nil || string(fixed[:len(magic)]) != magic {
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
	h.descr, h.fortran, h.bytes = strings.Trim(string(descr[1]), "'"), string(fortran[1]) == "True", len(fixed)+len(text)
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
