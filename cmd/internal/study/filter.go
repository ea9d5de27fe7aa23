package study

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Filter is an expression that a run meets or not:
//
//	accuracy > 97% and l2 == 5
//	not (state == failed or net in (784-30-10, "784-100-10"))
//
// On the left of a comparison stands a column, on the right a value, bare or quoted; n% is n/100. == and != (also =)
// compare numbers as numbers and all else letter by letter, < <= > >= numbers alone. What a run does not have makes
// every comparison false but one with !=. "and" binds more closely than "or", "not" more closely than both.
type Filter struct{ meets func(r *Run) bool }

// Meets reports whether a run meets the filter. The zero value lets all pass.
func (f Filter) Meets(r *Run) bool { return f.meets == nil || f.meets(r) }

// Filtered are the runs that meet a filter.
func (f Filter) Filtered(all []*Run) []*Run {
	var out []*Run
	for _, r := range all {
		if f.Meets(r) {
			out = append(out, r)
		}
	}
	return out
}

// FilterError says what is wrong with an expression, and where.
type FilterError struct {
	Text   string
	Column int // of the character, from 1
	What   string
}

// Error names the column.
func (e *FilterError) Error() string {
	return fmt.Sprintf("%q, column %d: %s", e.Text, e.Column, e.What)
}

// ParseFilter reads an expression; an empty one lets all pass. The error is a [*FilterError].
func ParseFilter(expression string) (f Filter, err error) {
	if strings.TrimSpace(expression) == "" {
		return Filter{}, nil
	}
	p := parser{text: expression}
	defer func() {
		if e, ok := recover().(*FilterError); ok {
			f, err = Filter{}, e
		}
	}()
	p.tokens = lex(expression)
	f.meets = p.or(0)
	if t := p.peek(); t.kind != end {
		p.fail(t, "want and, or, or the end, got %s", t)
	}
	return f, nil
}

// Kinds of tokens. Words are and, or, not, in, columns and bare values.
type kind int

const (
	end kind = iota
	word
	quoted
	sign // an operator, a parenthesis or a comma
)

type token struct {
	kind   kind
	text   string
	column int
}

func (t token) String() string {
	if t.kind == end {
		return "the end"
	}
	return fmt.Sprintf("%q", t.text)
}

// lex cuts an expression into tokens, with one of the end last. It panics with a *FilterError, which ParseFilter
// returns.
func lex(expression string) []token {
	var all []token
	s := []rune(expression)
	for i := 0; i < len(s); {
		c, at := s[i], i+1
		switch {
		case c == ' ' || c == '\t' || c == '\n':
			i++
		case c == '"' || c == '\'':
			n := slices.Index(s[i+1:], c)
			if n < 0 {
				panic(&FilterError{expression, at, fmt.Sprintf("the quotation has no end; want %c after it", c)})
			}
			all = append(all, token{quoted, string(s[i+1 : i+1+n]), at})
			i += n + 2
		case strings.ContainsRune("(),", c):
			all = append(all, token{sign, string(c), at})
			i++
		case strings.ContainsRune("=!<>", c):
			n := 1
			if i+1 < len(s) && s[i+1] == '=' {
				n = 2
			}
			all = append(all, token{sign, string(s[i : i+n]), at})
			i += n
		default:
			n := slices.IndexFunc(s[i:], func(c rune) bool { return strings.ContainsRune(" \t\n\"'(),=!<>", c) })
			if n < 0 {
				n = len(s) - i
			}
			all = append(all, token{word, string(s[i : i+n]), at})
			i += n
		}
	}
	return append(all, token{end, "", len(s) + 1})
}

// parser goes through tokens by recursive descent. Its methods panic with a *FilterError.
type parser struct {
	text   string
	tokens []token
}

// deepest is how many parentheses and nots may stand inside one another.
const deepest = 100

func (p *parser) peek() token { return p.tokens[0] }

func (p *parser) next() token {
	t := p.tokens[0]
	if t.kind != end {
		p.tokens = p.tokens[1:]
	}
	return t
}

