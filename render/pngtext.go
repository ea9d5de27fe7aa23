package render

import (
	"bytes"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"unicode/utf8"
)

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
