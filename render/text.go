package render

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/image/math/fixed"
)

// fit returns st and s such that s is at most width pixels wide: unchanged when
// it fits, else shrunk in half pixels down to smallest, and only when that is
// still too wide cut and ended with an ellipsis.
func (ts *typesetter) fit(s string, st style, smallest float64, width int) (string, style) {
	for ts.width(s, st) > width {
		if st.size <= smallest {
			return ts.ellipsis(s, st, width), st
		}
		st.size = max(st.size-0.5, smallest)
	}
	return s, st
}

// ellipsis returns the longest beginning of s that fits width pixels together
// with the "…" that replaces the rest; "" when not even that fits.
func (ts *typesetter) ellipsis(s string, st style, width int) string {
	room := width - ts.width("…", st)
	if room < 0 {
		return ""
	}
	return strings.TrimRight(s[:ts.head(s, st, room)], " ") + "…"
}

// ellipsisBeyond returns s, cut if it is wider than width pixels.
func (ts *typesetter) ellipsisBeyond(s string, st style, width int) string {
	s, _ = ts.fit(s, st, st.size, width)
	return s
}

// wrap breaks s into lines of at most width pixels: at newlines, else at
// spaces, and inside a word only when the word alone is wider than the line. A
// break replaces a middle dot between two parts as it replaces a space.
func (ts *typesetter) wrap(s string, st style, width int) []string {
	var lines []string
	for paragraph := range strings.SplitSeq(s, "\n") {
		line := ""
		for _, word := range strings.FieldsFunc(paragraph, isBreak) {
			if line != "" && ts.width(line+" "+word, st) <= width {
				line += " " + word
				continue
			}
			if line != "" {
				lines = append(lines, strings.TrimSuffix(line, " ·"))
			}
			for ts.width(word, st) > width {
				_, first := utf8.DecodeRuneInString(word)
				cut := max(ts.head(word, st, width), first)
				lines = append(lines, word[:cut])
				word = word[cut:]
			}
			line = word
		}
		if line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// isBreak says where a line may end; a no-break space is not such a place.
func isBreak(r rune) bool { return r == ' ' }

// head returns how many bytes of s, whole characters, fit width pixels.
func (ts *typesetter) head(s string, st style, width int) int {
	f := ts.face(st)
	room := fixed.I(width)
	for i, r := range s {
		a, _ := f.GlyphAdvance(r)
		if room -= a; room < 0 {
			return i
		}
	}
	return len(s)
}

// balance wraps s into as few lines as wrap does, but of similar lengths, so
// that no line is left with a single word: the narrowest width that does not
// need another line.
func (ts *typesetter) balance(s string, st style, width int) []string {
	lines := ts.wrap(s, st, width)
	if len(lines) < 2 {
		return lines
	}
	low, high := width/len(lines), width
	for high-low > 4 {
		mid := (low + high) / 2
		if len(ts.wrap(s, st, mid)) > len(lines) {
			low = mid
		} else {
			high = mid
		}
	}
	return ts.wrap(s, st, high)
}

// shrinkWrap sets s in one line if it fits at st or up to a fifth smaller, else
// in the largest size, from st down to smallest, that needs two lines; text too
// long for that wraps at the smallest size into as many as it needs. Nothing is
// ever cut.
func (ts *typesetter) shrinkWrap(s string, st style, smallest float64, width int) ([]string, style) {
	for one := st; one.size >= max(0.8*st.size, smallest); one.size-- {
		if lines := ts.wrap(s, one, width); len(lines) <= 1 {
			return lines, one
		}
	}
	for {
		if lines := ts.balance(s, st, width); len(lines) <= 2 || st.size <= smallest {
			return lines, st
		}
		st.size = max(st.size-1, smallest)
	}
}
