// Package glossary says what the words mean that pictures and commands use.
package glossary

import (
	"slices"
	"strings"

	"neuroloupe/cmd/internal/words"
)

// Entry is a word and what it means.
type Entry struct {
	Words   []string // the first is its heading, the others are found too
	Text    string
	Formula string
	Source  string // "" where it is common knowledge, or ours
	Try     string // a command that shows it
}

// Page is the entry in lines of at most 100 characters.
func (e *Entry) Page() string {
	text := e.Words[0] + "\n\n" + words.Wrap(e.Text, 100) + "\n"
	if e.Formula != "" {
		text += "\n    " + strings.ReplaceAll(e.Formula, "\n", "\n    ") + "\n"
	}
	if e.Source != "" {
		text += "\n" + words.Wrap("From: "+e.Source+".", 100) + "\n"
	}
	if e.Try != "" {
		text += "\nSee it: " + e.Try + "\n"
	}
	return text
}

// plainWord is a word as it is compared: without case, spaces and signs.
func plainWord(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -_×·'’", r) {
			return -1
		}
		return r
	}, strings.ToLower(s))
}

// Find returns the entry of a word, or else the words that are like it.
func Find(word string) (*Entry, []string) {
	all := All()
	want := plainWord(word)
	var near []string
	for i, e := range all {
		for _, w := range e.Words {
			switch have := plainWord(w); {
			case have == want:
				return &all[i], nil
			case len(want) > 2 && (strings.Contains(have, want) || strings.Contains(want, have) && len(have) > 2):
				if !slices.Contains(near, e.Words[0]) {
					near = append(near, e.Words[0])
				}
			}
		}
	}
	return nil, near
}
