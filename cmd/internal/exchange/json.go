package exchange

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
)

// Bounds of a JSON file. A network has a matrix and a vector for each layer and is not nested deeply.
const (
	maxDepth  = 64
	maxArrays = 10_000  // lists that are no rows of a matrix, and keys of an object
	maxText   = 1 << 20 // bytes of a string or a number
)

// list is a JSON array of numbers, or of such arrays. Rows of one length are a matrix at once, so that a network takes
// four bytes for each number and no more.
type list struct {
	shape []int // of data: one or two; nil when there are parts
	data  []float32
	parts []*list
	mixed bool // there are other things in it, so that it is no array
}

// jsonReader reads JSON as it comes, with Python's NaN and Infinity for numbers, keeping the numbers alone.
type jsonReader struct {
	r      *bufio.Reader
	size   int64 // of the file
	at     int64 // bytes read
	digits []byte
	left   int64 // how many numbers may still be kept
	arrays int
	lists  []named           // every array of numbers, under the path of its keys
	texts  map[string]string // the strings of the outermost object
	mixed  []string          // names of lists with other things in them, the first few
}

type named struct {
	name string
	list *list
}

// readJSON reads a whole file.
func readJSON(r io.Reader, size int64, o Options) (*jsonReader, error) {
	p := &jsonReader{
		r: bufio.NewReaderSize(r, 64<<10), size: size,
		left: min(o.maxValues(), o.affordable()), texts: map[string]string{},
	}
	if b, err := p.r.Peek(3); err == nil && string(b) == "\ufeff" {
		_, _ = p.r.Discard(3)
	}
	c, err := p.next()
	if err == nil {
		err = p.value(c, "", 0)
	}
	if err == nil {
		if c, err = p.next(); err == nil {
			err = fmt.Errorf("%q after the end", c)
		} else if errors.Is(err, errEnd) {
			return p, nil
		}
	}
	return nil, fmt.Errorf("JSON: at byte %d: %w", p.at, err)
}

var errEnd = errors.New("unexpected end: the file is cut short")

// byte returns the next byte.
func (p *jsonReader) byte() (byte, error) {
	c, err := p.r.ReadByte()
	if errors.Is(err, io.EOF) {
		return 0, errEnd
	}
	p.at++
	return c, err
}

// next returns the next byte that is no white space.
func (p *jsonReader) next() (byte, error) {
	for {
		c, err := p.byte()
		if err != nil || c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			return c, err
		}
	}
}

// value reads a value that begins with c, and keeps it under the name when it is of numbers.
func (p *jsonReader) value(c byte, name string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("nested more than %d deep", maxDepth)
	}
	switch c {
	case '{':
		return p.object(name, depth)
	case '[':
		l, err := p.array(name, depth)
		if err == nil && l != nil {
			p.lists = append(p.lists, named{name, l})
			err = p.count()
		}
		return err
	case '"':
		text, err := p.text()
		if depth == 1 {
			p.texts[name] = text
		}
		return err
	}
	_, err := p.number(c)
	return err
}

func (p *jsonReader) object(name string, depth int) error {
	seen := make(map[string]bool)
	for first := true; ; first = false {
		c, err := p.next()
		if err == nil && c == '}' && first {
			return nil
		}
		if err == nil && c != '"' {
			err = fmt.Errorf("%q, want a key in quotation marks", c)
		}
		var key string
		if err == nil {
			key, err = p.text()
		}
		if err != nil {
			return err
		}
		if seen[key] {
			return fmt.Errorf("key %.60q is there twice", key)
		}
		if seen[key] = true; len(seen) > maxArrays {
			return fmt.Errorf("more than %d keys, too many for a network", maxArrays)
		}
		if c, err = p.next(); err == nil && c != ':' {
			err = fmt.Errorf("%q after a key, want a colon", c)
		}
		if err == nil {
			c, err = p.next()
		}
		if err != nil {
			return err
		}
		if name != "" {
			key = name + "." + key
		}
		if err := p.value(c, key, depth+1); err != nil {
			return err
		}
		if done, err := p.more('}'); done || err != nil {
			return err
		}
	}
}

// more reads the comma before another element, or the end.
func (p *jsonReader) more(end byte) (done bool, err error) {
	c, err := p.next()
	if err == nil && c != ',' && c != end {
		err = fmt.Errorf("%q, want a comma or %q", c, end)
	}
	return c == end, err
}

// array reads an array after its bracket. Of numbers, or of arrays of numbers, it returns them; of other things nil,
// having kept the numbers in them under their own names.
func (p *jsonReader) array(name string, depth int) (*list, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("nested more than %d deep", maxDepth)
	}
	l := &list{shape: []int{0}}
	for i := 0; ; i++ {
		c, err := p.next()
		if err != nil {
			return nil, err
		}
		if c == ']' && i == 0 {
			return l, nil
		}
		switch c {
		case '[':
			var part *list
			if part, err = p.array(fmt.Sprintf("%s[%d]", name, i), depth+1); err == nil && part != nil {
				err = p.add(l, part, i)
			}
		case '{', '"':
			l.mixed = true
			err = p.value(c, fmt.Sprintf("%s[%d]", name, i), depth+2) // 2: its strings are not the outermost object's
		default:
			var v float32
			if v, err = p.number(c); err == nil {
				err = p.append(l, v, i)
			}
		}
		if err != nil {
			return nil, err
		}
		if done, err := p.more(']'); done || err != nil {
			if l.mixed && len(p.mixed) < 100 {
				p.mixed = append(p.mixed, name)
			}
			if l.mixed || len(l.data) == 0 && l.parts == nil {
				l = nil
			}
			return l, err
		}
	}
}

