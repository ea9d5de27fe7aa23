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
		return nil, err
	}
	data := io.NewSectionReader(f.r, f.start+e.begin, e.end-e.begin)
	return readData(data, e, make([]byte, min(chunk, e.end-e.begin)))
}

// Verify reads all data and compares it with the checksum that the header gives, if it gives one.
func (f *File) Verify() error {
	if f.dataSum == "" {
		return nil
	}
	sum := sha256.New()
	if n, err := io.Copy(sum, io.NewSectionReader(f.r, f.start, f.size-f.start)); err != nil || n != f.size-f.start {
		return fmt.Errorf("safetensors: after %d bytes of data: %w", n, cmp.Or(err, io.ErrUnexpectedEOF))
	}
	return f.compare(sum)
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
	for _, e := range f.entries {
		if err := e.readable(); err != nil {
			return nil, nil, err
		}
	}
	sum := sha256.New()
	data := io.TeeReader(io.NewSectionReader(r, f.start, size-f.start), sum)
	tensors = make([]Tensor, len(f.entries))
	buf := make([]byte, min(chunk, size-f.start))
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

// ReadFile reads the file at path as [Read] does; a [*FormatError] carries the path.
func ReadFile(path string) (tensors []Tensor, meta map[string]string, err error) {
	f, err := atomicfile.Open(path)
	if not := (*atomicfile.NotRegularError)(nil); errors.As(err, &not) {
		return nil, nil, &FormatError{File: path, Reason: "not a regular file"}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("safetensors: %w", err)
	}
	defer f.Close()
	s, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("safetensors: %w", err)
	}
	tensors, meta, err = Read(f, s.Size())
	return tensors, meta, inFile(err, path)
}

// inFile puts path into a FormatError.
func inFile(err error, path string) error {
	if f := (*FormatError)(nil); errors.As(err, &f) {
		g := *f
		g.File = path
		return &g
	}
	return err
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
		return header{}, 0, badFile("header of %d bytes in a file of %d: the file is cut short or no safetensors file", n, size)
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
