package main

import (
	"reflect"
	"strings"
	"testing"
)

// Every entry is found by each of its words alone, says something, and names a command that there is.
func TestGlossary(t *testing.T) {
	known := map[string]bool{}
	for f := range reflect.TypeFor[commands]().Fields() {
		known[strings.ToLower(f.Name)] = true
	}
	all, taken := glossary(), map[string]string{}
	for i, e := range all {
		if len(e.text) < 20 || !strings.HasSuffix(e.text, ".") {
			t.Errorf("%s: text %q", e.words[0], e.text)
		}
		for _, w := range e.words {
			if other, ok := taken[plainWord(w)]; ok {
				t.Errorf("%q stands for %s and %s", w, other, e.words[0])
			}
			taken[plainWord(w)] = e.words[0]
			if got, _ := find(all, strings.ToUpper(w)); got != &all[i] {
				t.Errorf("%q does not find %s", w, e.words[0])
			}
		}
		if e.try == "" {
			continue
		}
		words := strings.Fields(e.try)
		if len(words) < 2 || words[0] != "neuroloupe" || !known[words[1]] {
			t.Errorf("%s: there is no command %q", e.words[0], e.try)
		}
	}
}
