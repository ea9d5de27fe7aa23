package mnist

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"math/bits"
	"strings"
)

// Images is a stack of grey images of one size.
type Images struct {
	Pixels        []byte // N×Rows×Cols row-major; 0 background … 255 full ink
	N, Rows, Cols int    // each at least 1
}

// ReadImages reads an IDX file of unsigned bytes, plain or gzip, to its end.
//
// Two dimensions n×p give n images of 1×p, three n×rows×cols, four n×1×rows×cols or n×rows×cols×1. No dimension may be
// 0, and nothing may follow the last pixel. name is the file's name in errors. A file that is not that is a
// [*FormatError]; an error of r itself is wrapped.
//
// Memory grows with the bytes that r really gives, never with the header's claim. A reader with a method Len() int (as
// [bytes.Reader] has: the bytes left) lets a plain file of the wrong length be refused before any is allocated.
func ReadImages(r io.Reader, name string) (*Images, error) {
	d, err := newIDXReader(r, name)
	if err != nil {
		return nil, err
	}
	dims, err := d.header(2, 4, "images")
	if err != nil {
		return nil, err
	}
	m := &Images{N: dims[0]}
	switch {
	case len(dims) == 2:
		m.Rows, m.Cols = 1, dims[1]
	case len(dims) == 3:
		m.Rows, m.Cols = dims[1], dims[2]
	case dims[1] == 1:
		m.Rows, m.Cols = dims[2], dims[3]
	case dims[3] == 1:
		m.Rows, m.Cols = dims[1], dims[2]
	default:
		return nil, d.fail(4, "n×1×rows×cols or n×rows×cols×1", times(dims),
			"only grey images can be read: convert them to one channel")
	}
	if m.Pixels, err = d.body(dims); err != nil {
		return nil, err
	}
	return m, nil
}

// ReadLabels reads an IDX file of one dimension of unsigned bytes, plain or gzip, to its end: a label per image.
// Errors and memory are as for [ReadImages].
func ReadLabels(r io.Reader, name string) ([]uint8, error) {
	d, err := newIDXReader(r, name)
	if err != nil {
		return nil, err
	}
	dims, err := d.header(1, 1, "labels")
	if err != nil {
		return nil, err
	}
	return d.body(dims)
}

// elementType is the third byte of an IDX file.
type elementType byte

const unsignedByte elementType = 0x08

// String returns the type's name and code.
func (t elementType) String() string {
	name := "an unknown type"
	switch t {
	case unsignedByte:
		name = "unsigned byte"
	case 0x09:
		name = "signed byte"
	case 0x0b:
		name = "int16"
	case 0x0c:
		name = "int32"
	case 0x0d:
		name = "float32"
	case 0x0e:
		name = "float64"
	}
	return fmt.Sprintf("%s (0x%02x)", name, byte(t))
}

// idxReader reads one IDX file from front to back.
type idxReader struct {
	name   string
	r      io.Reader // the data after decompression
	offset int64     // bytes taken from r
	gzip   bool
	stored int64 // bytes of the file as stored when known in advance, else -1
}

func newIDXReader(r io.Reader, name string) (*idxReader, error) {
	d := &idxReader{name: name, stored: -1}
	if l, ok := r.(interface{ Len() int }); ok {
		d.stored = int64(l.Len())
	}
	buffered := bufio.NewReaderSize(r, 1<<16)
	d.r = buffered
	// An IDX file starts with two zero bytes, so the gzip magic cannot be mistaken. A file too short to tell, or an
	// error, is found again and reported when the header is read.
	if magic, _ := buffered.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		d.gzip = true
		z, err := gzip.NewReader(buffered)
		if err != nil {
			return nil, d.readError(err, "a gzip header")
		}
		d.r = z
	}
	return d, nil
}

