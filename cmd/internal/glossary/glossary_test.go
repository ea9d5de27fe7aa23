package glossary

import (
	"strings"
	"testing"
)

// Every entry says something, and is found by each of its words alone, whatever their case; no two share a word.
func TestEntries(t *testing.T) {
	taken := map[string]string{}
	for _, e := range All() {
		if len(e.Text) < 20 || !strings.HasSuffix(e.Text, ".") {
			t.Errorf("%s: text %q", e.Words[0], e.Text)
		}
		for _, w := range e.Words {
			if other, ok := taken[plainWord(w)]; ok {
				t.Errorf("%q stands for %s and %s", w, other, e.Words[0])
			}
			taken[plainWord(w)] = e.Words[0]
			if got, _ := Find(strings.ToUpper(w)); got == nil || got.Words[0] != e.Words[0] {
				t.Errorf("%q does not find %s", w, e.Words[0])
			}
		}
	}
}
