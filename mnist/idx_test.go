package mnist

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// idx writes an IDX file of unsigned bytes by the format's description.
func idx(data []byte, dims ...uint32) []byte {
	file := []byte{0, 0, 8, byte(len(dims))}
	for _, n := range dims {
		file = binary.BigEndian.AppendUint32(file, n)
	}
	return append(file, data...)
}

func gzipped(t testing.TB, data []byte) []byte {
	t.Helper()
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if _, err := z.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// counting returns n bytes 1, 2, 3, ….
func counting(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i + 1)
	}
	return b
}

func TestReadImages(t *testing.T) {
	data := counting(12)
	tests := []struct {
		name string
		file []byte
		want Images
	}{
		{"two dimensions are rows of pixels", idx(data, 3, 4), Images{data, 3, Grey(1, 4)}},
		{"three dimensions", idx(data, 2, 3, 2), Images{data, 2, Grey(3, 2)}},
		{"one channel first", idx(data, 2, 1, 3, 2), Images{data, 2, Grey(3, 2)}},
		{"one channel last", idx(data, 2, 3, 2, 1), Images{data, 2, Grey(3, 2)}},
		{"one pixel", idx([]byte{200}, 1, 1, 1), Images{[]byte{200}, 1, Grey(1, 1)}},
		{"gzip", gzipped(t, idx(data, 2, 3, 2)), Images{data, 2, Grey(3, 2)}},
		{
			"gzip of two members", append(gzipped(t, idx(data[:5], 2, 3, 2)), gzipped(t, data[5:])...),
			Images{data, 2, Grey(3, 2)},
		},
		{
			"more than the first buffer", idx(counting(300_000), 3, 1000, 100),
			Images{counting(300_000), 3, Grey(1000, 100)},
		},
		{
			"the same, gzip", gzipped(t, idx(counting(300_000), 3, 1000, 100)),
			Images{counting(300_000), 3, Grey(1000, 100)},
		},
	}
	readers := []struct {
		name string
		wrap func(io.Reader) io.Reader
	}{
		{"whole", func(r io.Reader) io.Reader { return r }},
		{"length unknown", func(r io.Reader) io.Reader { return struct{ io.Reader }{r} }},
		{"a byte at a time", iotest.OneByteReader},
		{"end with the data", iotest.DataErrReader},
	}
	for _, tt := range tests {
		for _, r := range readers {
			t.Run(tt.name+"/"+r.name, func(t *testing.T) {
				got, err := ReadImages(r.wrap(bytes.NewReader(tt.file)), "f")
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got.Pixels, tt.want.Pixels) { // a diff of 300,000 bytes would take seconds
					t.Errorf("%d pixels are not the %d of the file", len(got.Pixels), len(tt.want.Pixels))
				}
				if diff := cmp.Diff(&tt.want, got, cmpopts.IgnoreFields(Images{}, "Pixels")); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		}
	}
}

// flip returns a copy with the bits of one byte inverted; at counts from the end when negative.
func flip(data []byte, at int) []byte {
	data = bytes.Clone(data)
	if at < 0 {
		at += len(data)
	}
	data[at] ^= 0xff
	return data
}

func TestReadImagesMalformed(t *testing.T) {
	good := idx(counting(12), 2, 3, 2)
	zipped := gzipped(t, good)
	typed := func(code byte) []byte { f := bytes.Clone(good); f[2] = code; return f }
	tests := []struct {
		name   string
		file   []byte
		offset int64
		text   string // part of the message, from want on
	}{
		{"empty", nil, 0, "want the 4 bytes of an IDX magic number, got 0 bytes: the file is empty: get it again"},
		{"half a magic number", good[:2], 0, "got 2 bytes"},
		{"wrong magic", []byte("\x89PNG\r\n\x1a\n"), 0, "want an IDX magic number, 0x0000TTDD, got 0x89504e47: this " +
			"is a picture, not an IDX file"},
		{"web page", []byte("<!DOCTYPE html>"), 0, "this looks like a web page"},
		{"signed bytes", typed(0x09), 2, "want element type unsigned byte (0x08), got signed byte (0x09): convert " +
			"the images"},
		{"int16", typed(0x0b), 2, "got int16 (0x0b)"},
		{"int32", typed(0x0c), 2, "got int32 (0x0c)"},
		{"float32", typed(0x0d), 2, "got float32 (0x0d)"},
		{"float64", typed(0x0e), 2, "got float64 (0x0e)"},
		{"unknown type", typed(0x42), 2, "got an unknown type (0x42)"},
		{"labels for images", idx(counting(3), 3), 3, "want 2 to 4 dimensions for images, got 1: check that images " +
			"and labels are not exchanged"},
		{"five dimensions", idx(counting(1), 1, 1, 1, 1, 1), 3, "got 5"},
		{"no dimensions", []byte{0, 0, 8, 0}, 3, "got 0"},
		{"sizes cut short", good[:11], 4, "want 12 bytes of sizes, got 7 bytes: the file is cut short"},
		{"no images", idx(nil, 0, 28, 28), 4, "want a size of at least 1, got 0: the file holds no images"},
		{"no rows", idx(nil, 2, 0, 28), 8, "want a size of at least 1"},
		{"no columns", idx(nil, 2, 28, 0), 12, "want a size of at least 1"},
		{"product beyond integers", idx(nil, 1<<31, 1<<31, 1<<31), 4, "want sizes that fit in memory"},
		{"product is 0 modulo 2^64", idx(nil, 1<<31, 1<<31, 4, 1), 4, "want sizes that fit in memory"},
		{"colour", idx(counting(12), 1, 3, 2, 2), 4, "want n×1×rows×cols or n×rows×cols×1, got 1×3×2×2: only grey"},
		{
			"one image that is all the file", idx(make([]byte, 1<<20+1<<10), 1, 1025, 1024), 8,
			"want images of at most 1048576 pixels, got 1025×1024: make the images smaller",
		},
		{
			"pixels cut short", good[:20], 16,
			"want 2×3×2 = 12 bytes and then the end, got 4 bytes: the file is cut short",
		},
		{"no pixels", good[:16], 16, "got 0 bytes"},
		{"huge claim", idx(nil, 1<<20, 1<<5, 1<<5), 16, "got 0 bytes: the file is cut short"},
		{
			"trailing bytes", append(bytes.Clone(good), 0, 0), 16,
			"got 14 bytes: the file is longer than its header says",
		},
		{"gzip: header cut short", zipped[:5], 0, "want a gzip header, got damaged gzip data"},
		{"gzip: unknown method", flip(zipped, 2), 0, "want a gzip header, got damaged gzip data"},
		{"gzip: data cut short", zipped[:len(zipped)-12], 28, "damaged gzip data (unexpected EOF)"},
		{"gzip: wrong checksum", flip(zipped, -8), 28, "want the end of the file, got damaged gzip data (gzip: " +
			"invalid checksum)"},
		{"gzip: bad block", flip(zipped, 10), 0, "damaged gzip data (flate: corrupt input"},
		{"gzip: bytes after it", append(bytes.Clone(zipped), "junk!"...), 28, "damaged gzip data"},
		{"gzip: pixels cut short", gzipped(t, good[:20]), 16, "got 4 bytes: the file is cut short"},
		{
			"gzip: trailing bytes", gzipped(t, append(bytes.Clone(good), 0)), 28,
			"want the end of the file, got more bytes: the file is longer",
		},
		{
			"gzip: huge claim", gzipped(t, idx(nil, 1<<20, 1<<5, 1<<5)), 16,
			"bytes of gzip, which cannot hold them: the file is cut short",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, err := ReadImages(bytes.NewReader(tt.file), "dir/file")
			var format *FormatError
			if !errors.As(err, &format) {
				t.Fatalf("got %v, %v; want a *FormatError", m, err)
			}
			if format.Offset != tt.offset {
				t.Errorf("offset %d, want %d: %v", format.Offset, tt.offset, err)
			}
			text := err.Error()
			if !strings.HasPrefix(text, "mnist: dir/file: offset ") || !strings.Contains(text, tt.text) {
				t.Errorf("got  %s\nwant …%s…", text, tt.text)
			}
			if format.Want == "" || format.Got == "" || format.Hint == "" {
				t.Errorf("a part is empty: %+v", format)
			}
		})
	}
}

