package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"neuroloupe/cmd/internal/strokes"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

// The keys of chromedp.
const (
	keyTab  = "\t"
	keyDown = "\u0301"
)

// emulate sets the medium, screen or print, and the theme that the system is said to have.
func (b *browser) emulate(media, theme string) {
	b.t.Helper()
	_, err := chromedp.Call(b.ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Media: media, Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
	})
	b.check(err)
}

// faint lists texts whose colour has less than 4.5 times the contrast to what is behind them that WCAG 2 asks for
// (success criterion 1.4.3). Pictures and what is far off the page are not looked at.
const faint = `(() => {
	const ctx = Object.assign(document.createElement('canvas'), {width: 1, height: 1}).getContext('2d', {willReadFrequently: true});
	const light = () => { const [r, g, b] = [...ctx.getImageData(0, 0, 1, 1).data].map(v => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
		return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	const paint = c => { ctx.fillStyle = c; ctx.fillRect(0, 0, 1, 1); };
	const out = new Set();
	for (const e of document.querySelectorAll('body *')) {
		if (![...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) || e.closest('script, noscript, option') || !e.checkVisibility()) continue;
		const behind = [];
		for (let p = e; p; p = p.parentElement) behind.unshift(getComputedStyle(p).backgroundColor);
		paint('#fff');
		behind.forEach(paint);
		const back = light();
		paint(e instanceof SVGElement ? getComputedStyle(e).fill : getComputedStyle(e).color);
		const text = light(), contrast = (Math.max(back, text) + 0.05) / (Math.min(back, text) + 0.05);
		if (contrast < 4.5) out.add(e.tagName + '.' + e.className + ' ' + e.textContent.slice(0, 20) + ': ' + contrast.toFixed(2));
	}
	return [...out];
})()`

// The page can be read: in either theme, in narrow windows without scrolling sideways, by its headings, and on paper.
func TestReportIsReadable(t *testing.T) {
	_, file := shapesReport(t)
	b := openPage(t, file)
	for _, theme := range []string{"light", "dark"} {
		b.emulate("screen", theme)
		for _, width := range []int64{1366, 390, 320} {
			b.check(chromedp.Do(b.ctx, chromedp.EmulateViewport(width, 900)))
			if got := eval[int64](b, "document.documentElement.scrollWidth"); got > width {
				t.Errorf("%s, %d pixels wide: the page is %d", theme, width, got)
			}
		}
		if got := eval[[]string](b, faint); len(got) > 0 {
			t.Errorf("%s: too little contrast: %s", theme, strings.Join(got, "; "))
		}
		dark := eval[[]int](b, "(getComputedStyle(document.body).backgroundColor).match(/\\d+/g).map(Number)")[0] < 128
		if dark != (theme == "dark") {
			t.Errorf("a %s page is dark: %v", theme, dark)
		}
	}
	levels := eval[[]int](b, "[...document.querySelectorAll('h1, h2, h3, h4, h5')].map(h => Number(h.tagName[1]))")
	for i, l := range levels[1:] {
		if l > levels[i]+1 {
			t.Errorf("a heading of level %d comes after one of level %d: %s", l, levels[i],
				eval[string](b, fmt.Sprintf("document.querySelectorAll('h1, h2, h3, h4, h5')[%d].textContent", i+1)))
		}
	}
	// In a narrow window a chart is drawn narrow, not made small with its numbers.
	narrow := openPage(t, file)
	narrow.check(chromedp.Do(narrow.ctx, chromedp.EmulateViewport(390, 900), chromedp.Reload()))
	if got := eval[float64](narrow, "Math.min(...[...document.querySelectorAll('svg')].map(s => "+
		"s.getBoundingClientRect().width / s.viewBox.baseVal.width))"); got < 0.9 {
		t.Errorf("a chart is drawn at %.2f of its size", got)
	}
	b.emulate("print", "dark")
	b.check(chromedp.Do(b.ctx, chromedp.EmulateViewport(720, 1000)))
	for selector, shown := range map[string]bool{
		"#neuron-table th[data-key=norm] button": true, "#neuron-name": true, "#sheet-legend canvas": true,
		"#film-says": true,
		"nav":        false, "#theme": false, "#sheet-tools select": false, "#next": false,
	} {
		if got := eval[bool](b, fmt.Sprintf("document.querySelector(%q).checkVisibility()", selector)); got != shown {
			t.Errorf("on paper %s is shown: %v, want %v", selector, got, shown)
		}
	}
	if got := eval[string](b, "getComputedStyle(document.body).backgroundColor"); got != "rgb(252, 252, 251)" {
		t.Errorf("paper is %s", got)
	}
	b.quiet()
}

