package render

import (
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/fogleman/gg"
)

// Film is a sheet over training: one picture per frame, all drawn to one scale,
// with a strip that says how far training is. It is written as animated GIF or
// PNG, see EncodeGIF and EncodeAPNG.
type Film struct {
	// Sheet says what stands round the maps and how they are laid out. Its
	// tiles give the names and the facts, which are the same in all frames;
	// their maps are not used and may be nil. The scale of its Colors is Shared
	// or Percentile, worked out over all frames.
	Sheet  Sheet
	Frames []Frame // in order of epochs, the start first
	// Metric is what Frame.Accuracy is: "test accuracy", if empty.
	Metric string
	Delay  time.Duration // of a frame; 0: 200 ms
	Hold   time.Duration // of the last frame; 0: 3 s
}

// Frame is the maps of all neurons at one time of training.
type Frame struct {
	Epoch    int
	Accuracy float64     // 0 to 1; NaN: not known
	Maps     [][]float32 // one per tile of the sheet, Height×Width, row-major; only read
}

const (
	maxFrames    = 10000
	stripHeight  = 72 // of the strip, in pixels
	stripBelow   = 24 // white below it
	stripCurve   = 34 // of the curve in it
	filmTile     = 56 // largest side of a tile of many
	defaultDelay = 200 * time.Millisecond
	defaultHold  = 3 * time.Second
)

// Validate returns an error that says what is wrong with the film, where, and
// what would be right; nil if it can be drawn.
func (f Film) Validate() error {
	if err := f.check(); err != nil {
		return fmt.Errorf("render: film: %w", err)
	}
	return nil
}

func (f Film) check() error {
	if len(f.Frames) == 0 || len(f.Frames) > maxFrames {
		return fmt.Errorf("%d frames, want 1 to %d", len(f.Frames), maxFrames)
	}
	if c, _ := f.Sheet.coloured(); c.Scale == Neuron {
		return errors.New("scale neuron, whose tiles change theirs from frame to frame; use shared or percentile")
	}
	if f.Delay < 0 || f.Hold < 0 || f.Delay > time.Minute || f.Hold > time.Minute {
		return fmt.Errorf("frames of %v and %v, want up to %v, or 0 to choose", f.Delay, f.Hold, time.Minute)
	}
	if err := checkTexts([]namedText{{"metric", f.Metric}}); err != nil {
		return err
	}
	for i, fr := range f.Frames {
		if len(fr.Maps) != len(f.Sheet.Tiles) {
			return fmt.Errorf("frame %d has %d maps, want %d, one per tile of the sheet", i, len(fr.Maps),
				len(f.Sheet.Tiles))
		}
		if i > 0 && fr.Epoch <= f.Frames[i-1].Epoch || fr.Epoch < 0 {
			return fmt.Errorf("frame %d is epoch %d, want epochs that go up from 0", i, fr.Epoch)
		}
		if fr.Accuracy < 0 || fr.Accuracy > 1 {
			return fmt.Errorf("frame %d: accuracy %v, want 0 to 1, or NaN", i, fr.Accuracy)
		}
		if err := check(f.sheet(fr)); err != nil {
			return fmt.Errorf("frame %d: %w", i, err)
		}
	}
	return nil
}

// sheet returns the sheet with the maps of a frame.
func (f Film) sheet(fr Frame) Sheet {
	s := f.Sheet
	s.Tiles = slices.Clone(s.Tiles)
	for i := range s.Tiles {
		s.Tiles[i].Map = fr.Maps[i]
	}
	return s
}

// Limit returns the |w| that the ends of the colour map stand for, in all
// frames.
func (f Film) Limit() (float64, error) {
	if err := f.Validate(); err != nil {
		return 0, err
	}
	c, all := filmPanel{f}.coloured()
	return scale(all, c.Scale, c.Limit).shared, nil
}

// reel is a film being drawn: the page, and the maps and the strip of a frame as
// indices into the palette.
type reel struct {
	film    Film
	page    *page
	strip   image.Rectangle
	palette *filmPalette
	base    *image.Paletted // the page, without strip
	scratch *image.RGBA     // maps as indices
	shaded  [256]uint8
}

// filmPanel is the sheet of a film with room for the strip above it, its scale
// taken over all frames.
type filmPanel struct{ Film }

func (f filmPanel) heading() (string, string) { return "", "" }