func TestReadLabels(t *testing.T) {
	for _, file := range [][]byte{idx(counting(5), 5), gzipped(t, idx(counting(5), 5))} {
		got, err := ReadLabels(bytes.NewReader(file), "f")
		if err != nil || !bytes.Equal(got, counting(5)) {
			t.Errorf("got %v, %v", got, err)
		}
	}
}

func TestReadLabelsMalformed(t *testing.T) {
	int32Labels := idx(make([]byte, 16), 2, 8)
	int32Labels[2] = 0x0c
	tests := []struct {
		name   string
		file   []byte
		offset int64
		text   string
	}{
		{"images for labels", idx(counting(4), 1, 2, 2), 3, "want 1 dimension for labels, got 3: check that images " +
			"and labels are not exchanged"},
		{"QMNIST's int32 table", int32Labels, 2, "got int32 (0x0c): convert the labels to unsigned bytes"},
		{"no labels", idx(nil, 0), 4, "the file holds no labels"},
		{"cut short", idx(counting(3), 4), 8, "want 4 bytes and then the end, got 3 bytes"},
		{"huge claim", idx(nil, 1<<31-1), 8, "got 0 bytes"},
		{"trailing bytes", idx(counting(5), 4), 8, "got 5 bytes: the file is longer"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ReadLabels(bytes.NewReader(tt.file), "f")
			var format *FormatError
			if !errors.As(err, &format) || format.Offset != tt.offset || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got  %v\nwant offset %d, …%s…", err, tt.offset, tt.text)
			}
		})
	}
}

