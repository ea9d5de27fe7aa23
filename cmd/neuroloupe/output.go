package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/term"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/atomicfile"
)

// standard is the name of a file that stands for standard output.
const standard = "-"

// checkOutput reports, before any work is done, that a file which a flag names cannot be what is written: its name must
// end in one of endings, whatever their case, if there are any, because what is written goes by that; its folder must
// be there, and it must not be a folder itself. What is there and no regular file, such as /dev/stdout, is written to
// whatever it is called. "" is nothing to check.
func checkOutput(flag, path string, endings ...string) error {
	if path == "" {
		return nil
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir(), os.IsPathSeparator(path[len(path)-1]):
		return talk.Usage("%s %s: that is a folder; name a file", flag, path)
	case err == nil && !info.Mode().IsRegular():
		return nil
	}
	if len(endings) > 0 && !slices.Contains(endings, strings.ToLower(filepath.Ext(path))) {
		return talk.Usage("%s %s: want a name that ends in %s", flag, path, words.OneOf(endings))
	}
	folder, err := os.Stat(filepath.Dir(path))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%s %s: there is no folder %s; make it first", flag, path, filepath.Dir(path))
	case err != nil:
		return fmt.Errorf("%s %s: %w", flag, path, err)
	case !folder.IsDir():
		return fmt.Errorf("%s %s: %s is a file, not a folder", flag, path, filepath.Dir(path))
	}
	return nil
}

// piped returns the app for a command whose result goes to standard output as a file: what it prints goes to stderr,
// with the talk. A terminal is refused.
func (a *app) piped(flag string) (*app, error) {
	if f, ok := a.stdout.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return nil, talk.Usage("%s %s: standard output is a terminal; name a file, or pipe it somewhere", flag,
			standard)
	}
	p := *a
	p.pipe, p.stdout = a.stdout, a.Stderr
	return &p, nil
}

// write has fill make a file, whole or not at all, and prints its path; "-" is standard output: see piped.
func (a *app) write(path string, fill func(io.Writer) error) error {
	if path == standard && a.pipe != nil {
		return fill(a.pipe)
	}
	if err := atomicfile.Write(path, fill); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	_, err := fmt.Fprintln(a.stdout, path)
	return err
}

// printJSON prints a document; see arrays.Document.
func (a *app) printJSON(v any) error {
	text, err := arrays.Document(v)
	if err == nil {
		_, err = a.stdout.Write(text)
	}
	return err
}

// printRows prints rows, each under its name.
func printRows(w io.Writer, rows [][2]string) error {
	for _, row := range rows {
		if _, err := fmt.Fprintf(w, "%-15s %s\n", row[0], row[1]); err != nil {
			return err
		}
	}
	return nil
}
