package main

import (
	"fmt"
	"slices"
	"strings"

	"neuroloupe/cmd/internal/words"
)

type explainCmd struct {
	Word []string `arg:"" optional:"" help:"The word; none lists them."`
}

func (explainCmd) Help() string {
	return `Says what a word in a picture, or a picture, means, with its formula and where that comes from.

Examples:

    neuroloupe explain learned
    neuroloupe explain integrated gradients
`
}

// entry is a word and what it means.
type entry struct {
	words   []string // the first is its heading, the others are found too
	text    string
	formula string
	source  string // "" where it is common knowledge, or ours
	try     string // a command that shows it
}

func (c *explainCmd) Run(a *app) error {
	all := glossary()
	if len(c.Word) == 0 {
		var rows [][2]string
		for _, e := range all {
			first, _, _ := strings.Cut(e.text, ". ")
			rows = append(rows, [2]string{e.words[0], strings.TrimSuffix(first, ".") + "."})
		}
		slices.SortFunc(rows, func(x, y [2]string) int { return strings.Compare(strings.ToLower(x[0]), strings.ToLower(y[0])) })
		for _, r := range rows {
			if _, err := fmt.Fprintf(a.stdout, "%-22s %s\n", r[0], r[1]); err != nil {
				return err
			}
		}
		return nil
	}
	word := strings.Join(c.Word, " ")
	e, near := find(all, word)
	if e == nil {
		hint := ""
		if len(near) > 0 {
			hint = "; did you mean " + strings.Join(near, ", ") + "?"
		}
		return usage("explain: there is no %q%s; neuroloupe explain lists the words", word, hint)
	}
	return e.print(a)
}

func (e *entry) print(a *app) error {
	text := e.words[0] + "\n\n" + words.Wrap(e.text, 100) + "\n"
	if e.formula != "" {
		text += "\n    " + strings.ReplaceAll(e.formula, "\n", "\n    ") + "\n"
	}
	if e.source != "" {
		text += "\n" + words.Wrap("From: "+e.source+".", 100) + "\n"
	}
	if e.try != "" {
		text += "\nSee it: " + e.try + "\n"
	}
	_, err := fmt.Fprint(a.stdout, text)
	return err
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

// find returns the entry of a word, or else the words that are like it.
func find(all []entry, word string) (*entry, []string) {
	want := plainWord(word)
	var near []string
	for i, e := range all {
		for _, w := range e.words {
			switch have := plainWord(w); {
			case have == want:
				return &all[i], nil
			case len(want) > 2 && (strings.Contains(have, want) || strings.Contains(want, have) && len(have) > 2):
				if !slices.Contains(near, e.words[0]) {
					near = append(near, e.words[0])
				}
			}
		}
	}
	return nil, near
}