// header reads the magic number and the sizes and checks everything about them but the length of the file.
func (d *idxReader) header(minDims, maxDims int, what string) ([]int, error) {
	magic, err := d.take(4, "the 4 bytes of an IDX magic number")
	if err != nil {
		return nil, err
	}
	if magic[0] != 0 || magic[1] != 0 {
		hint := "this is not an IDX file"
		if magic[0] == '<' {
			hint = "this looks like a web page, not data: download the file again"
		}
		return nil, d.fail(0, "an IDX magic number, 0x0000TTDD", fmt.Sprintf("0x%x", magic), hint)
	}
	if t := elementType(magic[2]); t != unsignedByte {
		return nil, d.fail(2, "element type "+unsignedByte.String(), t.String(),
			"convert the "+what+" to unsigned bytes")
	}
	n := int(magic[3])
	if n < minDims || n > maxDims {
		want := "1 dimension"
		if maxDims > 1 {
			want = fmt.Sprintf("%d to %d dimensions", minDims, maxDims)
		}
		return nil, d.fail(3, want+" for "+what, fmt.Sprint(n),
			"check that images and labels are not exchanged and that the file is whole")
	}
	sizes, err := d.take(4*n, fmt.Sprintf("%d bytes of sizes", 4*n))
	if err != nil {
		return nil, err
	}
	dims := make([]int, n)
	total := uint64(1)
	for i := range dims {
		size := binary.BigEndian.Uint32(sizes[4*i:])
		if size == 0 {
			return nil, d.fail(int64(4+4*i), "a size of at least 1", "0", "the file holds no "+what)
		}
		var high uint64
		if high, total = bits.Mul64(total, uint64(size)); high != 0 || total > math.MaxInt {
			return nil, d.fail(4, "sizes that fit in memory", "a product beyond this machine's integers",
				"the header is damaged: get the file again")
		}
		dims[i] = int(size)
	}
	return dims, nil
}

// body reads the elements and the end of the file.
func (d *idxReader) body(dims []int) ([]byte, error) {
	want := 1
	for _, n := range dims {
		want *= n // header has checked the product
	}
	claim := fmt.Sprintf("%d bytes and then the end", want)
	if len(dims) > 1 {
		claim = times(dims) + " = " + claim
	}
	if d.stored >= 0 && !d.gzip {
		if left := d.stored - d.offset; left != int64(want) {
			return nil, d.fail(d.offset, claim, fmt.Sprintf("%d bytes", left), lengthHint(left < int64(want)))
		}
	}
	start := d.offset
	// Eight times the stored size is about what gzip makes of real images, so those are read without a copy; a false
	// claim costs no more than that.
	buf := make([]byte, 0, min(int64(want), max(1<<16, 8*d.stored)))
	for len(buf) < want {
		if len(buf) == cap(buf) {
			grown := make([]byte, len(buf), min(want, 2*cap(buf)))
			copy(grown, buf)
			buf = grown
		}
		n, err := d.fill(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return nil, d.fail(start, claim, fmt.Sprintf("%d bytes", len(buf)), lengthHint(true))
		}
		if err != nil {
			return nil, d.readError(err, claim)
		}
	}
	end := d.offset
	var extra [1]byte
	switch n, err := d.fill(extra[:]); {
	case n > 0:
		return nil, d.fail(end, "the end of the file", "more bytes", lengthHint(false))
	case err != io.EOF:
		return nil, d.readError(err, "the end of the file")
	}
	return buf, nil
}

// take reads n bytes of the header.
func (d *idxReader) take(n int, want string) ([]byte, error) {
	buf := make([]byte, n)
	start := d.offset
	got, err := d.fill(buf)
	if err == io.EOF {
		return nil, d.fail(start, want, fmt.Sprintf("%d bytes", got), lengthHint(true))
	}
	if err != nil {
		return nil, d.readError(err, want)
	}
	return buf, nil
}

// fill reads until buf is full or an error. Unlike [io.ReadFull] it leaves the error as it is: io.EOF is a clean end,
// io.ErrUnexpectedEOF comes from gzip and means that the compressed data is cut short.
func (d *idxReader) fill(buf []byte) (n int, err error) {
	for n < len(buf) && err == nil {
		var got int
		got, err = d.r.Read(buf[n:])
		n += got
	}
	d.offset += int64(n)
	if n == len(buf) {
		return n, nil
	}
	return n, err
}

func (d *idxReader) fail(offset int64, want, got, hint string) *FormatError {
	return &FormatError{File: d.name, Offset: offset, Want: want, Got: got, Hint: hint}
}

// readError tells damage of the compressed data from an error of the reader beneath it.
func (d *idxReader) readError(err error, want string) error {
	var corrupt flate.CorruptInputError
	if d.gzip && (errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) || errors.Is(err, gzip.ErrHeader) ||
		errors.Is(err, gzip.ErrChecksum) || errors.As(err, &corrupt)) {
		e := d.fail(d.offset, want, "damaged gzip data ("+err.Error()+")", "get the file again")
		e.Err = err
		return e
	}
	return fmt.Errorf("mnist: %s: offset %d: %w", d.name, d.offset, err)
}

func lengthHint(short bool) string {
	if short {
		return "the file is cut short: get it again"
	}
	return "the file is longer than its header says: get it again"
}

// times writes sizes as people do: 60000×28×28.
func times(dims []int) string {
	s := make([]string, len(dims))
	for i, n := range dims {
		s[i] = fmt.Sprint(n)
	}
	return strings.Join(s, "×")
}
