package safetensors

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// maxHeader is the most bytes of header that the format's own implementation reads.
	maxHeader = 100_000_000
	// prefix is the length of the header length.
	prefix = 8
	// metadataKey is the header key that is no tensor.
	metadataKey = "__metadata__"
	// dataSumKey and headerSumKey are the metadata keys of the checksums.
	dataSumKey   = "sha256"
	headerSumKey = "header_sha256"
	// blankSum stands in the header in the place of its own sha256 while that is taken.
	blankSum = "0000000000000000000000000000000000000000000000000000000000000000"
)

// FormatError says what is wrong with a file, or with tensors that no file can hold.
type FormatError struct {
	File   string // path; empty when the bytes came from no file
	Tensor string // name of the tensor at fault; empty when it is the file as a whole
	Reason string // what is wrong: what was found and what was wanted
	Err    error  // cause; may be nil
}

// Error returns "safetensors: FILE: tensor NAME: REASON: CAUSE", less the parts that are empty.
func (e *FormatError) Error() string {
	parts := []string{"safetensors"}
	if e.File != "" {
		parts = append(parts, e.File)
	}
	if e.Tensor != "" {
		parts = append(parts, fmt.Sprintf("tensor %.100q", e.Tensor))
	}
	parts = append(parts, e.Reason)
	if e.Err != nil {
		parts = append(parts, e.Err.Error())
	}
	return strings.Join(parts, ": ")
}

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

func badFile(format string, args ...any) error {
	return &FormatError{Reason: fmt.Sprintf(format, args...)}
}

func badTensor(name, format string, args ...any) error {
	return &FormatError{Tensor: name, Reason: fmt.Sprintf(format, args...)}
}

// entry is one tensor of the header.
type entry struct {
	name       string
	dtype      dtype
	shape      []int
	begin, end int64 // bytes of the data
}

// readable reports a dtype that cannot be read as float32.
func (e entry) readable() error {
	if e.dtype.decode == nil {
		return badTensor(e.name, "dtype %.40q, want one of F32 F64 F16 BF16; convert it where it was written",
			e.dtype.name)
	}
	return nil
}

// header is what stands before the data.
type header struct {
	entries []entry // in the order of their data, which they fill without hole or overlap
	meta    map[string]string
}

