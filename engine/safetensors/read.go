package safetensors

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
)

// chunk is how many bytes are converted at a time; a multiple of every element size.
const chunk = 64 << 10

// Read reads a whole file of size bytes. Tensors come in the order of their data, which for files of [Write] is the
// order given; F64, F16 and BF16 are converted to float32, another dtype is an error. meta is the header's metadata
// less the checksums, which are checked here; it is empty, not nil, when there is none.
//
// Everything in the header is checked before memory is allocated for it: no file makes Read allocate more than a few
// times its size. What is wrong with a file is a [*FormatError]; an error of r is returned as it is, with context.
func Read(r io.ReaderAt, size int64) (tensors []Tensor, meta map[string]string, err error) {
	h, start, err := readHeader(r, size)
	if err != nil {
		return nil, nil, err
	}
	sum := sha256.New()
	data := io.TeeReader(io.NewSectionReader(r, start, size-start), sum)
	tensors = make([]Tensor, len(h.entries))
	buf := make([]byte, min(chunk, size-start))
	for i, e := range h.entries {
		tensors[i] = Tensor{Name: e.name, Shape: e.shape}
		if tensors[i].Data, err = readData(data, e, buf); err != nil {
			return nil, nil, err
		}
	}
	if want, ok := h.meta[dataSumKey]; ok {
		if got := hex.EncodeToString(sum.Sum(nil)); got != want {
			return nil, nil, badFile("the data's sha256 is %s, the header says %.64q: the file is damaged", got, want)
		}
	}
	delete(h.meta, dataSumKey)
	delete(h.meta, headerSumKey)
	return tensors, h.meta, nil
}

// ReadFile reads the file at path as [Read] does; a [*FormatError] carries the path.
func ReadFile(path string) (tensors []Tensor, meta map[string]string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, fmt.Errorf("safetensors: %w", err)
	}
	defer f.Close()
	s, err := f.Stat()
	if err != nil {
		return nil, nil, fmt.Errorf("safetensors: %w", err)
	}
	if !s.Mode().IsRegular() {
		return nil, nil, &FormatError{File: path, Reason: "not a regular file"}
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
