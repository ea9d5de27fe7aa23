package words_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"neuroloupe/cmd/internal/words"
)

func TestWords(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{words.Thousands(0), "0"},
		{words.Thousands(999), "999"},
		{words.Thousands(1000), "1,000"},
		{words.Thousands(-1234567), "-1,234,567"},
		{words.Thousands(-123), "-123"},
		{words.Count(1, "epoch"), "1 epoch"},
		{words.Count(0, "epoch"), "0 epochs"},
		{words.Count(30, "epoch"), "30 epochs"},
		{words.Number(0), "none"},
		{words.Number(10), "ten"},
		{words.Number(11), "11"},
		{words.Number(-1), "-1"},
		{words.Ordinal(1), "1st"},
		{words.Ordinal(12), "12th"},
		{words.Ordinal(22), "22nd"},
		{words.Ordinal(103), "103rd"},
		{words.Ordinal(111), "111th"},
		{words.Signed(0), "0"},
		{words.Signed(1.25), "+1.25"},
		{words.Signed(-0.5), "−0.500"},
		{words.Signed(1e-7), "+1.00e−07"},
		{words.Signed(math.NaN()), "+NaN"},
		{fmt.Sprint(words.SignedAll([]float64{100, -0.01, 3})), "[+100. 0 +3.00]"},
		{fmt.Sprint(words.Whole([]float64{1.2, 40})), "[1 40]"},
		{words.Hundredths(-0.001), "0.00"},
		{words.Hundredths(-0.01), "-0.01"},
		{words.Points(-0.004, 2), "0.00"},
		{words.Points(0.256, 2), "+0.26"},
		{words.Points(-1.5, 1), "−1.5"},
		{words.Subscript(120), "₁₂₀"},
		{words.Line(errors.Join(errors.New("one"), errors.New("two"))), "one; two"},
		{words.Wrap("a bc def", 4), "a bc\ndef"},
		{words.Wrap("γγγγ δ", 4), "γγγγ\nδ"},
		{words.Wrap(strings.Repeat("x", 9)+" y", 4), strings.Repeat("x", 9) + "\ny"},
		{words.Wrap("", 4), ""},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
