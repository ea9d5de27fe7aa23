package netfile

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

// npyMagic starts a numpy array; see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html.
const npyMagic = "\x93NUMPY"

// maxNPYHeader is the most bytes of a header that is read; numpy itself refuses more than 10,000.
const maxNPYHeader = 10_000

// readNPZ reads a zip archive of numpy arrays, as numpy.savez and savez_compressed write them.
func readNPZ(r io.ReaderAt, size int64, o Options) (*Net, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("npz: %w: the file is cut short or damaged", err)
	}
	n := &Net{Form: "npz"}
	var arrays []engine.Tensor
	left := o.maxValues()
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			if strings.HasSuffix(f.Name, "data.pkl") {
				return nil, errors.New("a PyTorch archive of pickles, which are programs and not data; in Python, save it with " +
					"safetensors.torch.save_file(model.state_dict(), \"net.safetensors\")")
			}
			continue
		}
		a, note, err := readMember(f, left)
		if err != nil {
			return nil, fmt.Errorf("npz: array %.60q: %w", name, err)
		}
		if note != "" {
			n.Warnings = append(n.Warnings, fmt.Sprintf("array %.60q is left out: %s", name, note))
			continue
		}
		a.Name = name
		left -= int64(len(a.Data))
		arrays = append(arrays, a)
	}
	return n, n.assemble(arrays, Auto, o)
}

// readMember reads one array. note says why an array is none of a network's.
func readMember(f *zip.File, limit int64) (a engine.Tensor, note string, err error) {
	r, err := f.Open()
	if err != nil {
		return a, "", err
	}
	defer r.Close()
	h, err := readNPYHeader(r)
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
	a.Shape = h.shape
	if a.Data, err = readValues(r, count, size, decode); err != nil {
		return a, "", err
	}
	if h.fortran && len(a.Shape) == 2 {
		a.Data = transpose(a.Data, a.Shape[1], a.Shape[0])
	} else if h.fortran && len(a.Shape) > 2 {
		return a, "", fmt.Errorf("shape %v in Fortran order, want at most two dimensions", h.shape)
	}
	return a, "", nil
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

// npyHeader is what stands before an array's numbers.
type npyHeader struct {
	descr   string // the type: "<f4"
	fortran bool   // the first index runs fastest
	shape   []int  // none for a single number
	bytes   int    // length of the header with all before the numbers
}

// The keys of the header, a Python dictionary.
var (
	npyDescr   = regexp.MustCompile(`'descr'\s*:\s*('[^']*'|\[.*\])\s*[,}]`)
	npyFortran = regexp.MustCompile(`'fortran_order'\s*:\s*(True|False)\s*[,}]`)
	npyShape   = regexp.MustCompile(`'shape'\s*:\s*\(([\d\s,]*)\)\s*[,}]`)
)

func readNPYHeader(r io.Reader) (npyHeader, error) {
	var h npyHeader
	fixed := make([]byte, len(npyMagic)+2+2, len(npyMagic)+2+4) // magic, version, length of 2 bytes or 4
	if _, err := io.ReadFull(r, fixed); err != nil || string(fixed[:len(npyMagic)]) != npyMagic {
		return h, errors.New("not a numpy array")
	}
	length := int64(binary.LittleEndian.Uint16(fixed[len(npyMagic)+2:]))
	switch version := fixed[len(npyMagic)]; version {
	case 1:
	case 2, 3:
		fixed = fixed[:cap(fixed)]
		if _, err := io.ReadFull(r, fixed[len(fixed)-2:]); err != nil {
			return h, fmt.Errorf("header: %w", err)
		}
		length = int64(binary.LittleEndian.Uint32(fixed[len(npyMagic)+2:]))
	default:
		return h, fmt.Errorf("version %d of the numpy format, want 1 to 3", version)
	}
	if length > maxNPYHeader {
		return h, fmt.Errorf("header of %d bytes, want at most %d", length, maxNPYHeader)
	}
	text := make([]byte, length)
	if _, err := io.ReadFull(r, text); err != nil {
		return h, fmt.Errorf("header: %w", err)
	}
	descr, fortran, dims := npyDescr.FindSubmatch(text), npyFortran.FindSubmatch(text), npyShape.FindSubmatch(text)
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
func (h npyHeader) decoder() (decode func([]byte) float64, size int) {
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