// take takes the next token if it is this word or sign.
func (p *parser) take(text string) bool {
	if t := p.peek(); t.kind == quoted || t.kind == end || t.text != text {
		return false
	}
	p.next()
	return true
}

func (p *parser) fail(t token, format string, args ...any) {
	panic(&FilterError{p.text, t.column, fmt.Sprintf(format, args...)})
}

func (p *parser) or(depth int) func(*Run) bool {
	left := p.and(depth)
	for p.take("or") {
		a, b := left, p.and(depth)
		left = func(r *Run) bool { return a(r) || b(r) }
	}
	return left
}

func (p *parser) and(depth int) func(*Run) bool {
	left := p.not(depth)
	for p.take("and") {
		a, b := left, p.not(depth)
		left = func(r *Run) bool { return a(r) && b(r) }
	}
	return left
}

func (p *parser) not(depth int) func(*Run) bool {
	t := p.peek()
	if depth > deepest {
		p.fail(t, "more than %d parentheses inside one another", deepest)
	}
	switch {
	case p.take("not"):
		a := p.not(depth + 1)
		return func(r *Run) bool { return !a(r) }
	case p.take("("):
		a := p.or(depth + 1)
		if t := p.next(); t.kind == quoted || t.text != ")" {
			p.fail(t, "want ), got %s", t)
		}
		return a
	}
	return p.comparison()
}

// comparisons are what may stand after a column.
var comparisons = []string{"==", "=", "!=", "<", "<=", ">", ">="}

func (p *parser) comparison() func(*Run) bool {
	name := p.next()
	if name.kind != word {
		p.fail(name, "want a column, got %s", name)
	}
	column, err := ColumnByName(name.text)
	if err != nil {
		p.fail(name, "%v", err)
	}
	op := p.next()
	switch {
	case op.kind == word && op.text == "in":
		return p.among(column)
	case op.kind != sign || !slices.Contains(comparisons, op.text):
		p.fail(op, "want a comparison (== != < <= > >= in) after %s, got %s", name.text, op)
	}
	value := p.value(op.text)
	switch op.text {
	case "==", "=":
		return func(r *Run) bool { return value.is(column.Of(r)) }
	case "!=":
		return func(r *Run) bool { return !value.is(column.Of(r)) }
	}
	if math.IsNaN(value.number) {
		p.fail(value.token, "%s compares numbers, and %s is none", op.text, value.token)
	}
	return func(r *Run) bool {
		got := column.Of(r).Number // of NaN every comparison is false
		switch op.text {
		case "<":
			return got < value.number
		case "<=":
			return got <= value.number
		case ">":
			return got > value.number
		}
		return got >= value.number
	}
}

// among reads a list of values in parentheses.
func (p *parser) among(column Column) func(*Run) bool {
	if t := p.next(); t.kind != sign || t.text != "(" {
		p.fail(t, "want ( after in, got %s", t)
	}
	var values []literal
	for {
		values = append(values, p.value("in"))
		t := p.next()
		if t.kind == sign && t.text == ")" {
			break
		}
		if t.kind != sign || t.text != "," {
			p.fail(t, "want , or ), got %s", t)
		}
	}
	return func(r *Run) bool {
		got := column.Of(r)
		return slices.ContainsFunc(values, func(v literal) bool { return v.is(got) })
	}
}

// literal is a value that an expression names.
type literal struct {
	token
	number float64 // NaN for a text
}

func (p *parser) value(after string) literal {
	t := p.next()
	if t.kind != word && t.kind != quoted {
		p.fail(t, "want a value after %s, got %s", after, t)
	}
	v := literal{t, number(t.text)}
	if s, ok := strings.CutSuffix(t.text, "%"); ok && t.kind == word {
		v.number = number(s) / 100
	}
	return v
}

// is reports whether a value is the one that a run has.
func (l literal) is(v Value) bool {
	if !math.IsNaN(l.number) && !math.IsNaN(v.Number) {
		return l.number == v.Number
	}
	return v.Plain != "" && l.text == v.Plain
}
