package render

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func testImage() *image.RGBA {
	img := image.NewRGBA(image.Rect(0, 0, 7, 5))
	for i := range 35 {
		img.SetRGBA(i%7, i/7, color.RGBA{uint8(i * 7), uint8(i * 3), uint8(255 - i), 255})
	}
	return img
}

func TestPNGTextRoundTrip(t *testing.T) {
	tests := []struct {
		name string
		text map[string]string
	}{
		{"none", map[string]string{}},
		{"plain", map[string]string{"run": "runs/clear", "net": "784-100-10", "scale": "shared"}},
		{"unicode", map[string]string{"formula": "W − γW₀, ‖w‖ ≤ 1", "plain": "x"}},
		{"latin-1 key", map[string]string{"Größe": "ÄÖÜ", "Ã©": "é"}},
		{"empty value", map[string]string{"note": ""}},
		{"lines", map[string]string{"note": "a\nb\r\nc\td"}},
		{"longest key", map[string]string{strings.Repeat("k", 79): "v"}},
		{"long value", map[string]string{"v": strings.Repeat("é", 100000)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b, again bytes.Buffer
			img := testImage()
			if err := EncodePNG(&b, img, tt.text); err != nil {
				t.Fatal(err)
			}
			if err := EncodePNG(&again, img, tt.text); err != nil || !bytes.Equal(b.Bytes(), again.Bytes()) {
				t.Errorf("written twice, the bytes differ (error %v)", err)
			}
			got, err := ReadPNGText(bytes.NewReader(b.Bytes()))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.text, got); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
			decoded, err := png.Decode(bytes.NewReader(b.Bytes()))
			if err != nil {
				t.Fatalf("image/png: %v", err)
			}
			for y := range 5 {
				for x := range 7 {
					if got := color.RGBAModel.Convert(decoded.At(x, y)); got != img.RGBAAt(x, y) {
						t.Errorf("pixel %d, %d: %v, want %v", x, y, got, img.RGBAAt(x, y))
					}
				}
			}
			checkChunks(t, b.Bytes(), len(tt.text))
		})
	}
}

// checkChunks walks a file independently of the package: the checksum of each
// chunk is right, text stands sorted between IHDR and the pixels, and nothing
// follows IEND.
func checkChunks(t *testing.T, file []byte, texts int) {
	t.Helper()
	rest := file[8:]
	var kinds, keys []string
	for len(rest) > 0 {
		n := int(binary.BigEndian.Uint32(rest))
		kind := string(rest[4:8])
		if got, want := binary.BigEndian.Uint32(rest[8+n:]), crc32.ChecksumIEEE(rest[4:8+n]); got != want {
			t.Errorf("%s: checksum %08x, want %08x", kind, got, want)
		}
		if strings.HasSuffix(kind, "EXt") || kind == "iTXt" {
			key, _, _ := bytes.Cut(rest[8:8+n], []byte{0})
			keys = append(keys, string(key))
			if slices.Contains(kinds, "IDAT") {
				t.Errorf("%s after the pixels", kind)
			}
		}
		kinds = append(kinds, kind)
		rest = rest[12+n:]
	}
	if len(keys) != texts || !slices.IsSorted(keys) {
		t.Errorf("keys %q, want %d, sorted", keys, texts)
	}
	if kinds[0] != "IHDR" || kinds[len(kinds)-1] != "IEND" || slices.Index(kinds, "IEND") != len(kinds)-1 {
		t.Errorf("chunks %q, want IHDR first and IEND last", kinds)
	}
}

func TestPNGTextKinds(t *testing.T) {
	var b bytes.Buffer
	if err := EncodePNG(&b, testImage(), map[string]string{"a": "ascii", "b": "γ"}); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"tEXta\x00ascii", "iTXtb\x00\x00\x00\x00\x00γ"} {
		if !bytes.Contains(b.Bytes(), []byte(want)) {
			t.Errorf("file lacks %q", want)
		}
	}
}

func TestEncodePNGRefuses(t *testing.T) {
	tests := []struct {
		name, key, value, want string
	}{
		{"empty key", "", "v", "0 characters, want 1 to 79"},
		{"long key", strings.Repeat("k", 80), "v", "80 characters, want 1 to 79"},
		{"leading space", " run", "v", "leading, trailing or double spaces"},
		{"trailing space", "run ", "v", "leading, trailing or double spaces"},
		{"double space", "a  b", "v", "leading, trailing or double spaces"},
		{"greek key", "γ", "v", "not a printable Latin-1 character"},
		{"control in key", "a\nb", "v", "not a printable Latin-1 character"},
		{"no-break space in key", "a\u00a0b", "v", "not a printable Latin-1 character"},
		{"broken key", "a\xff", "v", "not a printable Latin-1 character"},
		{"NUL in value", "run", "a\x00b", `"run": value contains NUL`},
		{"broken value", "run", "a\xff", `"run": value is not UTF-8`},
		{"huge value", "run", strings.Repeat("x", 1<<20), "1048576 bytes, the limit is"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var b bytes.Buffer
			err := EncodePNG(&b, testImage(), map[string]string{"good": "x", tt.key: tt.value})
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.HasPrefix(err.Error(), "render: ") {
				t.Errorf("error %v, want one with %q", err, tt.want)
			}
			if b.Len() > 0 {
				t.Errorf("%d bytes were written all the same", b.Len())
			}
		})
	}
}

