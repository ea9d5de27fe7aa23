package exchange

import (
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// What an array is by its name.
const (
	noRole = 0
	weight = 'w'
	bias   = 'b'
)

// label is what a name says of an array.
type label struct {
	role  byte
	layer string   // the name less the word for the role: what it shares with the other arrays of its layer
	words []string // of layer, in lower case: letters and digits apart
	all   []string // the words of the whole name
	aside bool     // it goes with the weights, but is none: a moment, a gradient, a mask
}

// word is a part of a name, and where it stands in it.
type word struct {
	text       string // in lower case
	start, end int
}

// split cuts a name into words, where letters meet digits, small letters capitals, or anything else stands between.
func split(name string) []word {
	var words []word
	class := func(r rune) int {
		switch {
		case unicode.IsDigit(r):
			return 1
		case unicode.IsUpper(r):
			return 2
		case unicode.IsLetter(r):
			return 3
		}
		return 0
	}
	start, last, before := -1, 0, 0 // of the word that is open; class and place of the letter before
	finish := func(end int) {
		if start >= 0 && end > start {
			words = append(words, word{strings.ToLower(name[start:end]), start, end})
		}
		start = -1
	}
	for i, r := range name {
		c := class(r)
		switch {
		case c == 0:
			finish(i)
		case start < 0:
			start = i
		case c == 3 && last == 2 && before > start: // the last capital of IHWeights begins a word
			finish(before)
			start = before
		case c != last && !(c == 3 && last == 2):
			finish(i)
			start = i
		}
		last, before = c, i
	}
	finish(len(name))
	return words
}

var (
	kerasEnd = regexp.MustCompile(`:\d+$`)
	// asideWord is a word of what training keeps beside the weights, and of what is measured.
	asideWord = regexp.MustCompile(`^(adamw?|moments?|momentums?|velocit(y|ies)|avg|grads?|gradients?|optim|optimizer|` +
		`optimiser|opt|cache|mask|masks|ema|old|prev|previous|init|initial|running|moving|mean|std|var|variance|deltas?|sgd|rms|` +
		`rmsprop|loss|losses|history|acc|accuracy|errors?|confusion|[mvsg]?d[wb]|[mvsg][wb])$`)
	momentWord = regexp.MustCompile(`^([mvsgd]|[mvsg]d)$`) // before the role's word: mW1, vdW1
)

// roleWords find the word for a role, weights or biases, in a word that the names of layers may have run into: wih,
// biash, hiddenbias.
var roleWords = [...]*regexp.Regexp{
	regexp.MustCompile(`^()(?:(w|wts?|kernels?|coefs?|coefficients?|thetas?|θ|syn|synapses?)|(b|intercepts?))()$`),
	regexp.MustCompile(`^(\pL*?)(?:(weights?)|(bias(?:es)?))(\pL*)$`),
	regexp.MustCompile(`^([mvsg]?d?)(?:(w)|(b))([ihoxy]{0,3}|in|out|hid)$`),
}

// capitalRole is a capital W or B before a short name of layers: Wa, Bb, Wout.
var capitalRole = regexp.MustCompile(`^()(?:(W)|(B))(\p{Ll}{1,2}|out)$`)

// roleOf finds the role in a word, as it is written and in lower case: its place in the word, and the names of layers
// before and after it.
func roleOf(written, w string) (role byte, from, to int, rest []string) {
	for i := range len(roleWords) + 1 {
		var m []int
		if i < len(roleWords) {
			m = roleWords[i].FindStringSubmatchIndex(w)
		} else {
			m = capitalRole.FindStringSubmatchIndex(written)
		}
		if m == nil {
			continue
		}
		role, from, to = weight, m[4], m[5]
		if from < 0 {
			role, from, to = bias, m[6], m[7]
		}
		for _, part := range []string{w[:from], w[to:]} {
			if part != "" {
				rest = append(rest, part)
			}
		}
		return role, from, to, rest
	}
	return noRole, 0, 0, nil
}

// labelOf reads a name. A matrix is rather a weight than a bias where the name has words for both.
func labelOf(name string, matrix bool) label {
	name = kerasEnd.ReplaceAllString(name, "")
	var l label
	type found struct {
		role     byte
		from, to int
		rest     []string
	}
	words := split(name)
	roles := make([]found, len(words))
	for i, w := range words {
		f := &roles[i]
		f.role, f.from, f.to, f.rest = roleOf(name[w.start:w.end], w.text)
		f.from, f.to = w.start+f.from, w.start+f.to
	}
	for _, f := range roles {
		if f.role != noRole && (!matrix || l.role != weight) {
			l.role = f.role
		}
	}
	var layer strings.Builder
	at := 0
	for i, w := range words {
		l.all = append(l.all, w.text)
		f := roles[i]
		l.aside = l.aside || asideWord.MatchString(w.text)
		if l.role == noRole || f.role != l.role {
			l.words = append(l.words, w.text)
			l.aside = l.aside || i+1 < len(words) && roles[i+1].role != noRole && momentWord.MatchString(w.text)
			continue
		}
		l.words = append(l.words, f.rest...)
		layer.WriteString(name[at:f.from])
		at = f.to
	}
	layer.WriteString(name[at:])
	l.layer = strings.Trim(layer.String(), "._/-[]: ")
	return l
}

var (
	boundary  = regexp.MustCompile(`^[ihoxy]{2,3}$`) // ih, xh, ho, hy
	startWord = regexp.MustCompile(`^(inputs?|in|first|x|i)$`)
	endWord   = regexp.MustCompile(`^(outputs?|out|last|final|heads?|logits?|classifier|predictions?|softmax|y|o)$`)
)

// place is what layers are sorted by: the numbers in the name. A name without one counts 0, as Keras' dense before
// dense_1, unless it calls itself the network's input or output.
func (l label) place() []int {
	var numbers []int
	word := 0
	for _, w := range l.words {
		n, err := strconv.Atoi(w)
		spelt := slices.Index([]string{"one", "two", "three", "four", "five"}, w)
		ends := boundary.MatchString(w)
		switch {
		case unicode.IsDigit([]rune(w)[0]) && err != nil:
			n = math.MaxInt - 1 // too long for an order that anyone meant
			fallthrough
		case err == nil:
			numbers = append(numbers, n)
		case spelt >= 0:
			numbers = append(numbers, spelt+1)
		case endWord.MatchString(w) || ends && strings.ContainsAny(w[len(w)-1:], "oy"):
			word = math.MaxInt
		case word == 0 && (startWord.MatchString(w) || ends && strings.ContainsAny(w[:1], "ix")):
			word = -1
		}
	}
	if numbers == nil {
		return []int{word}
	}
	return numbers
}

// family is the layer's name with its numbers left open: the layers of a family follow one another by their numbers.
func (l label) family() string {
	var parts []string
	for _, w := range l.words {
		if unicode.IsDigit([]rune(w)[0]) {
			w = "#"
		}
		parts = append(parts, w)
	}
	return strings.Join(parts, " ")
}

// leadsTo reports whether weights so called end at the layer that a bias is called after: input_hidden at hidden.
func (l label) leadsTo(b label) bool {
	w, v := strings.Join(l.words, " "), strings.Join(b.words, " ")
	return v != "" && strings.HasSuffix(w, v)
}

// from reports whether an array so called was made of one called base: m_W1 and optimizer.W1.exp_avg of W1.
func (l label) from(base label) bool {
	if len(l.all) <= len(base.all) || len(base.all) == 0 {
		return false
	}
	for i := range len(l.all) - len(base.all) + 1 {
		rest := slices.Concat(l.all[:i], l.all[i+len(base.all):])
		if slices.Equal(l.all[i:i+len(base.all)], base.all) &&
			slices.ContainsFunc(rest, func(w string) bool { return !unicode.IsDigit([]rune(w)[0]) }) {
			return true
		}
	}
	return false
}
