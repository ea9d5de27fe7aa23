package main

import (
	"errors"
	"fmt"
	"strings"

	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/render"
)

// flagNumber is what a flag was given and what it may be.
type flagNumber struct {
	words.Range
	flag     string
	value    float64
	optional bool // 0 is as if it had not been given
	sizes    bool // a picture that is too large gets smaller by it
}

// atLeast is a whole number without an upper limit, of which the size of a picture does not depend.
func atLeast(flag string, value, least int) flagNumber {
	return flagNumber{Range: words.AtLeast(least), flag: flag, value: float64(value)}
}

// sizing is how many of something are drawn, at least 1.
func sizing(flag string, value int) flagNumber {
	n := atLeast(flag, value, 1)
	n.sizes = true
	return n
}

// orChosen makes a number optional.
func (n flagNumber) orChosen() flagNumber {
	n.optional = true
	return n
}

// upTo gives a number an upper limit.
func (n flagNumber) upTo(most int) flagNumber {
	n.Most = float64(most)
	return n
}

// finite is a number that is not negative.
func finite(flag string, value float64) flagNumber {
	return flagNumber{Range: words.Finite(), flag: flag, value: value}
}

func (n flagNumber) check() error {
	if n.optional && n.value == 0 || n.Holds(n.value) {
		return nil
	}
	return talk.Usage("%s %s: want %v", n.flag, words.Plain(n.value), n.Range)
}

// checkNumbers reports the first number that is not what its flag may be.
func checkNumbers(all ...flagNumber) error {
	for _, n := range all {
		if err := n.check(); err != nil {
			return err
		}
	}
	return nil
}

// tooLarge says of a picture that is too large which of the flags would make it smaller; other errors stay what they
// are.
func tooLarge(err error, all []flagNumber) error {
	var size *render.SizeError
	if !errors.As(err, &size) {
		return err
	}
	var fixes []string
	for _, n := range all {
		if !n.sizes {
			continue
		}
		fix, now := "a smaller", n.value
		for flag, drawn := range map[string]int{"--tile": size.TilePx, "--cols": size.Cols, "--top": size.Tiles} {
			if flag == n.flag && drawn > 0 && n.optional {
				now = float64(drawn)
			}
		}
		if n.flag == "--cols" {
			fix = "other"
		}
		fixes = append(fixes, fmt.Sprintf("%s %s (now %s)", fix, n.flag, words.Plain(now)))
	}
	if len(fixes) == 0 {
		return err
	}
	return fmt.Errorf("%s; use %s", size.What(), strings.Join(fixes, " or "))
}