var errFull = errors.New("disk full")

// fullWriter fails after some bytes.
type fullWriter int

func (w *fullWriter) Write(p []byte) (int, error) {
	if n := int(*w); len(p) > n {
		*w = 0
		return n, errFull
	}
	*w -= fullWriter(len(p))
	return len(p), nil
}

func TestEncodePNGPassesOnWriteErrors(t *testing.T) {
	var whole bytes.Buffer
	text := map[string]string{"run": "a", "net": "γ"}
	if err := EncodePNG(&whole, testImage(), text); err != nil {
		t.Fatal(err)
	}
	for room := range whole.Len() {
		w := fullWriter(room)
		if err := EncodePNG(&w, testImage(), text); !errors.Is(err, errFull) {
			t.Errorf("room for %d of %d bytes: error %v, want that of the writer", room, whole.Len(), err)
		}
	}
}

// chunk returns a chunk with a right checksum.
func chunk(kind, data string) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	b = append(b, kind+data...)
	return string(binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b[4:])))
}

func deflated(s string) string {
	var b bytes.Buffer
	w := zlib.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

// pngFiles are files of other programs' making, and broken ones.
var pngFiles = []struct {
	name, file string
	want       map[string]string
	err        string
}{
	{name: "no text", file: pngSignature + chunk("IEND", ""), want: map[string]string{}},
	{
		name: "each kind, anywhere",
		file: pngSignature + chunk("tEXt", "a\x001") + chunk("IDAT", "xyz") + chunk("zTXt", "b\x00\x00"+deflated("2")) +
			chunk("iTXt", "c\x00\x00\x00en\x00see\x00γ") + chunk("iTXt", "d\x00\x01\x00\x00\x00"+deflated("ρ")) +
			chunk("IEND", ""),
		want: map[string]string{"a": "1", "b": "2", "c": "γ", "d": "ρ"},
	},
	{
		name: "latin-1", file: pngSignature + chunk("tEXt", "Gr\xf6\xdfe\x00\xe4") + chunk("IEND", ""),
		want: map[string]string{"Größe": "ä"},
	},
	{
		name: "UTF-8 against the rules", file: pngSignature + chunk("tEXt", "a\x00γ") + chunk("IEND", ""),
		want: map[string]string{"a": "γ"},
	},
	{
		name: "first of two", file: pngSignature + chunk("tEXt", "a\x001") + chunk("tEXt", "a\x002") +
			chunk("IEND", ""),
		want: map[string]string{"a": "1"},
	},
	{name: "empty", file: "", err: "not a png file"},
	{name: "jpeg", file: "\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01", err: "not a png file"},
	{name: "signature alone", file: pngSignature, err: "chunk at byte 8: file ends before IEND"},
	{name: "cut in a head", file: pngSignature + "\x00\x00", err: "file ends before IEND: unexpected EOF"},
	{
		name: "cut in text", file: pngSignature + chunk("tEXt", "a\x00hello")[:12],
		err: `"tEXt": want 7 bytes: unexpected EOF`,
	},
	{
		name: "cut in pixels", file: pngSignature + chunk("IDAT", "hello")[:10],
		err: `"IDAT": want 5 bytes: unexpected EOF`,
	},
	{
		name: "cut in a checksum", file: pngSignature + chunk("IDAT", "hello")[:15],
		err: `"IDAT": checksum: unexpected EOF`,
	},
	{
		name: "wrong checksum", file: pngSignature + chunk("IDAT", "hello")[:16] + "x" + chunk("IEND", ""),
		err: `chunk at byte 8: "IDAT": checksum`,
	},
	{
		name: "huge text", file: pngSignature + "\x7f\xff\xff\xfftEXt",
		err: "2147483647 bytes of text, the limit is 1048576",
	},
	{
		name: "impossible length", file: pngSignature + "\xff\xff\xff\xffIDAT",
		err: "length 4294967295, the limit is 2147483647",
	},
	{name: "no separator", file: pngSignature + chunk("tEXt", "abc") + chunk("IEND", ""), err: "no NUL after the key"},
	{
		name: "unknown compression", file: pngSignature + chunk("zTXt", "a\x00\x07x") + chunk("IEND", ""),
		err: "unknown compression method",
	},
	{
		name: "broken compression", file: pngSignature + chunk("zTXt", "a\x00\x00xxxx") + chunk("IEND", ""),
		err: "decompress: ",
	},
	{name: "cut compression", file: pngSignature + chunk("zTXt", "a\x00\x00"+deflated("hello hello")[:8]) +
		chunk("IEND", ""), err: "decompress: unexpected EOF"},
	{
		name: "short iTXt", file: pngSignature + chunk("iTXt", "a\x00\x00") + chunk("IEND", ""),
		err: "unknown compression method",
	},
	{
		name: "iTXt without language", file: pngSignature + chunk("iTXt", "a\x00\x00\x00en") + chunk("IEND", ""),
		err: "no NUL after the language",
	},
	{
		name: "iTXt not UTF-8", file: pngSignature + chunk("iTXt", "a\x00\x00\x00\x00\x00\xff") + chunk("IEND", ""),
		err: "value is not UTF-8",
	},
	{name: "bomb", file: pngSignature + chunk("zTXt", "a\x00\x00"+deflated(strings.Repeat("0", 1<<24))) +
		chunk("IEND", ""), err: "more than 1048576 bytes of text"},
	{
		name: "too many", file: pngSignature + strings.Repeat(chunk("tEXt", "a\x00b"), maxPNGTexts+1) +
			chunk("IEND", ""),
		err: "more than 1024 text chunks",
	},
}

func TestReadPNGText(t *testing.T) {
	for _, tt := range pngFiles {
		t.Run(tt.name, func(t *testing.T) {
			got, err := ReadPNGText(strings.NewReader(tt.file))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) || !strings.HasPrefix(err.Error(), "render: ") {
					t.Errorf("error %v, want one with %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("text (-want +got):\n%s", diff)
			}
		})
	}
}

func FuzzReadPNGText(f *testing.F) {
	f.Fuzz(func(t *testing.T, file []byte) {
		text, err := ReadPNGText(bytes.NewReader(file))
		if err != nil {
			if text != nil {
				t.Error("both text and an error")
			}
			return
		}
		for k, v := range text {
			if len(v) > 2*maxPNGText {
				t.Errorf("key %q: %d bytes", k, len(v))
			}
		}
		// What was read and may be written is read back the same.
		var b bytes.Buffer
		if err := EncodePNG(&b, image.NewRGBA(image.Rect(0, 0, 1, 1)), text); err != nil {
			return
		}
		again, err := ReadPNGText(&b)
		if err != nil {
			t.Fatalf("own file: %v", err)
		}
		if diff := cmp.Diff(text, again); diff != "" {
			t.Errorf("text (-first +again):\n%s", diff)
		}
	})
}

func TestPictureInfo(t *testing.T) {
	s := newSheet(4, 28, 28)
	s.Colors.Limit = 0.5
	tests := []struct {
		name string
		draw interface{ Draw() (*Picture, error) }
		want map[string]string
	}{
		{"shared", s, map[string]string{"colormap": "blue-orange", "scale": "shared", "limit": "0.5", "tiles": "4"}},
		{
			"row",
			Figure{Rows: sideBy(s, Sheet{
				Width: 28, Height: 28, Tiles: s.Tiles,
				Colors: &Colors{Map: Grey, Scale: Neuron},
			})},
			map[string]string{"colormap": "per panel", "scale": "per panel", "limit": "per tile", "tiles": "8"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p, err := tt.draw.Draw()
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, p.Info()); diff != "" {
				t.Errorf("info (-want +got):\n%s", diff)
			}
			if err := EncodePNG(&bytes.Buffer{}, p.Image, p.Info()); err != nil {
				t.Error(err)
			}
		})
	}
}