// The colours are chosen with the keyboard, and all maps follow, in either theme; and a control that draws a part of
// the page anew keeps the focus.
func TestReportByKeyboard(t *testing.T) {
	v, file := shapesReport(t)
	b := openPage(t, file)
	key := func(k string) { b.check(chromedp.Do(b.ctx, chromedp.KeyEvent(k))) }
	focused := func() string {
		return eval[string](b, "(e => (e.getAttribute('aria-label') || (e.labels && e.labels.length ? "+
			"e.labels[0].firstChild.textContent : e.textContent)).trim())(document.activeElement)")
	}
	ring := func() {
		if got := eval[string](b, "getComputedStyle(document.activeElement).outlineStyle"); got != "solid" {
			t.Errorf("%q has the focus and no ring: outline %s", focused(), got)
		}
	}
	for range 40 {
		key(keyTab)
		ring()
		if focused() == "Colours" {
			break
		}
	}
	if got := focused(); got != "Colours" {
		t.Fatalf("40 stops of the tab key lead to %q, not to the colours", got)
	}
	learned := inspect.Maps(weights(v, "learned"))
	limit := float64(maxAbs(learned...))
	const tile = "#sheet .tile[data-neuron='3'] canvas"
	for _, m := range []render.Colormap{render.BlueOrange, render.BlueRed, render.Grey} {
		if m != render.BlueOrange {
			key(keyDown)
		}
		if got := eval[string](b, "document.activeElement.value"); got != m.String() {
			t.Fatalf("the colours are %q, want %v", got, m)
		}
		for _, p := range []int{14, 47, 64} {
			want := m.At(float64(learned[3][p]) / limit)
			// a step of the byte
			if got := b.pixel(tile, p%strokes.Cols, p/strokes.Cols); !close3(got, [3]uint8{want.R, want.G, want.B}, 8) {
				t.Errorf("%v, pixel %d: colour %v, want %v", m, p, got, want)
			}
		}
		for at, v := range map[int]float64{0: -1, 127: 0, 254: 1} {
			want := m.At(v)
			if got := b.pixel("#sheet-legend canvas", at, 0); got != [3]uint8{want.R, want.G, want.B} {
				t.Errorf("%v: the colour bar has %v at %v, want %v", m, got, v, want)
			}
		}
	}
	b.emulate("screen", "dark")
	zero := render.Grey.At(0)
	if got := b.pixel("#sheet-legend canvas", 127, 0); got != [3]uint8{zero.R, zero.G, zero.B} {
		t.Errorf("grey on a dark page: zero is %v", got)
	}

	focus := func(selector string) {
		eval[bool](b, fmt.Sprintf("(e => (e.focus(), e === document.activeElement))(document.querySelector(%q))",
			selector))
	}
	focus("#next")
	for want := 1; want <= 2; want++ {
		key("\r")
		b.until(fmt.Sprintf("document.getElementById('neuron-name').textContent.startsWith('Neuron %d ')", want))
		if got, say := focused(), fmt.Sprintf("next: neuron %d; this is %d", want+1, want); got != say {
			t.Errorf("after the next neuron the focus is on %q, want %q", got, say)
		}
	}
	focus("#why-page select")
	key(keyDown)
	if got := focused(); got != "What speaks for" {
		t.Errorf("after another output was chosen the focus is on %q", got)
	}
	focus("#class-page button[data-class='1']")
	key("\r")
	b.until("document.getElementById('class-name').textContent === 'Class 1'")
	if got := eval[string](b, "document.activeElement.id"); got != "class-name" {
		t.Errorf("after another class was chosen the focus is on %q, want its heading", got)
	}
	eval[bool](b, "document.querySelector('#table .over').focus(), true")
	if !eval[bool](b, "(r => r.left >= 0 && r.width > 0)(document.activeElement.getBoundingClientRect())") {
		t.Error("the link over the table is not to be seen when it has the focus")
	}
	b.quiet()
}
