package safetensors

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"

	"neuroloupe/engine/atomicfile"
)

// chunk is how many bytes are converted at a time; a multiple of every element size.
const chunk = 64 << 10

// File is a file of which the header has been read and checked, and no tensor yet.
type File struct {
	r       io.ReaderAt
	start   int64 // where the data starts
	size    int64
	entries []entry
	meta    map[string]string
	dataSum string // empty when the header gives none

	path  string       // "" when that is not known
	close func() error // nil when the caller has r
}

// Open reads the header of a file of size bytes and checks all that it says against that size; [FormatError] says what
// is wrong with it. r is read again by the methods.
func Open(r io.ReaderAt, size int64) (*File, error) {
	h, start, err := readHeader(r, size)
	if err != nil {
		return nil, err
	}
	f := &File{r: r, start: start, size: size, entries: h.entries, meta: h.meta, dataSum: h.meta[dataSumKey]}
	delete(h.meta, dataSumKey)
	delete(h.meta, headerSumKey)
	return f, nil
}

// Meta returns the header's metadata less the checksums; it is empty, not nil, when there is none.
func (f *File) Meta() map[string]string { return f.meta }

// Info is what the header says of a tensor.
type Info struct {
	Name  string
	DType string // as in the header, "F32"
	Shape []int  // empty for a scalar
	Float bool   // its numbers can be read: F32, F64, F16 or BF16
}

// Infos describes the tensors in the order of their data.
func (f *File) Infos() []Info {
	infos := make([]Info, len(f.entries))
	for i, e := range f.entries {
		infos[i] = Info{Name: e.name, DType: e.dtype.name, Shape: e.shape, Float: e.dtype.decode != nil}
	}
	return infos
}

// Load reads the numbers of tensor i of Infos.
func (f *File) Load(i int) ([]float32, error) {
	e := f.entries[i]
	if err := e.readable(); err != nil {
		return nil, f.named(err)
	}
	data, err := readData(io.NewSectionReader(f.r, f.start+e.begin, e.end-e.begin), e,
		make([]byte, min(chunk, e.end-e.begin)))
	return data, f.named(err)
}

// Verify reads all data and compares it with the checksum that the header gives, if it gives one.
func (f *File) Verify() error {
	if f.dataSum == "" {
		return nil
	}
	sum := sha256.New()
	if n, err := io.Copy(sum, io.NewSectionReader(f.r, f.start, f.size-f.start)); err != nil || n != f.size-f.start {
		return f.named(fmt.Errorf("safetensors: after %d bytes of data: %w", n, cmp.Or(err, io.ErrUnexpectedEOF)))
	}
	return f.named(f.compare(sum))
}

func (f *File) compare(sum hash.Hash) error {
	if got := hex.EncodeToString(sum.Sum(nil)); f.dataSum != "" && got != f.dataSum {
		return badFile("the data's sha256 is %s, the header says %.64q: the file is damaged", got, f.dataSum)
	}
	return nil
}

// Read reads a whole file of size bytes. Tensors come in the order of their data, which for files of [Write] is the
// order given; F64, F16 and BF16 are converted to float32, another dtype is an error. meta is the header's metadata
// less the checksums, which are checked here; it is empty, not nil, when there is none.
//
// Everything in the header is checked before memory is allocated for it: no file makes Read allocate more than a few
// times its size. What is wrong with a file is a [*FormatError]; an error of r is returned as it is, with context.
func Read(r io.ReaderAt, size int64) (tensors []Tensor, meta map[string]string, err error) {
	f, err := Open(r, size)
	if err != nil {
		return nil, nil, err
	}
	return f.load()
}

// load reads all tensors and compares the checksum.
func (f *File) load() (tensors []Tensor, meta map[string]string, err error) {
	for _, e := range f.entries {
		if err := e.readable(); err != nil {
			return nil, nil, err
		}
	}
	sum := sha256.New()
	data := io.TeeReader(io.NewSectionReader(f.r, f.start, f.size-f.start), sum)
	tensors = make([]Tensor, len(f.entries))
	buf := make([]byte, min(chunk, f.size-f.start))
	for i, e := range f.entries {
		tensors[i] = Tensor{Name: e.name, Shape: e.shape}
		if tensors[i].Data, err = readData(data, e, buf); err != nil {
			return nil, nil, err
		}
	}
	if err := f.compare(sum); err != nil {
		return nil, nil, err
	}
	return tensors, f.meta, nil
}

