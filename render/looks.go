package render

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Looks says of each name how it looks in pictures: a key, the same for two names that look the same, such as a Latin
// and a Cyrillic A; "" for a name that would not be set as it is written, because the fonts lack a character of it or
// because it has control characters, accents of their own, or spaces that a line may lose.
func Looks(names []string) ([]string, error) {
	ts, err := newTypesetter()
	if err != nil {
		return nil, err
	}
	f := ts.face(style{size: 32})
	alike := map[string]rune{} // the first rune of each glyph
	keys := make([]string, len(names))
	for i, s := range names {
		if !utf8.ValidString(s) || ts.clean(s) != s || strings.Join(strings.Fields(s), " ") != s {
			continue
		}
		keys[i] = strings.Map(func(r rune) rune {
			g := f.rasterise(glyphKey{r: r})
			advance, _ := f.GlyphAdvance(r)
			look := fmt.Sprint(advance, g.at, g.mask.Rect, g.mask.Pix)
			if _, ok := alike[look]; !ok {
				alike[look] = r
			}
			return alike[look]
		}, s)
	}
	return keys, nil
}
