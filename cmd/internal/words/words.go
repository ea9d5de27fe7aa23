// Package words writes numbers and names as people do: on the terminal, in pictures and on pages alike.
package words

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Thousands writes a number without decimals, with a comma between groups of three digits.
func Thousands[N int | float64](v N) string {
	s := strconv.FormatFloat(float64(v), 'f', 0, 64)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Count writes a number of things: 1 epoch, 2 epochs.
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// Number writes numbers up to ten as words.
func Number(n int) string {
	words := []string{"none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"}
	if n >= 0 && n < len(words) {
		return words[n]
	}
	return strconv.Itoa(n)
}

// Ordinal writes 1st, 2nd, 3rd, ….
func Ordinal(n int) string {
	suffix := "th"
	if n%100 < 11 || n%100 > 13 {
		switch n % 10 {
		case 1:
			suffix = "st"
		case 2:
			suffix = "nd"
		case 3:
			suffix = "rd"
		}
	}
	return strconv.Itoa(n) + suffix
}

// Signed writes a number with its sign, in three digits.
func Signed(v float64) string {
	if v == 0 {
		return "0"
	}
	return minus(fmt.Sprintf("%#+.3g", v))
}

// SignedAll writes numbers that stand beside each other with their signs; what is nothing beside the largest is 0.
func SignedAll(v []float64) []string {
	reach := 0.0
	for _, x := range v {
		reach = max(reach, math.Abs(x))
	}
	out := make([]string, len(v))
	for i, x := range v {
		if math.Abs(x) < 5e-4*reach {
			x = 0
		}
		out[i] = Signed(x)
	}
	return out
}

// Whole writes numbers without decimals.
func Whole(v []float64) []string {
	out := make([]string, len(v))
	for i, x := range v {
		out[i] = fmt.Sprintf("%.0f", x)
	}
	return out
}

// Hundredths writes v with two decimals, and what rounds to nothing without a sign.
func Hundredths(v float64) string {
	if s := fmt.Sprintf("%.2f", v); s != "-0.00" {
		return s
	}
	return "0.00"
}

// Points writes percentage points with their sign and so many decimals; what rounds to 0 has no sign.
func Points(v float64, decimals int) string {
	s := strconv.FormatFloat(v, 'f', decimals, 64)
	switch {
	case !strings.ContainsAny(s, "123456789"):
		return strings.TrimPrefix(s, "-")
	case v > 0:
		return "+" + s
	}
	return minus(s)
}

func minus(s string) string { return strings.ReplaceAll(s, "-", "−") }

// Subscript writes a whole number from 0 below the line.
func Subscript(n int) string {
	return strings.Map(func(r rune) rune { return r - '0' + '₀' }, strconv.Itoa(n))
}

// Line writes an error in one line, for whoever types: where a library names a field that mends it, it is the flag.
func Line(err error) string {
	text := strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' }), "; ")
	return strings.ReplaceAll(text, "set Options.Dir", "pass --folder DIR")
}

// Wrap breaks text into lines of at most width characters; a longer word stands alone.
func Wrap(text string, width int) string {
	var lines []string
	line := ""
	for _, w := range strings.Fields(text) {
		if line != "" && len([]rune(line))+1+len([]rune(w)) > width {
			lines, line = append(lines, line), ""
		}
		if line != "" {
			line += " "
		}
		line += w
	}
	return strings.Join(append(lines, line), "\n")
}

// OneOf writes a list of which one is wanted.
func OneOf(all []string) string {
	last := len(all) - 1
	if last < 1 {
		return strings.Join(all, "")
	}
	return strings.Join(all[:last], ", ") + " or " + all[last]
}

// Shortest writes a number in the fewest digits that read back as it.
func Shortest(v float64) string { return strconv.FormatFloat(v, 'g', -1, 64) }

// Commas writes numbers as a flag takes them.
func Commas(ns []int) string {
	var parts []string
	for _, n := range ns {
		parts = append(parts, strconv.Itoa(n))
	}
	return strings.Join(parts, ",")
}

// Bytes is a size with a unit of which it has at least one.
func Bytes(n int64) string {
	v, unit := float64(n), "B"
	for _, u := range []string{"kB", "MB", "GB", "TB"} {
		if v < 1000 {
			break
		}
		v, unit = v/1000, u
	}
	if unit == "B" {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.3g %s", v, unit)
}

// Duration is a time to about two figures: 0.4 s, 12 s, 3 min 20 s, 2 h 5 min.
func Duration(d time.Duration) string {
	switch s := d.Seconds(); {
	case s < 10:
		return fmt.Sprintf("%.1f s", s)
	case s < 60:
		return fmt.Sprintf("%.0f s", s)
	case s < 3600:
		n := int(s + 0.5)
		return fmt.Sprintf("%d min %d s", n/60, n%60)
	default:
		n := int(s/60 + 0.5)
		return fmt.Sprintf("%d h %d min", n/60, n%60)
	}
}
