package mnist

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"
	"math"
	"math/bits"
	"runtime/debug"
	"strings"

	"neuroloupe/engine/memory"
)

// stride is how much is read at a time, so that what is hashed is still in the processor's cache.
const stride = 1 << 18

// large is how many bytes are worth collecting garbage for.
const large = 1 << 28

// Images is a stack of grey images of one size.
type Images struct {
	Pixels []byte // N×Rows×Cols×Channels row-major; 0 background … 255 full ink
	N      int    // at least 1
	Shape  Shape  // of each, grey and of at least one pixel
}

// ReadImages reads an IDX file of unsigned bytes, plain or gzip, to its end.
//
// Two dimensions n×p give n images of 1×p, three n×rows×cols, four n×1×rows×cols or n×rows×cols×1. No dimension may be
// 0, and nothing may follow the last pixel. name is the file's name in errors. A file that is not that is a
// [*FormatError]; an error of r itself is wrapped.
//
// A header that claims more than half of the memory that is left is refused, and memory grows with the bytes that r
// really gives, never with the claim. A reader with a method Len() int (as [bytes.Reader] has: the bytes left) lets a
// plain file of the wrong length, and a gzip file too short for its claim, be refused before any is allocated.
func ReadImages(r io.Reader, name string) (*Images, error) {
	d, err := openIDX(r, name, true, false)
	if err != nil {
		return nil, err
	}
	if err := affordable([]*idxReader{d}, memory.Available()); err != nil {
		return nil, err
	}
	return d.readImages()
}

// ReadLabels reads an IDX file of one dimension of unsigned bytes, plain or gzip, to its end: a label per image.
// Errors and memory are as for [ReadImages].
func ReadLabels(r io.Reader, name string) ([]uint8, error) {
	d, err := openIDX(r, name, false, false)
	if err != nil {
		return nil, err
	}
	if err := affordable([]*idxReader{d}, memory.Available()); err != nil {
		return nil, err
	}
	return d.body()
}

// openIDX reads the header of a file of images or labels, and checks all that it says of itself.
func openIDX(r io.Reader, name string, images, hash bool) (*idxReader, error) {
	d, err := newIDXReader(r, name)
	if err != nil {
		return nil, err
	}
	if hash {
		d.hash = sha256.New()
	}
	if images {
		err = d.header(2, 4, "images")
	} else {
		err = d.header(1, 1, "labels")
	}
	if err == nil {
		err = d.fits()
	}
	if err == nil && images {
		err = d.imageShape()
	}
	return d, err
}

// maxPixels bounds the size of an image; a network takes no more inputs.
const maxPixels = 1 << 20

// imageShape says what the sizes of a file of images mean.
func (d *idxReader) imageShape() error {
	switch dims := d.dims; {
	case len(dims) == 2:
		d.n, d.shape = dims[0], Grey(1, dims[1])
	case len(dims) == 3:
		d.n, d.shape = dims[0], Grey(dims[1], dims[2])
	case dims[1] == 1:
		d.n, d.shape = dims[0], Grey(dims[2], dims[3])
	case dims[3] == 1:
		d.n, d.shape = dims[0], Grey(dims[1], dims[2])
	default:
		return d.fail(4, "n×1×rows×cols or n×rows×cols×1", times(dims),
			"only grey images can be read: convert them to one channel")
	}
	if d.shape.Pixels() > maxPixels {
		return d.fail(8, fmt.Sprintf("images of at most %d pixels", maxPixels), d.shape.String(),
			"make the images smaller; a network has an input for every pixel")
	}
	return nil
}

// readImages reads the pixels.
func (d *idxReader) readImages() (*Images, error) {
	pixels, err := d.body()
	if err != nil {
		return nil, err
	}
	return &Images{Pixels: pixels, N: d.n, Shape: d.shape}, nil
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
	stored int64     // bytes of the file as stored when known in advance, else -1
	hash   hash.Hash // of the data after decompression; nil when nobody asks
	dims   []int     // set by header
	size   int       // their product, the bytes of the body

	n     int   // of images, set by imageShape
	shape Shape // of each
}