func TestReadErrorsOfTheReaderStayThemselves(t *testing.T) {
	broken := errors.New("disk on fire")
	good := idx(counting(12), 2, 3, 2)
	for _, at := range []int{0, 1, 9, 20, len(good)} {
		_, err := ReadImages(io.MultiReader(bytes.NewReader(good[:at]), iotest.ErrReader(broken)), "f")
		var format *FormatError
		if !errors.Is(err, broken) || errors.As(err, &format) {
			t.Errorf("reader that fails after %d bytes: got %v", at, err)
		}
	}
}

// onceBroken fails one of its readings and then goes on, as a device may.
type onceBroken struct {
	r  io.Reader
	at int // readings before
}

func (b *onceBroken) Read(p []byte) (int, error) {
	if b.at--; b.at == -1 {
		return 0, syscall.EIO
	}
	return b.r.Read(p)
}

// TestOneErrorIsTold: an error that comes once, wherever it comes, is what is told; never that the file is no IDX file.
func TestOneErrorIsTold(t *testing.T) {
	good := idx(counting(300_000), 3, 1000, 100)
	for name, file := range map[string][]byte{"plain": good, "gzip": gzipped(t, good)} {
		for at := 0; ; at++ {
			broken := &onceBroken{bytes.NewReader(file), at}
			_, err := ReadImages(broken, "f")
			if broken.at >= 0 {
				if at == 0 || err != nil {
					t.Errorf("%s: %d readings, %v", name, at, err)
				}
				break
			}
			var format *FormatError
			if !errors.Is(err, syscall.EIO) || errors.As(err, &format) {
				t.Errorf("%s: reading %d fails: got %v, want the error", name, at, err)
			}
		}
	}
}

