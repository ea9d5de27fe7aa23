package safetensors

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"math"
	"unicode/utf8"
)

// Write writes a file: the tensors in the order given, as F32, and meta with the checksums added. The same arguments
// give the same bytes. A tensor whose Data does not have the length of its Shape, a name that is there twice, text that
// is not UTF-8 or a checksum's key in meta is a [*FormatError], and then nothing is written; an error of w is returned
// with context, and then what w got is no file.
func Write(w io.Writer, tensors []Tensor, meta map[string]string) error {
	h, err := layout(tensors, meta)
	if err != nil {
		return err
	}
	buf := make([]byte, chunk)
	sum := sha256.New()
	for _, t := range tensors {
		if err := writeData(sum, t, buf); err != nil {
			return err
		}
	}
	h.meta[dataSumKey] = hex.EncodeToString(sum.Sum(nil))
	head, err := encodeHeader(h, maxHeader)
	if err != nil {
		return err
	}
	if _, err := w.Write(head); err != nil {
		return fmt.Errorf("safetensors: header: %w", err)
	}
	for _, t := range tensors {
		if err := writeData(w, t, buf); err != nil {
			return err
		}
	}
	return nil
}

// layout checks what is to be written and places it. The header's metadata is a copy.
func layout(tensors []Tensor, meta map[string]string) (header, error) {
	h := header{entries: make([]entry, len(tensors)), meta: maps.Clone(meta)}
	if h.meta == nil {
		h.meta = make(map[string]string)
	}
	for k, v := range h.meta {
		if k == dataSumKey || k == headerSumKey {
			return header{}, badFile("metadata %q is set by Write, want another key", k)
		}
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return header{}, badFile("metadata %.100q: %.100q is not UTF-8", k, v)
		}
	}
	seen := make(map[string]bool, len(tensors))
	var at int64
	for i, t := range tensors {
		bytes, ok := product(4, t.Shape)
		switch {
		case t.Name == metadataKey:
			return header{}, badTensor(t.Name, "the name is kept for the metadata")
		case !utf8.ValidString(t.Name):
			return header{}, badTensor(t.Name, "the name is not UTF-8")
		case seen[t.Name]:
			return header{}, badTensor(t.Name, "the name is there twice")
		case !ok:
			return header{}, badTensor(t.Name, "shape %s is negative or overflows", shapeText(t.Shape))
		case bytes != 4*int64(len(t.Data)):
			return header{}, badTensor(t.Name, "%d values, want %s = %d", len(t.Data), shapeText(t.Shape), bytes/4)
		}
		seen[t.Name] = true
		h.entries[i] = entry{name: t.Name, dtype: float32Type(), shape: t.Shape, begin: at, end: at + bytes}
		at += bytes
	}
	return h, nil
}

func writeData(w io.Writer, t Tensor, buf []byte) error {
	for data := t.Data; len(data) > 0; {
		n := min(len(data), len(buf)/4)
		for i, v := range data[:n] {
			binary.LittleEndian.PutUint32(buf[4*i:], math.Float32bits(v))
		}
		if _, err := w.Write(buf[:4*n]); err != nil {
			return fmt.Errorf("safetensors: tensor %q: %w", t.Name, err)
		}
		data = data[n:]
	}
	return nil
}
