package gallery

import (
	"fmt"
	"hash/fnv"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"neuroloupe/cmd/internal/talk"
	"neuroloupe/render"
)

const (
	longName = 24 // characters of a class's name that pictures have room for
	tellable = 12 // of these, how many stand in the narrowest place
)

// pictureNames returns the names of classes as pictures show them: whole, where they can be told apart there; #3 for
// class 3 when the fonts lack a character of its name; "#3 name" when that is long, or looks like another. Two are
// never alike: those with a number begin with their own, and no other begins with #.
func pictureNames(names []string) ([]string, error) {
	looks, err := render.Looks(names)
	if err != nil {
		return nil, err
	}
	seen := map[string]int{}
	for k, look := range looks {
		looks[k] = strings.TrimSpace(first(look, tellable))
		seen[looks[k]]++
	}
	out := slices.Clone(names)
	for k, name := range names {
		number := "#" + strconv.Itoa(k)
		switch {
		case looks[k] == "":
			out[k] = number
		case seen[looks[k]] > 1, len([]rune(name)) > longName, strings.HasPrefix(name, "#"):
			out[k] = number + " " + first(name, longName)
		}
	}
	return out, nil
}

// first returns the first n characters of s, and an ellipsis where that is not all.
func first(s string, n int) string {
	if r := []rune(s); len(r) > n {
		return strings.TrimSpace(string(r[:n])) + "…"
	}
	return s
}

// Classes are the names of the outputs.
func (v *View) Classes() []string { return v.Folder.Manifest.Data.Classes }

// Class finds an output by its class's name, or else by its name whatever its case, or by its number, 3 or #3.
func (v *View) Class(text string) (int, error) {
	names := v.Classes()
	if k := slices.Index(names, text); k >= 0 {
		return k, nil
	}
	if k := slices.IndexFunc(names, func(n string) bool { return strings.EqualFold(n, text) }); k >= 0 {
		return k, nil
	}
	number, marked := strings.CutPrefix(text, "#")
	if k, err := strconv.Atoi(number); err == nil && k >= 0 && k < len(names) && (marked || !numbered(names)) {
		return k, nil
	}
	return 0, talk.Usage("class %q: want one of %s", text, strings.Join(names, ", "))
}

// numbered reports whether the classes are called by numbers, so that a number is a name and nothing else.
func numbered(names []string) bool {
	return !slices.ContainsFunc(names, func(n string) bool { _, err := strconv.Atoi(n); return err != nil })
}

// Labels are the names of the outputs as pictures show them; see pictureNames.
func (v *View) Labels() []string {
	if v.named == nil {
		var err error
		if v.named, err = pictureNames(v.Classes()); err != nil {
			v.named = v.Classes() // without fonts there is no picture
		}
	}
	return v.named
}

// labelNote says what the numbers are that stand for names, or before them; "" when there are none.
func (v *View) labelNote() string {
	k := slices.IndexFunc(v.Labels(), func(s string) bool { return strings.HasPrefix(s, "#") })
	if k < 0 {
		return ""
	}
	return fmt.Sprintf("#%d is class %d, counted from 0: a number stands for a name whose letters the font lacks, "+
		"and before names that are long or look alike; neuroloupe report and --json have them whole.", k, k)
}

// classWord is a class's name as part of a file's name, another for each class, whatever the case of letters counts
// there: the letters and digits of ASCII, else its number too.
func classWord(names []string, k int) string {
	words := make([]string, len(names))
	for i, name := range names {
		words[i] = strings.Trim(strings.Map(func(r rune) rune {
			switch {
			case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
				return r
			case r >= 'A' && r <= 'Z':
				return r + 'a' - 'A'
			}
			return '-'
		}, name), "-")
	}
	word := words[k]
	words[k] = ""
	const longest = 40
	if word != "" && len(word) <= longest && !slices.Contains(words, word) {
		return word
	}
	// No name makes an underscore.
	return strings.TrimLeft(fmt.Sprintf("%s-no_%d", word[:min(len(word), longest)], k), "-")
}

var likeDataSet = regexp.MustCompile(`^(test|train)[0-9]+$`)

// file is the name of the image as part of a file's name, another for each image of a folder: test18, or the name of
// the file with what is not plain escaped as in addresses.
func (c Chosen) file() string {
	if c.Label >= 0 {
		return strings.ReplaceAll(c.Name, ":", "")
	}
	base := c.Name[strings.LastIndexAny(c.Name, `/\`)+1:]
	if short := strings.TrimSuffix(base, ".png"); short != "" && !likeDataSet.MatchString(short) {
		base = short
	}
	return escaped(base)
}

// escaped writes a text with letters and digits of ASCII, -, _, . and ~ alone, %4E for others; a long one is cut, and
// ends with a checksum.
func escaped(s string) string {
	const longest = 120
	e := url.QueryEscape(s)
	if len(e) <= longest {
		return e
	}
	h := fnv.New32a()
	h.Write([]byte(s))
	e = e[:longest]
	if i := strings.LastIndexByte(e, '%'); i > longest-3 {
		e = e[:i]
	}
	return fmt.Sprintf("%s~%08x", e, h.Sum32())
}
