package render

import (
	"strings"
	"testing"
)

// Names that look the same have the same key, others other keys, and those that cannot be set as they are have none.
func TestLooks(t *testing.T) {
	for name, tc := range map[string]struct {
		names []string
		want  string // a letter per name, the same where they look the same; - for a name that has no key
	}{
		"digits":            {[]string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, "abcdefghij"},
		"case":              {[]string{"A", "a", "I", "l", "1", "O", "0", "o"}, "abcdefgh"},
		"punctuation":       {[]string{"T-shirt/top", "T-shirt.top", "+", "-", "−", "–"}, "abcdef"},
		"Latin like others": {[]string{"A", "А", "Α", "Ж", "BAC", "ВАС"}, "aaabcc"},
		"kana, kanji":       {[]string{"お", "き", "三", "a 三"}, "----"},
		"right to left":     {[]string{"א", "ا", "a"}, "--a"},
		"accents":           {[]string{"é", "e\u0301", "e"}, "a-b"},
		"emoji":             {[]string{"🙂", "☺"}, "-a"},
		"controls":          {[]string{"a\tb", "a\x1b[31m", "a\u200b", "a\u202eb", "a b"}, "----a"},
		"spaces":            {[]string{"a  b", " a", "a ", "a\u00a0b", "a b", ""}, "----a-"},
		"what is replaced":  {[]string{"∥w∥", "‖w‖", "a\u2011b", "a-b"}, "-a-b"},
		"no UTF-8":          {[]string{"\xff", "□"}, "-a"},
	} {
		keys, err := Looks(tc.names)
		if err != nil {
			t.Fatal(err)
		}
		letters, got := map[string]string{"": "-"}, []string{}
		for _, k := range keys {
			if letters[k] == "" {
				letters[k] = string(rune('a' + len(letters) - 1))
			}
			got = append(got, letters[k])
		}
		if s := strings.Join(got, ""); s != tc.want {
			t.Errorf("%s: %q look like %s, want %s", name, tc.names, s, tc.want)
		}
	}
}