func (f filmPanel) coloured() (*Colors, [][]float32) {
	c, _ := f.Sheet.coloured()
	var all [][]float32
	for _, fr := range f.Frames {
		all = append(all, fr.Maps...)
	}
	return c, all
}

func (f filmPanel) plan(r request) view {
	v := f.sheet(f.Frames[0]).plan(r)
	v.size = image.Pt(max(v.size.X, minContent), v.size.Y+stripHeight+stripBelow)
	place := v.place
	v.place = func(p *page, picture *Picture, at image.Point) {
		p.strip = image.Rectangle{Max: image.Pt(v.size.X, stripHeight)}.Add(at)
		place(p, picture, at.Add(image.Pt(0, stripHeight+stripBelow)))
	}
	return v
}

// newReel lays the film out and draws all that stands still.
func newReel(f Film) (*reel, error) {
	if err := f.Validate(); err != nil {
		return nil, err
	}
	if s := &f.Sheet; s.TilePx == 0 && len(s.Tiles) > 35 {
		// A file that is sent about: 31 frames of 100 tiles stay below 3 MB.
		s.TilePx = unfold(s.Width, s.Height).within(min(tileCap(len(s.Tiles)), filmTile)).size().X
	}
	page := f.Sheet.figure()
	page.Rows = [][]Panel{{filmPanel{f}}}
	p, picture, err := page.layOut()
	if err != nil {
		return nil, err
	}
	c, _ := f.Sheet.coloured()
	r := &reel{film: f, page: p, strip: p.strip, palette: newFilmPalette(c.Map)}
	img := p.paint()
	r.base = r.palette.paletted(img)
	// Maps of the page that are not tiles, in the legend, stand still.
	p.maps = p.maps[:len(picture.Tiles)]
	r.scratch = image.NewRGBA(img.Rect)
	for i, c := range r.palette.colors {
		rgb := []uint8{c.R, c.G, c.B}
		shade(rgb)
		r.shaded[i] = r.palette.nearest(color.RGBA{rgb[0], rgb[1], rgb[2], 0xff})
	}
	return r, nil
}

// frame draws frame i.
func (r *reel) frame(i int) *image.Paletted {
	out := image.NewPaletted(r.base.Rect, r.base.Palette)
	copy(out.Pix, r.base.Pix)
	fr := r.film.Frames[i]
	for k, m := range r.page.maps {
		box := m.rect()
		r.palette.steps.paintMap(r.scratch, m.at, m.geometry, fr.Maps[k], m.limit)
		hatchWith(r.scratch, m.at, m.geometry, m.mark, func(px []uint8) { px[0] = r.shaded[px[0]] })
		for y := box.Min.Y; y < box.Max.Y; y++ {
			from := r.scratch.Pix[r.scratch.PixOffset(box.Min.X, y):]
			to := out.Pix[out.PixOffset(box.Min.X, y):]
			held := m.geometry.held((y-box.Min.Y)/m.geometry.zy) * m.geometry.zx
			for x := range held {
				to[x] = from[4*x]
			}
		}
	}
	strip := r.palette.paletted(r.paintStrip(i))
	for y := range r.strip.Dy() {
		copy(out.Pix[out.PixOffset(r.strip.Min.X, r.strip.Min.Y+y):],
			strip.Pix[y*strip.Stride:y*strip.Stride+r.strip.Dx()])
	}
	return out
}