// append adds a number to a list of numbers.
func (p *jsonReader) append(l *list, v float32, i int) error {
	switch {
	case l.mixed:
		return nil
	case len(l.shape) != 1 || len(l.data) != i:
		return errors.New("a number among arrays")
	}
	if p.left--; p.left < 0 {
		return errors.New("more numbers than a network has, or than there is memory for")
	}
	p.grow(l, 1)
	l.data = append(l.data, v)
	l.shape[0]++
	return nil
}

// grow makes room for n more numbers. Many are expected to go on as they came until the end of the file, so that they
// are not copied again and again.
func (p *jsonReader) grow(l *list, n int) {
	const many = 1 << 18
	if have := len(l.data); have >= many && have+n > cap(l.data) {
		expected := float64(have) * float64(p.size) / float64(p.at)
		more := min(int64(expected)-int64(have), p.left)
		l.data = slices.Grow(l.data, max(n, have/4, int(more)))
	}
}

// add adds an array to a list of arrays: as a row while all are rows of one length.
func (p *jsonReader) add(l, part *list, i int) error {
	row := len(part.shape) == 1
	switch {
	case l.mixed:
		return nil
	case len(l.shape) == 1 && len(l.data) > 0:
		return errors.New("an array among numbers")
	case i == 0 && row:
		l.shape, l.data = []int{1, part.shape[0]}, part.data
		return nil
	case row && len(l.shape) == 2 && l.shape[1] == part.shape[0]:
		p.grow(l, len(part.data))
		l.data = append(l.data, part.data...)
		l.shape[0]++
		return nil
	case len(l.shape) == 2: // the rows before were vectors of another length
		for r := range l.shape[0] {
			n := l.shape[1]
			l.parts = append(l.parts, &list{shape: []int{n}, data: l.data[r*n : (r+1)*n : (r+1)*n]})
		}
		l.data = nil
	}
	l.shape = nil
	l.parts = append(l.parts, part)
	return p.count()
}

// count counts an array that is no row of a matrix.
func (p *jsonReader) count() error {
	if p.arrays++; p.arrays > maxArrays {
		return fmt.Errorf("more than %d arrays, too many for a network", maxArrays)
	}
	return nil
}

// number reads a number, or a word that stands for one, that begins with c; null is none.
func (p *jsonReader) number(c byte) (float32, error) {
	text := p.digits[:0]
	for {
		switch {
		case c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '-' || c == '+' || c == '.':
			text = append(text, c)
		case len(text) == 0:
			return 0, fmt.Errorf("%q, want a value", c)
		default:
			if err := p.r.UnreadByte(); err != nil {
				return 0, err
			}
			p.at--
			p.digits = text
			return parseNumber(text)
		}
		if len(text) > maxText {
			return 0, fmt.Errorf("a number of more than %d digits", maxText)
		}
		var err error
		if c, err = p.byte(); errors.Is(err, errEnd) {
			return parseNumber(text)
		} else if err != nil {
			return 0, err
		}
	}
}

func parseNumber(text []byte) (float32, error) {
	switch string(text) {
	case "NaN", "null":
		return float32(math.NaN()), nil
	case "Infinity":
		return float32(math.Inf(1)), nil
	case "-Infinity":
		return float32(math.Inf(-1)), nil
	case "true", "false":
		return 0, nil
	}
	if c := text[0]; c != '-' && (c < '0' || c > '9') || len(text) > 1 && !json.Valid(text) {
		return 0, fmt.Errorf("%.40q is no number", text)
	}
	v, err := strconv.ParseFloat(string(text), 64)
	f := float32(v)
	switch {
	case errors.Is(err, strconv.ErrSyntax):
		return 0, fmt.Errorf("%.40q is no number", text)
	case math.IsInf(float64(f), 0):
		return 0, fmt.Errorf("%.40s is too large for float32", text)
	}
	return f, err
}

// text reads a string after its first quotation mark.
func (p *jsonReader) text() (string, error) {
	raw := []byte{'"'}
	for {
		c, err := p.byte()
		if err != nil {
			return "", err
		}
		raw = append(raw, c)
		switch {
		case c == '"':
			var text string
			err := json.Unmarshal(raw, &text)
			return text, err
		case c == '\\':
			if c, err = p.byte(); err != nil {
				return "", err
			}
			raw = append(raw, c)
		case len(raw) > maxText:
			return "", fmt.Errorf("a text of more than %d bytes: numbers are wanted as numbers, as tolist() gives "+
				"them, not written into a text", maxText)
		}
	}
}
