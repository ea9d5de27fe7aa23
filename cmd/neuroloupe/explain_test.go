package main

import (
	"reflect"
	"strings"
	"testing"

	"neuroloupe/cmd/internal/glossary"
)

// Every entry is found by each of its words alone, says something, and names a command that there is.
func TestGlossary(t *testing.T) {
	known := map[string]bool{}
	for f := range reflect.TypeFor[commands]().Fields() {
		known[strings.ToLower(f.Name)] = true
	}
	all, taken := glossary.All(), map[string]string{}
	for i, e := range all {
		if len(e.Text) < 20 || !strings.HasSuffix(e.Text, ".") {
			t.Errorf("%s: text %q", e.Words[0], e.Text)
		}
		for _, w := range e.Words {
			if other, ok := taken[strings.ToLower(w)]; ok {
				t.Errorf("%q stands for %s and %s", w, other, e.Words[0])
			}
			taken[strings.ToLower(w)] = e.Words[0]
			if got, _ := glossary.Find(strings.ToUpper(w)); got == nil || got.Text != all[i].Text {
				t.Errorf("%q does not find %s", w, e.Words[0])
			}
		}
		if e.Try == "" {
			continue
		}
		words := strings.Fields(e.Try)
		if len(words) < 2 || words[0] != "neuroloupe" || !known[words[1]] {
			t.Errorf("%s: there is no command %q", e.Words[0], e.Try)
		}
	}
}
