package mnist

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"testing"
)

// plain returns what a file holds after decompression as far as that goes, by another way than the reader's.
func plain(file []byte) []byte {
	if len(file) < 2 || file[0] != 0x1f || file[1] != 0x8b {
		return file
	}
	z, err := gzip.NewReader(bytes.NewReader(file))
	if err != nil {
		return nil
	}
	raw, _ := io.ReadAll(z)
	return raw
}

// checkError holds an error of the readers to its form.
func checkError(t *testing.T, err error) {
	t.Helper()
	var format *FormatError
	if !errors.As(err, &format) {
		t.Fatalf("want a *FormatError from memory, got %v", err)
	}
	if format.File != "f" || format.Offset < 0 || format.Want == "" || format.Got == "" || format.Hint == "" {
		t.Fatalf("incomplete: %+v", format)
	}
}

// checkAllocated holds memory to the size of the file, stored and decompressed.
func checkAllocated(t *testing.T, n uint64, file, raw []byte) {
	t.Helper()
	if limit := uint64(1<<20 + 16*(len(file)+len(raw))); n > limit {
		t.Fatalf("%d bytes, %d after decompression, cost %d bytes of memory, want at most %d", len(file), len(raw), n,
			limit)
	}
}

func FuzzReadImages(f *testing.F) {
	f.Fuzz(func(t *testing.T, file []byte) {
		raw := plain(file)
		var m *Images
		var err error
		checkAllocated(t, allocated(func() { m, err = ReadImages(bytes.NewReader(file), "f") }), file, raw)
		streamed, streamErr := ReadImages(struct{ io.Reader }{bytes.NewReader(file)}, "f")
		if (err == nil) != (streamErr == nil) {
			t.Fatalf("with the length known: %v; unknown: %v", err, streamErr)
		}
		if err != nil {
			checkError(t, err)
			return
		}
		if m.N < 1 || m.Shape.Rows < 1 || m.Shape.Cols < 1 || len(m.Pixels) != m.N*m.Shape.Pixels() {
			t.Fatalf("%d pixels for %d×%v", len(m.Pixels), m.N, m.Shape)
		}
		if !bytes.Equal(m.Pixels, streamed.Pixels) {
			t.Fatal("a known length changes the pixels")
		}
		var again []byte
		switch n, rows, cols := uint32(m.N), uint32(m.Shape.Rows), uint32(m.Shape.Cols); {
		case raw[3] == 2:
			again = idx(m.Pixels, n, cols)
		case raw[3] == 3:
			again = idx(m.Pixels, n, rows, cols)
		case bytes.Equal(raw[8:12], []byte{0, 0, 0, 1}):
			again = idx(m.Pixels, n, 1, rows, cols)
		default:
			again = idx(m.Pixels, n, rows, cols, 1)
		}
		if !bytes.Equal(again, raw) {
			t.Fatalf("written again: %x\nread: %x", again, raw)
		}
	})
}

func FuzzReadLabels(f *testing.F) {
	f.Fuzz(func(t *testing.T, file []byte) {
		raw := plain(file)
		var labels []uint8
		var err error
		checkAllocated(t, allocated(func() { labels, err = ReadLabels(bytes.NewReader(file), "f") }), file, raw)
		if err != nil {
			checkError(t, err)
			return
		}
		if again := idx(labels, uint32(len(labels))); !bytes.Equal(again, raw) {
			t.Fatalf("written again: %x\nread: %x", again, raw)
		}
	})
}