func newIDXReader(r io.Reader, name string) (*idxReader, error) {
	d := &idxReader{name: name, stored: -1}
	if l, ok := r.(interface{ Len() int }); ok {
		d.stored = int64(l.Len())
	}
	buffered := bufio.NewReaderSize(r, 1<<16)
	d.r = buffered
	// An IDX file starts with two zero bytes, so the gzip magic cannot be mistaken. That a file is too short to tell is
	// found again when the header is read; another error is told once.
	magic, err := buffered.Peek(2)
	if err != nil && err != io.EOF {
		return nil, d.readError(err, "")
	}
	if len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
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
func (d *idxReader) header(minDims, maxDims int, what string) error {
	magic, err := d.take(4, "the 4 bytes of an IDX magic number")
	if err != nil {
		return err
	}
	if magic[0] != 0 || magic[1] != 0 {
		return d.fail(0, "an IDX magic number, 0x0000TTDD", fmt.Sprintf("0x%x", magic), d.foreign(magic))
	}
	if t := elementType(magic[2]); t != unsignedByte {
		return d.fail(2, "element type "+unsignedByte.String(), t.String(),
			"convert the "+what+" to unsigned bytes")
	}
	n := int(magic[3])
	if n < minDims || n > maxDims {
		want := "1 dimension"
		if maxDims > 1 {
			want = fmt.Sprintf("%d to %d dimensions", minDims, maxDims)
		}
		return d.fail(3, want+" for "+what, fmt.Sprint(n),
			"check that images and labels are not exchanged and that the file is whole")
	}
	sizes, err := d.take(4*n, fmt.Sprintf("%d bytes of sizes", 4*n))
	if err != nil {
		return err
	}
	d.dims = make([]int, n)
	total := uint64(1)
	for i := range d.dims {
		size := binary.BigEndian.Uint32(sizes[4*i:])
		if size == 0 {
			return d.fail(int64(4+4*i), "a size of at least 1", "0", "the file holds no "+what)
		}
		var high uint64
		if high, total = bits.Mul64(total, uint64(size)); high != 0 || total > math.MaxInt {
			return d.fail(4, "sizes that fit in memory", "a product beyond this machine's integers",
				"the header is damaged: get the file again")
		}
		d.dims[i] = int(size)
	}
	d.size = int(total)
	return nil
}

// foreign says what a file is that starts with magic and is no IDX file.
func (d *idxReader) foreign(magic []byte) string {
	head := make([]byte, sniffed)
	n, _ := d.fill(head[copy(head, magic):]) // what cannot be read cannot be told
	return what(head[:len(magic)+n]).hint
}

// claim says what the header promises to stand behind it.
func (d *idxReader) claim() string {
	claim := fmt.Sprintf("%d bytes and then the end", d.size)
	if len(d.dims) > 1 {
		claim = times(d.dims) + " = " + claim
	}
	return claim
}

// maxDeflate bounds how many bytes a byte of gzip can become (zlib.net, "zlib Technical Details": 1032:1).
const maxDeflate = 1032

// fits checks the header's claim against the length of the file, when that is known.
func (d *idxReader) fits() error {
	if d.stored < 0 {
		return nil
	}
	left := d.stored - d.offset
	switch {
	case d.gzip && int64(d.size)/maxDeflate > d.stored:
		return d.fail(d.offset, d.claim(), fmt.Sprintf("%d bytes of gzip, which cannot hold them", d.stored),
			lengthHint(true))
	case !d.gzip && left != int64(d.size):
		return d.fail(d.offset, d.claim(), fmt.Sprintf("%d bytes", left), lengthHint(left < int64(d.size)))
	}
	return nil
}

// affordable refuses files that together claim more than half of the memory that is left, in bytes: what is done with
// the images takes room too.
func affordable(files []*idxReader, left int64) error {
	total := int64(0)
	for _, d := range files {
		if int64(d.size) <= left/2-total {
			total += int64(d.size)
			continue
		}
		claim := times(d.dims) + " = " + inBytes(int64(d.size))
		if total > 0 {
			claim += " beside the " + inBytes(total) + " of other files"
		}
		return d.fail(4, "sizes that fit in half of the "+inBytes(left)+" of memory that is left", claim,
			"the header is damaged, or it needs a machine with more memory")
	}
	return nil
}

// inBytes writes a number of bytes as people do.
func inBytes(n int64) string {
	for _, unit := range []struct {
		size int64
		name string
	}{{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}} {
		if n >= unit.size {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(unit.size), unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}

// body reads the elements and the end of the file.
func (d *idxReader) body() ([]byte, error) {
	want, claim, start := d.size, d.claim(), d.offset
	// Eight times the stored size is about what gzip makes of real images, so those are read without a copy. A claim of
	// more is believed when a quarter of it has arrived, so that it costs no more than five times what is there.
	buf := make([]byte, 0, min(int64(want), max(1<<16, 8*d.stored)))
	for len(buf) < want {
		if len(buf) == cap(buf) {
			more := 2 * cap(buf)
			if want/4 <= cap(buf) {
				more = want
			}
			grown := make([]byte, len(buf), more)
			copy(grown, buf)
			buf = grown
			if more > large {
				debug.FreeOSMemory() // of the smaller ones, before this one fills
			}
		}
		n, err := d.fill(buf[len(buf):min(cap(buf), len(buf)+stride)])
		buf = buf[:len(buf)+n]
		if err == io.EOF {
			return nil, d.fail(start, claim, fmt.Sprintf("%d bytes", len(buf)), lengthHint(true))
		}
		if err != nil {
			return nil, d.readError(err, claim)
		}
	}
	return buf, d.end()
}

// skip reads the elements and the end of the file and keeps nothing.
func (d *idxReader) skip() error {
	claim, start := d.claim(), d.offset
	buf := make([]byte, min(d.size, stride))
	for left := d.size; left > 0; {
		n, err := d.fill(buf[:min(left, len(buf))])
		left -= n
		if err == io.EOF {
			return d.fail(start, claim, fmt.Sprintf("%d bytes", d.size-left), lengthHint(true))
		}
		if err != nil {
			return d.readError(err, claim)
		}
	}
	return d.end()
}

// end reads the end of the file.
func (d *idxReader) end() error {
	end := d.offset
	var extra [1]byte
	switch n, err := d.fill(extra[:]); {
	case n > 0:
		return d.fail(end, "the end of the file", "more bytes", lengthHint(false))
	case err != io.EOF:
		return d.readError(err, "the end of the file")
	}
	return nil
}

// take reads n bytes of the header.
func (d *idxReader) take(n int, want string) ([]byte, error) {
	buf := make([]byte, n)
	start := d.offset
	got, err := d.fill(buf)
	if err == io.EOF {
		hint := lengthHint(true)
		if d.offset == 0 {
			hint = what(nil).hint
		}
		return nil, d.fail(start, want, fmt.Sprintf("%d bytes", got), hint)
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
	if d.hash != nil {
		d.hash.Write(buf[:n])
	}
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