// paintStrip draws where training is at frame i: epoch and accuracy in words,
// and the accuracy so far over the epochs.
func (r *reel) paintStrip(i int) *image.RGBA {
	img := image.NewRGBA(image.Rectangle{Max: r.strip.Size()})
	draw.Draw(img, img.Rect, image.White, image.Point{}, draw.Src)
	dc := gg.NewContextForRGBA(img)
	frames := r.film.Frames
	last := frames[len(frames)-1].Epoch
	low, high, known := r.film.accuracies()
	p := &page{ts: r.page.ts}
	p.text(r.film.progress(i), headingStyle, ink, 0, headingStyle.ascent())
	if known {
		p.textRight(fmt.Sprintf("curve: %.1f to %.1f %%", 100*low, 100*high), noteStyle, faint, img.Rect.Dx(),
			headingStyle.ascent())
	}
	for _, t := range p.texts {
		dc.SetFontFace(p.ts.face(t.style))
		dc.SetColor(t.color)
		dc.DrawString(t.s, float64(t.x), float64(t.base))
	}
	top := float64(stripHeight - stripCurve - 8)
	x := axis{
		lo: float64(frames[0].Epoch), hi: float64(max(last, frames[0].Epoch+1)), from: 4,
		to: float64(img.Rect.Dx() - 5), step: 1,
	}
	track := top + stripCurve + 1
	dc.SetColor(hairline)
	dc.DrawRectangle(x.from, track, x.to-x.from, 3)
	dc.Fill()
	dc.SetColor(ink)
	dc.DrawRectangle(x.from, track, x.at(float64(frames[i].Epoch))-x.from, 3)
	dc.Fill()
	if !known {
		return img
	}
	y := axis{lo: low, hi: high, from: top + stripCurve - 4, to: top + 4, step: 1}
	at := func(accuracy float64) float64 { return y.at(max(accuracy, low)) }
	curve := func(c color.Color, upTo int) {
		for _, fr := range frames[:upTo+1] {
			if !math.IsNaN(fr.Accuracy) {
				dc.LineTo(x.at(float64(fr.Epoch)), at(fr.Accuracy))
			}
		}
		dc.SetColor(c)
		dc.SetLineWidth(1.5)
		dc.Stroke()
	}
	curve(hairline, len(frames)-1)
	curve(ink, i)
	if a := frames[i].Accuracy; !math.IsNaN(a) {
		dc.DrawCircle(x.at(float64(frames[i].Epoch)), at(a), markRadius)
		dc.Fill()
	}
	return img
}

// accuracies returns the range of the strip's curve. The first frame does not
// count: beside the guesses of a net before its first image, what comes later
// would be a straight line. ok is false when there is nothing to show.
func (f Film) accuracies() (low, high float64, ok bool) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, fr := range f.Frames[1:] {
		if !math.IsNaN(fr.Accuracy) {
			low, high = min(low, fr.Accuracy), max(high, fr.Accuracy)
		}
	}
	return low, high, high > low
}

// progress is the words of the strip.
func (f Film) progress(i int) string {
	fr := f.Frames[i]
	s := fmt.Sprintf("epoch %d of %d", fr.Epoch, f.Frames[len(f.Frames)-1].Epoch)
	if fr.Epoch == 0 {
		s += ", before the first image"
	}
	if !math.IsNaN(fr.Accuracy) {
		metric := f.Metric
		if metric == "" {
			metric = "test accuracy"
		}
		s += fmt.Sprintf(" · %s %.2f %%", strings.ToValidUTF8(metric, "□"), 100*fr.Accuracy)
	}
	return s
}

// delay returns how long frame i is shown.
func (f Film) delay(i int) time.Duration {
	switch {
	case i == len(f.Frames)-1 && f.Hold > 0:
		return f.Hold
	case i == len(f.Frames)-1:
		return defaultHold
	case f.Delay > 0:
		return f.Delay
	}
	return defaultDelay
}

// each calls do with every frame, the first whole and of the others the smallest
// rectangle that holds all changes, in which pixels that stay are transparent.
func (r *reel) each(do func(i int, img *image.Paletted) error) error {
	var before *image.Paletted
	for i := range r.film.Frames {
		now := r.frame(i)
		img := now
		if i > 0 {
			img = changes(before, now)
		}
		if err := do(i, img); err != nil {
			return err
		}
		before = now
	}
	return nil
}

// changes returns where b differs from a; at least one pixel.
func changes(a, b *image.Paletted) *image.Paletted {
	var box image.Rectangle
	for y := range b.Rect.Dy() {
		from, to := a.Pix[y*a.Stride:][:a.Rect.Dx()], b.Pix[y*b.Stride:][:b.Rect.Dx()]
		if string(from) == string(to) {
			continue
		}
		left, right := 0, len(to)
		for from[left] == to[left] {
			left++
		}
		for from[right-1] == to[right-1] {
			right--
		}
		box = box.Union(image.Rect(left, y, right, y+1))
	}
	if box.Empty() {
		box = image.Rect(0, 0, 1, 1)
	}
	out := image.NewPaletted(box, b.Palette)
	for y := box.Min.Y; y < box.Max.Y; y++ {
		from, to := a.Pix[a.PixOffset(box.Min.X, y):][:box.Dx()], b.Pix[b.PixOffset(box.Min.X, y):][:box.Dx()]
		line := out.Pix[out.PixOffset(box.Min.X, y):]
		for x, v := range to {
			if line[x] = v; from[x] == v {
				line[x] = transparent
			}
		}
	}
	return out
}