// info is the JSON of an entry.
type info struct {
	DType   string   `json:"dtype"`
	Shape   []int    `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// encodeHeader returns the header length and the header, padded with spaces so that the data starts at a multiple of 8.
// Metadata keys are sorted, entries stand in the order given. The header's own sha256 is added. limit is the most bytes
// of header, [maxHeader] but for tests.
func encodeHeader(h header, limit int) ([]byte, error) {
	buf := bytes.NewBuffer(make([]byte, prefix, 512))
	sep := byte('{')
	put := func(key string, value any) error {
		buf.WriteByte(sep)
		sep = ','
		if err := encodeJSON(buf, key); err != nil {
			return err
		}
		buf.WriteByte(':')
		return encodeJSON(buf, value)
	}
	h.meta[headerSumKey] = blankSum
	if err := put(metadataKey, h.meta); err != nil {
		return nil, err
	}
	for _, e := range h.entries {
		if err := put(e.name, info{e.dtype.name, append([]int{}, e.shape...), [2]int64{e.begin, e.end}}); err != nil {
			return nil, err
		}
	}
	buf.WriteByte('}')
	for buf.Len()%8 != 0 {
		buf.WriteByte(' ')
	}
	n := buf.Len() - prefix
	if n > limit {
		return nil, badFile("header of %d bytes, want at most %d: fewer tensors or less metadata", n, limit)
	}
	text := buf.Bytes()
	binary.LittleEndian.PutUint64(text, uint64(n))
	sum := sha256.Sum256(text[prefix:])
	return bytes.Replace(text, headerSumField(blankSum), headerSumField(hex.EncodeToString(sum[:])), 1), nil
}

// headerSumField is how a sum stands in the header. Within a string the quotation marks would be escaped, so it is
// there once.
func headerSumField(sum string) []byte { return fmt.Appendf(nil, "%q:%q", headerSumKey, sum) }

// checkHeaderSum reports a header whose sha256, its own digits taken as zeros, is not the one it gives; one that gives
// none passes.
func checkHeaderSum(text []byte, meta map[string]string) error {
	want, ok := meta[headerSumKey]
	if !ok {
		return nil
	}
	sum := sha256.Sum256(bytes.Replace(text, headerSumField(want), headerSumField(blankSum), 1))
	if got := hex.EncodeToString(sum[:]); got != want {
		return badFile("the header's sha256 is %s, it says %.64q itself: the file is damaged", got, want)
	}
	return nil
}

// encodeJSON is json.Marshal without the escapes for HTML, which would make names hard to read.
func encodeJSON(buf *bytes.Buffer, v any) error {
	enc := json.NewEncoder(buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return &FormatError{Reason: "header", Err: err}
	}
	buf.Truncate(buf.Len() - 1) // the line end
	return nil
}

// parseHeader reads the JSON header and checks it against the number of data bytes after it.
func parseHeader(text []byte, data int64) (header, error) {
	if len(text) == 0 || text[0] != '{' {
		return header{}, badFile("header starts with %.1q, want %q: not a safetensors file", text, "{")
	}
	if !utf8.Valid(text) {
		return header{}, badFile("header is not UTF-8")
	}
	h := header{meta: make(map[string]string)}
	err := object(text, func(key string, value []byte) error {
		if key == metadataKey {
			meta, err := parseMetadata(value)
			h.meta = meta
			return err
		}
		e, err := parseEntry(key, value)
		h.entries = append(h.entries, e)
		return err
	})
	if err != nil {
		if f := (*FormatError)(nil); errors.As(err, &f) {
			return header{}, err
		}
		return header{}, &FormatError{Reason: "header", Err: err}
	}
	if err := checkHeaderSum(text, h.meta); err != nil {
		return header{}, err
	}
	// Empty tensors first among those that begin at the same byte; the sort is stable, so files written here come back
	// in the order given.
	slices.SortStableFunc(h.entries, func(a, b entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	return h, checkLayout(h.entries, data)
}

// checkLayout reports the first hole or overlap in the data, or an end that is not the file's.
func checkLayout(entries []entry, data int64) error {
	var at int64
	for _, e := range entries {
		switch {
		case e.end > data:
			return badTensor(e.name, "data_offsets [%d, %d] in %d bytes of data: the file is cut short or damaged",
				e.begin, e.end, data)
		case e.begin > at:
			return badTensor(e.name, "data_offsets [%d, %d] leave bytes %d to %d to no tensor", e.begin, e.end, at,
				e.begin)
		case e.begin < at:
			return badTensor(e.name, "data_offsets [%d, %d] overlap a tensor that ends at byte %d", e.begin, e.end, at)
		}
		at = e.end
	}
	if at != data {
		return badFile("%d bytes of data, want the %d that the tensors fill", data, at)
	}
	return nil
}

func parseMetadata(text []byte) (map[string]string, error) {
	meta := make(map[string]string)
	err := object(text, func(key string, value []byte) error {
		var s *string
		if err := json.Unmarshal(value, &s); err != nil || s == nil {
			return fmt.Errorf("%q is %.40s, want a string", key, value)
		}
		meta[key] = *s
		return nil
	})
	if err != nil {
		return nil, &FormatError{Reason: metadataKey, Err: err}
	}
	return meta, nil
}

func parseEntry(name string, text []byte) (entry, error) {
	var (
		kind    *string
		shape   []natural
		offsets []natural
	)
	err := object(text, func(key string, value []byte) error {
		var err error
		switch key {
		case "dtype":
			err = json.Unmarshal(value, &kind)
		case "shape":
			err = json.Unmarshal(value, &shape)
		case "data_offsets":
			err = json.Unmarshal(value, &offsets)
		default: // ignored by the format's own implementation too
			return nil
		}
		if err != nil {
			return fmt.Errorf("%s %.100s: %w", key, value, err)
		}
		return nil
	})
	switch {
	case err != nil:
		return entry{}, &FormatError{Tensor: name, Reason: "header", Err: err}
	case kind == nil:
		return entry{}, badTensor(name, "no dtype")
	case shape == nil:
		return entry{}, badTensor(name, "no shape")
	case len(offsets) != 2:
		return entry{}, badTensor(name, "%d data_offsets, want 2", len(offsets))
	}
	e := entry{name: name, shape: make([]int, len(shape)), begin: int64(offsets[0]), end: int64(offsets[1])}
	for i, d := range shape {
		e.shape[i] = int(d)
	}
	var ok bool
	if e.dtype, ok = dtypeOf(*kind); !ok { // nothing is known of its size; it can be left out
		e.dtype = dtype{name: *kind}
		if e.end < e.begin {
			return entry{}, badTensor(name, "data_offsets [%d, %d] end before they begin", e.begin, e.end)
		}
		return e, nil
	}
	bytes, ok := product(e.dtype.size, e.shape)
	if !ok {
		return entry{}, badTensor(name, "shape %s with %d bytes each overflows", shapeText(e.shape), e.dtype.size)
	}
	if e.end-e.begin != bytes {
		return entry{}, badTensor(name, "data_offsets [%d, %d], want %s×%d = %d bytes",
			e.begin, e.end, shapeText(e.shape), e.dtype.size, bytes)
	}
	return e, nil
}

// natural is a JSON number that is a whole one, not negative, and fits an int.
type natural int

// UnmarshalJSON refuses all else: null, fractions, exponents, signs, quotes.
func (n *natural) UnmarshalJSON(text []byte) error {
	v, err := strconv.ParseUint(string(text), 10, strconv.IntSize-1)
	if err != nil {
		return fmt.Errorf("%.40s is not a whole number from 0 to %d", text, math.MaxInt)
	}
	*n = natural(v)
	return nil
}

// object calls visit with each key and value of a JSON object, in order. It refuses a key that is there twice, which
// encoding/json lets pass and the format forbids, and anything after the object.
func object(text []byte, visit func(key string, value []byte) error) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	if t, err := dec.Token(); err != nil || t != json.Delim('{') {
		return fmt.Errorf("want an object, got %.40s", text)
	}
	seen := make(map[string]bool)
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return jsonError(err)
		}
		key, ok := t.(string)
		if !ok {
			return fmt.Errorf("key %v is not a string", t)
		}
		if seen[key] {
			return fmt.Errorf("%.100q is there twice", key)
		}
		seen[key] = true
		var value json.RawMessage
		if err := dec.Decode(&value); err != nil {
			return jsonError(err)
		}
		if err := visit(key, value); err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil {
		return jsonError(err)
	}
	if rest := bytes.TrimSpace(text[dec.InputOffset():]); len(rest) > 0 {
		return fmt.Errorf("%.40q after the object", rest)
	}
	return nil
}

// jsonError says where the text goes wrong, which encoding/json keeps to itself.
func jsonError(err error) error {
	if s := (*json.SyntaxError)(nil); errors.As(err, &s) {
		return fmt.Errorf("%w at byte %d", err, s.Offset)
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the JSON ends before its closing brace")
	}
	return err
}

// product returns size·Πshape and whether that many bytes fit an int.
func product(size int, shape []int) (int64, bool) {
	n := size
	for _, d := range shape {
		if d < 0 || d > 0 && n > math.MaxInt/d {
			return 0, false
		}
		n *= d
	}
	return int64(n), true
}

// shapeText writes a shape as people do, 784×100; a scalar is 1.
func shapeText(shape []int) string {
	if len(shape) == 0 {
		return "1"
	}
	parts := make([]string, len(shape))
	for i, d := range shape {
		parts[i] = strconv.Itoa(d)
	}
	return strings.Join(parts, "×")
}