// ReadFile reads the file at path as [Read] does. Errors name it.
func ReadFile(path string) (tensors []Tensor, meta map[string]string, err error) {
	f, err := OpenFile(path)
	if err != nil {
		return nil, nil, err
	}
	defer f.Close()
	tensors, meta, err = f.load()
	return tensors, meta, f.named(err)
}

// OpenFile opens the file at path as [Open] does; the caller closes it. Errors of its methods name it.
func OpenFile(path string) (_ *File, err error) {
	r, err := atomicfile.Open(path)
	if not := (*atomicfile.NotRegularError)(nil); errors.As(err, &not) {
		return nil, &FormatError{File: path, Reason: "not a regular file"}
	}
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.Close())
		}
	}()
	info, err := r.Stat()
	if err != nil {
		return nil, fmt.Errorf("safetensors: %w", err)
	}
	f, err := Open(r, info.Size())
	if err != nil {
		return nil, named(err, path)
	}
	f.path, f.close = path, r.Close
	return f, nil
}

// Close closes a file that OpenFile opened; another is its owner's.
func (f *File) Close() error {
	if f.close == nil {
		return nil
	}
	return f.close()
}

// named puts the file's path into an error that does not have it.
func (f *File) named(err error) error { return named(err, f.path) }

// named puts a path, if it is not "", into an error that does not have it.
func named(err error, path string) error {
	if system := (*fs.PathError)(nil); err == nil || path == "" || errors.As(err, &system) {
		return err
	}
	if format := (*FormatError)(nil); errors.As(err, &format) {
		in := *format
		in.File = path
		return &in
	}
	return fmt.Errorf("%s: %w", path, err)
}

// readHeader returns the header and where the data starts.
func readHeader(r io.ReaderAt, size int64) (header, int64, error) {
	if size < prefix {
		return header{}, 0, badFile("%d bytes, want at least %d: not a safetensors file", size, prefix)
	}
	var length [prefix]byte
	if err := readAt(r, length[:], 0); err != nil {
		return header{}, 0, err
	}
	switch n := binary.LittleEndian.Uint64(length[:]); {
	case n > maxHeader:
		return header{}, 0, badFile("header of %d bytes, want at most %d: not a safetensors file", n, maxHeader)
	case int64(n) > size-prefix:
		return header{}, 0, badFile("header of %d bytes in a file of %d: the file is cut short or no safetensors file",
			n, size)
	default:
		text := make([]byte, n)
		if err := readAt(r, text, prefix); err != nil {
			return header{}, 0, err
		}
		start := prefix + int64(n)
		h, err := parseHeader(text, size-start)
		return h, start, err
	}
}

func readAt(r io.ReaderAt, dst []byte, at int64) error {
	// A ReaderAt may return io.EOF with the last byte of what was asked.
	if n, err := r.ReadAt(dst, at); n < len(dst) {
		return fmt.Errorf("safetensors: bytes %d to %d: %w", at, at+int64(len(dst)), err)
	}
	return nil
}

func readData(r io.Reader, e entry, buf []byte) ([]float32, error) {
	dst := make([]float32, (e.end-e.begin)/int64(e.dtype.size))
	for done := 0; done < len(dst); {
		n := min(len(dst)-done, len(buf)/e.dtype.size)
		part := buf[:n*e.dtype.size]
		if _, err := io.ReadFull(r, part); err != nil {
			return nil, fmt.Errorf("safetensors: tensor %q: %w", e.name, err)
		}
		if bad := e.dtype.decode(dst[done:done+n], part); bad >= 0 {
			return nil, badTensor(e.name, "%s element %d is too large for float32", e.dtype.name, done+bad)
		}
		done += n
	}
	return dst, nil
}
