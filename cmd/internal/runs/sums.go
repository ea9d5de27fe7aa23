package runs

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/BurntSushi/toml"
)

// checkKeys decodes a manifest in which every key is known, and every one that is not left out when empty is there.
func checkKeys(text string, m *Manifest) error {
	meta, err := toml.Decode(text, m)
	if err != nil {
		return err
	}
	if unknown := meta.Undecoded(); len(unknown) > 0 {
		return fmt.Errorf("%sunknown key %s", lineOf(text, unknown[0].String()), unknown[0])
	}
	var all map[string]any
	if _, err := toml.Decode(text, &all); err != nil {
		return err
	}
	if key := missingKey(reflect.TypeFor[Manifest](), all); key != "" {
		return fmt.Errorf("key %s is missing: the file is damaged", key)
	}
	return nil
}

// lineOf says in which line a key stands, as "line 3: "; "" when it is written in an unusual way.
func lineOf(text, key string) string {
	table := ""
	n := 0
	for line := range strings.Lines(text) {
		n++
		name, _, _ := strings.Cut(strings.TrimSpace(line), "=")
		full := table + strings.TrimSpace(name)
		if strings.HasPrefix(name, "[") {
			full = strings.Trim(name, "[] ")
			table = full + "."
		}
		if full == key {
			return fmt.Sprintf("line %d: ", n)
		}
	}
	return ""
}

// missingKey returns the first key of a struct that a table lacks, with those of the tables around it; "" when none is
// missing. Keys with omitempty in their tag may be.
func missingKey(t reflect.Type, table map[string]any) string {
	for i := range t.NumField() {
		field := t.Field(i)
		key, options, tagged := strings.Cut(field.Tag.Get("toml"), ",")
		if key == "" {
			continue // not in the file
		}
		value, ok := table[key]
		if !ok && tagged && options == "omitempty" {
			continue
		}
		if !ok {
			return key
		}
		elem := field.Type
		if elem.Kind() == reflect.Pointer || elem.Kind() == reflect.Slice {
			elem = elem.Elem()
		}
		var tables []map[string]any
		switch v := value.(type) {
		case map[string]any:
			tables = append(tables, v)
		case []map[string]any:
			tables = v
		}
		for _, sub := range tables {
			if missing := missingKey(elem, sub); missing != "" {
				return key + "." + missing
			}
		}
	}
	return ""
}

// sum is the sha256 of all that m says but its own sum.
func (m Manifest) sum() (string, error) {
	return m.digest(map[string]bool{"sha256": true})
}

// Settings is the sha256 of what makes a network the one it is: all settings, and the images by their files' checksums.
// Left out is what may differ between the beginning and the end of a run, or between two runs of the same weights:
// where the data lies, what it is called, the device, the number of epochs, and what wrote the folder and when.
func (m Manifest) Settings() (string, error) {
	return m.digest(map[string]bool{
		"format": true, "sha256": true, "version": true, "created": true, "device": true,
		"data.name": true, "data.title": true, "data.folder": true, "train.epochs": true,
	})
}

// digest is the sha256 of m's keys and values but those named. Empty values count as left out, so that a key which a
// later version adds changes nothing where it is not used.
func (m Manifest) digest(without map[string]bool) (string, error) {
	text, err := toml.Marshal(m)
	if err != nil {
		return "", err
	}
	var all map[string]any
	if err := toml.Unmarshal(text, &all); err != nil {
		return "", err
	}
	prune(all, "", without)
	canonical, err := json.Marshal(all) // keys sorted
	if err != nil {
		return "", fmt.Errorf("a setting is no number: %w", err)
	}
	sum := sha256.Sum256(canonical)
	return hex.EncodeToString(sum[:]), nil
}

func prune(table map[string]any, path string, without map[string]bool) {
	for key, value := range table {
		if sub, ok := value.(map[string]any); ok {
			prune(sub, path+key+".", without)
		}
		if v := reflect.ValueOf(value); without[path+key] || v.IsZero() || empty(v) {
			delete(table, key)
		}
	}
}

// empty reports whether a list or table has nothing in it.
func empty(v reflect.Value) bool {
	return (v.Kind() == reflect.Map || v.Kind() == reflect.Slice) && v.Len() == 0
}
