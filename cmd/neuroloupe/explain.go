package main

import (
	"fmt"
	"slices"
	"strings"

	"neuroloupe/cmd/internal/glossary"
	"neuroloupe/cmd/internal/talk"
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

func (c *explainCmd) Run(a *app) error {
	all := glossary.All()
	if len(c.Word) == 0 {
		var rows [][2]string
		for _, e := range all {
			first, _, _ := strings.Cut(e.Text, ". ")
			rows = append(rows, [2]string{e.Words[0], strings.TrimSuffix(first, ".") + "."})
		}
		slices.SortFunc(rows, func(x, y [2]string) int {
			return strings.Compare(strings.ToLower(x[0]),
				strings.ToLower(y[0]))
		})
		for _, r := range rows {
			if _, err := fmt.Fprintf(a.stdout, "%-22s %s\n", r[0], r[1]); err != nil {
				return err
			}
		}
		return nil
	}
	word := strings.Join(c.Word, " ")
	e, near := glossary.Find(word)
	if e == nil {
		hint := ""
		if len(near) > 0 {
			hint = "; did you mean " + strings.Join(near, ", ") + "?"
		}
		return talk.Usage("explain: there is no %q%s; neuroloupe explain lists the words", word, hint)
	}
	_, err := fmt.Fprint(a.stdout, e.Page())
	return err
}