// TestAffordable: the claims of all files together must fit in half of what is left.
func TestAffordable(t *testing.T) {
	file := func(dims ...int) *idxReader {
		d := &idxReader{name: "f", dims: dims, size: 1}
		for _, n := range dims {
			d.size *= n
		}
		return d
	}
	const gib = 1 << 30
	tests := []struct {
		name  string
		files []*idxReader
		left  int64
		want  string // part of the error; empty for none
	}{
		{"nothing", nil, 0, ""},
		{"half", []*idxReader{file(gib)}, 2 * gib, ""},
		{
			"a byte more",
			[]*idxReader{file(gib + 1)},
			2 * gib,
			"want sizes that fit in half of the 2.0 GiB of memory that is left, got 1073741825 = 1.0 GiB: ",
		},
		{
			"two that fit one by one",
			[]*idxReader{file(1024, 1024, 1024), file(2, 1024, 512, 512)},
			2*gib + 4096,
			"got 2×1024×512×512 = 512.0 MiB beside the 1.0 GiB of other files",
		},
		{"none left", []*idxReader{file(10)}, 0, "half of the 0 bytes of memory"},
	}
	for _, tt := range tests {
		err := affordable(tt.files, tt.left)
		if tt.want == "" && err != nil || tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
			t.Errorf("%s: got %v, want …%s…", tt.name, err, tt.want)
		}
	}
}

// TestHeadersAgreeBeforeABodyIsRead: a file that claims much and a file of labels that does not go with it cost
// nothing, even when all that is claimed is there.
func TestHeadersAgreeBeforeABodyIsRead(t *testing.T) {
	bomb := gzipped(t, idx(make([]byte, 64<<20), 1<<16, 32, 32))
	good := own()
	read := func(in [roleCount][]byte, left int64) (err error) {
		var files [roleCount]input
		for role, data := range in {
			files[role] = input{name: roleNames[role], r: bytes.NewReader(data)}
		}
		n := allocated(func() { _, err = decode(t.Context(), files, left) })
		if n > 4<<20 {
			t.Errorf("%d bytes of memory for a file of %d bytes: %v", n, len(bomb), err)
		}
		return err
	}
	mismatched, whole := good, good
	mismatched[trainImages] = bomb
	whole[trainImages], whole[trainLabels] = bomb, gzipped(t, idx(make([]byte, 1<<16), 1<<16))
	whole[testImages] = idx(make([]byte, 2*32*32), 2, 32, 32)
	if err := read(mismatched, 1<<40); err == nil || !strings.Contains(err.Error(), "want 65536 labels") {
		t.Errorf("labels of another set: %v", err)
	}
	if err := read(whole, 100<<20); err == nil || !strings.Contains(err.Error(),
		"want sizes that fit in half of the 100.0 MiB") {
		t.Errorf("more than there is memory for: %v", err)
	}
}

// allocated returns the bytes that f allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestClaimsAllocateNothing(t *testing.T) {
	// More data than the first buffer takes, so that it must grow, and far less than is claimed.
	images := idx(make([]byte, 200_000), 1<<32-1, 1<<10, 1<<10)
	labels := idx(make([]byte, 200_000), 1<<32-1)
	readers := map[string]func([]byte) io.Reader{
		"length known":   func(b []byte) io.Reader { return bytes.NewReader(b) },
		"length unknown": func(b []byte) io.Reader { return struct{ io.Reader }{bytes.NewReader(b)} },
		"gzip":           func(b []byte) io.Reader { return bytes.NewReader(gzipped(t, b)) },
	}
	for name, reader := range readers {
		t.Run(name, func(t *testing.T) {
			r, l := reader(images), reader(labels)
			if n := allocated(func() { _, _ = ReadImages(r, "f") }); n > 1<<20 {
				t.Errorf("images: 200,016 bytes cost %d bytes of memory", n)
			}
			if n := allocated(func() { _, _ = ReadLabels(l, "f") }); n > 1<<20 {
				t.Errorf("labels: 200,008 bytes cost %d bytes of memory", n)
			}
		})
	}
}
