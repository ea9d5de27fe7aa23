package main

import (
	"reflect"
	"strings"
	"testing"

	"neuroloupe/cmd/internal/glossary"
)

// Every command that the glossary names is there.
func TestGlossary(t *testing.T) {
	known := map[string]bool{}
	for f := range reflect.TypeFor[commands]().Fields() {
		known[strings.ToLower(f.Name)] = true
	}
	for _, e := range glossary.All() {
		if e.Try == "" {
			continue
		}
		words := strings.Fields(e.Try)
		if len(words) < 2 || words[0] != "neuroloupe" || !known[words[1]] {
			t.Errorf("%s: there is no command %q", e.Words[0], e.Try)
		}
	}
}