// Images of any kind and origin come back as they were, to image/png.
func TestEncodePNGKinds(t *testing.T) {
	clear := image.NewNRGBA(image.Rect(-2, 3, 5, 9))
	for i := range clear.Pix {
		clear.Pix[i] = uint8(i * 11)
	}
	grey := image.NewGray(image.Rect(0, 0, 4, 4))
	for i := range grey.Pix {
		grey.Pix[i] = uint8(i * 16)
	}
	equal := image.NewRGBA(image.Rect(0, 0, 5, 5))
	for i := range 25 {
		equal.SetRGBA(i%5, i/5, color.RGBA{uint8(9 * (i % 5)), 2, 3, 255})
	}
	for name, img := range map[string]image.Image{
		"equal rows":  equal,
		"part":        testImage().SubImage(image.Rect(2, 1, 6, 4)),
		"translucent": clear,
		"grey":        grey,
	} {
		var b bytes.Buffer
		if err := EncodePNG(&b, img, nil); err != nil {
			t.Fatal(err)
		}
		got, err := png.Decode(&b)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		r := img.Bounds()
		if got.Bounds().Size() != r.Size() {
			t.Fatalf("%s: size %v, want %v", name, got.Bounds().Size(), r.Size())
		}
		for y := range r.Dy() {
			for x := range r.Dx() {
				want := color.NRGBAModel.Convert(img.At(r.Min.X+x, r.Min.Y+y))
				if c := color.NRGBAModel.Convert(got.At(x, y)); c != want {
					t.Fatalf("%s: pixel %d, %d is %v, want %v", name, x, y, c, want)
				}
			}
		}
	}
	if err := EncodePNG(&bytes.Buffer{}, image.NewRGBA(image.Rectangle{}), nil); err == nil ||
		!strings.HasPrefix(err.Error(), "render: ") {
		t.Errorf("an empty image: error %v", err)
	}
}
