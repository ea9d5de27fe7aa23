package arrays

import (
	"bytes"
	"encoding"
	"encoding/json"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"
)

// Document writes a document as encoding/json does, indented and with a line end, but null for a number that is not
// finite, which JSON has no word for: one bad weight must not take the document with it.
func Document(v any) ([]byte, error) {
	var b, indented bytes.Buffer
	if err := encode(&b, reflect.ValueOf(v)); err != nil {
		return nil, err
	}
	if err := json.Indent(&indented, bytes.TrimSpace(b.Bytes()), "", "  "); err != nil {
		return nil, err
	}
	indented.WriteByte('\n')
	return indented.Bytes(), nil
}

// encode appends v to b.
func encode(b *bytes.Buffer, v reflect.Value) error {
	if v.IsValid() {
		switch v.Interface().(type) {
		case json.Marshaler, encoding.TextMarshaler, []byte:
			return encodeLeaf(b, v.Interface())
		}
	}
	switch v.Kind() {
	case reflect.Invalid:
		b.WriteString("null")
	case reflect.Float32, reflect.Float64:
		if math.IsNaN(v.Float()) || math.IsInf(v.Float(), 0) {
			b.WriteString("null")
			return nil
		}
		return encodeLeaf(b, v.Interface())
	case reflect.Pointer, reflect.Interface:
		return encode(b, v.Elem()) // of nil it is invalid
	case reflect.Struct:
		return encodeStruct(b, v)
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.IsNil() {
			b.WriteString("null")
			return nil
		}
		return encodeList(b, '[', ']', v.Len(), func(i int) error { return encode(b, v.Index(i)) })
	case reflect.Map:
		if v.IsNil() {
			b.WriteString("null")
			return nil
		}
		of := map[string]reflect.Value{}
		for _, k := range v.MapKeys() {
			of[k.String()] = v.MapIndex(k)
		}
		keys := slices.Sorted(maps.Keys(of))
		return encodeList(b, '{', '}', len(keys), func(i int) error { return encodeMember(b, keys[i], of[keys[i]]) })
	default:
		return encodeLeaf(b, v.Interface())
	}
	return nil
}

// encodeStruct goes by the tags that encoding/json goes by, of which the documents have names, - and omitempty.
func encodeStruct(b *bytes.Buffer, v reflect.Value) error {
	var names []string
	var values []reflect.Value
	for _, f := range reflect.VisibleFields(v.Type()) {
		name, options, _ := strings.Cut(f.Tag.Get("json"), ",")
		field := v.FieldByIndex(f.Index)
		if name == "-" || !f.IsExported() || f.Anonymous || options == "omitempty" && field.IsZero() {
			continue
		}
		if name == "" {
			name = f.Name
		}
		names, values = append(names, name), append(values, field)
	}
	return encodeList(b, '{', '}', len(names), func(i int) error { return encodeMember(b, names[i], values[i]) })
}

func encodeMember(b *bytes.Buffer, name string, v reflect.Value) error {
	if err := encodeLeaf(b, name); err != nil {
		return err
	}
	b.WriteByte(':')
	return encode(b, v)
}

func encodeList(b *bytes.Buffer, begin, end byte, n int, item func(i int) error) error {
	b.WriteByte(begin)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		if err := item(i); err != nil {
			return err
		}
	}
	b.WriteByte(end)
	return nil
}

func encodeLeaf(b *bytes.Buffer, v any) error {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}
