package gallery

import (
	"cmp"
	"fmt"
	"path/filepath"
	"strings"
)

// Index is a page in Markdown with the pictures, which lie beside it with their numbers, and what they show in numbers,
// as Pages returned it. command makes all of them.
func (q *Question) Index(pages []*Page, facts [][2]string, command string) string {
	var b strings.Builder
	m := q.Book.Folder.Manifest
	fmt.Fprintf(&b, "# What does each neuron look for?\n\n%s, %v, trained as in chapter 1 of Nielsen's book. For "+
		"each picture that was asked for, the one that answers better.\n", m.Data.Title, q.Book.Spec())
	for _, p := range pages {
		fmt.Fprintf(&b, "\n## %s\n\n![%s](%s)\n\n%s\n\nMade by `%s`.", p.Title, p.Title, p.File, p.Text,
			cmp.Or(p.Command, command))
		fmt.Fprintf(&b, " Its numbers: [%s](%s).\n", p.Numbers(), p.Numbers())
	}
	b.WriteString("\n## Numbers\n\n| | |\n|---|---|\n")
	for _, f := range facts {
		fmt.Fprintf(&b, "| %s | %s |\n", f[0], f[1])
	}
	return b.String()
}

// Numbers is the name of the file with the numbers of the picture.
func (p *Page) Numbers() string { return strings.TrimSuffix(p.File, filepath.Ext(p.File)) + ".npz" }
