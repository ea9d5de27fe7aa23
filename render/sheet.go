package render

import (
	"fmt"
	"image"
	"math"
	"slices"
)

// Tile is the map of one neuron.
type Tile struct {
	// Map holds Height×Width weights, row-major. It aliases the caller's
	// memory, is only read, and must not change while a picture is drawn.
	Map []float32
	// Name identifies the neuron, usually by its number, "17".
	Name string
	// Lines are short facts, "→ 3", "‖w‖ 2.1", in order of importance; as many
	// are shown as fit legibly.
	Lines []string
}

// Sheet is a contact sheet: every neuron of a layer as one small map. Only
// Width, Height and Tiles are needed; every other field's zero value means
// "choose" or "none".
//
// A sheet is one picture, however many tiles it has. To spread a layer over
// several, give each sheet a slice of Tiles and the same Limit (see Limits).
//
// In a Figure a sheet is a panel: its Title is the heading above it, its Caption
// the sentence below it, and its Subtitle is not used. Sheets in a row whose maps
// and names agree are laid out alike, so that the same neuron is at the same
// place in each, and always stand side by side.
type Sheet struct {
	Key      string // of the maps; see Figure.Numbers
	Title    string // "mnist · 784-100-10 · 97.9 % test accuracy"
	Subtitle string // "learned weights W − γW₀"
	Caption  string // one sentence under the picture: what it shows, how to read it

	// Width and Height are the size of a map in positions (input pixels). A
	// vector (one of them 1) is drawn as a strip up to 64 long, else folded
	// into rows, and the legend says so.
	Width, Height int
	Tiles         []Tile

	// Colors is what the colours stand for; nil: up to the largest |w|, from ink
	// that lowers z to ink that raises it. Sheets of a Figure with the same
	// Colors are drawn to one scale.
	Colors *Colors

	// Cols is the number of tiles in a row; 0: choose.
	Cols int
	// TilePx is the width of a tile on screen in pixels; 0: choose. It is
	// rounded down to a whole multiple of Width, so that each weight is a
	// block of equal pixels. A tile narrower than Width shows means over
	// square blocks of weights, and the legend says of how many.
	TilePx int

	// Mark, Height×Width, row-major, is true at positions to hatch in every
	// tile, such as pixels that are never inked; nil: none. Tiles too small to
	// hatch are left alone and the legend shows where the positions are.
	Mark      []bool
	MarkLabel string // what they are; empty: "marked positions"
}

const (
	maxText      = 4096 // bytes of a title or a caption
	maxLabel     = 256  // bytes of a name or a fact
	maxLines     = 16   // facts of a tile
	maxPositions = 1 << 28
)

// Validate returns an error that says what is wrong with the sheet, where, and
// what would be right; nil if Draw can try. The size of the picture is known,
// and checked, only when it is laid out: see Draw.
func (s Sheet) Validate() error {
	if err := check(s); err != nil {
		return fmt.Errorf("render: %w", err)
	}
	return nil
}

func (s Sheet) check() error {
	if s.Width < 1 || s.Height < 1 {
		return fmt.Errorf("maps of %d×%d (height×width), want both at least 1", s.Height, s.Width)
	}
	want := int64(s.Height) * int64(s.Width)
	if s.Width > maxPositions || s.Height > maxPositions || want > maxPositions {
		return fmt.Errorf("maps of %d×%d (height×width), the limit is %d weights", s.Height, s.Width, maxPositions)
	}
	if len(s.Tiles) == 0 {
		return fmt.Errorf("a sheet without tiles, want at least 1")
	}
	if s.Cols < 0 {
		return fmt.Errorf("%d columns, want at least 1, or 0 to choose", s.Cols)
	}
	if s.TilePx < 0 || s.TilePx > maxSide {
		return fmt.Errorf("tiles of %d pixels, want 1 to %d, or 0 to choose", s.TilePx, maxSide)
	}
	if s.Mark != nil && int64(len(s.Mark)) != want {
		return fmt.Errorf("mark has %d positions, want %d×%d = %d", len(s.Mark), s.Height, s.Width, want)
	}
	if err := checkTexts([]namedText{{"subtitle", s.Subtitle}, {"mark label", s.MarkLabel}}); err != nil {
		return err
	}
	for i, t := range s.Tiles {
		if err := t.check(s.Height, s.Width); err != nil {
			return fmt.Errorf("tile %d (%.40q): %w", i, t.Name, err)
		}
	}
	return nil
}

// checkLimit refuses a limit that is neither 0, to choose, nor a scale.
func checkLimit(limit float64) error {
	if limit != 0 && !(limit >= math.SmallestNonzeroFloat32 && limit <= math.MaxFloat32) {
		return fmt.Errorf("limit %v, want a positive number that a float32 holds, or 0 to take it from what is drawn",
			limit)
	}
	return nil
}

func (t Tile) check(height, width int) error {
	if len(t.Map) != height*width {
		return fmt.Errorf("map has %d weights, want %d×%d = %d", len(t.Map), height, width, height*width)
	}
	if len(t.Name) > maxLabel {
		return fmt.Errorf("name has %d bytes, the limit is %d", len(t.Name), maxLabel)
	}
	if len(t.Lines) > maxLines {
		return fmt.Errorf("%d lines, the limit is %d", len(t.Lines), maxLines)
	}
	for i, l := range t.Lines {
		if len(l) > maxLabel {
			return fmt.Errorf("line %d has %d bytes, the limit is %d", i, len(l), maxLabel)
		}
	}
	return nil
}

type namedText struct{ name, text string }

// checkTexts refuses texts that no page has room for.
func checkTexts(texts []namedText) error {
	for _, t := range texts {
		if len(t.text) > maxText {
			return fmt.Errorf("%s has %d bytes, the limit is %d", t.name, len(t.text), maxText)
		}
	}
	return nil
}

// Limits returns for each tile the |w| that the ends of the colour map stand
// for: what Draw uses, for a caller that draws several pictures to one scale.
func (s Sheet) Limits() ([]float64, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	c, maps := s.coloured()
	return scale(maps, c.Scale, c.Limit).limits, nil
}

// Draw draws the sheet: a Figure of this panel alone. It fails on what Validate
// refuses and, before the image is allocated, on a picture that would have more
// than 32767 pixels on a side or 67108864 in all; the error names the size and
// what would make it smaller.
func (s Sheet) Draw() (*Picture, error) {
	if err := s.Validate(); err != nil {
		return nil, err
	}
	return s.figure().Draw()
}

// figure is the page of a sheet by itself, whose texts are those of the page.
func (s Sheet) figure() Figure {
	f := Figure{Title: s.Title, Subtitle: s.Subtitle, Caption: s.Caption}
	s.Title, s.Caption = "", ""
	f.Rows = [][]Panel{{s}}
	return f
}

func (s Sheet) heading() (string, string) { return s.Title, s.Caption }

func (s Sheet) coloured() (*Colors, [][]float32) {
	maps := make([][]float32, len(s.Tiles))
	for i, t := range s.Tiles {
		maps[i] = t.Map
	}
	if s.Colors == nil {
		return weightColors(), maps
	}
	return s.Colors, maps
}

func (s Sheet) plan(r request) view {
	v := s.planOf(r, "weights")
	v.sheet = &v.grid
	return v
}

// planOf plans the sheet; noun is what its values are. Of sheets that are alike
// the first chooses the grid.
func (s Sheet) planOf(r request, noun string) view {
	var group []*item
	for _, it := range r.row {
		if it == r.item || it.alike(r.item) {
			group = append(group, it)
		}
	}
	g := group[0].view.grid
	if group[0] == r.item {
		g = planGrid(r.ts, s.gridRequest(r, group))
	}
	g.offset = g.n * slices.Index(group, r.item)
	return r.tiles(s, g, noun)
}

// gridRequest asks for one grid for sheets that are alike: as wide as the page
// for a sheet alone, its share of the row where all are alike, else between that
// and three fifths.
func (s Sheet) gridRequest(r request, group []*item) gridRequest {
	req := gridRequest{width: s.Width, height: s.Height, n: len(s.Tiles), cols: s.Cols, tilePx: s.TilePx}
	req.budget = min(pageBudget, r.room*15/16) // a grid may take a sixteenth more
	if r.panels > 1 {
		req.budget = (r.room - (r.panels-1)*sheetGap) / r.panels
		if least := sides[len(sides)-1]; len(group) < r.panels {
			req.budget += (r.room*3/5 - req.budget) * (r.side - least) / (sides[0] - least)
		}
		req.budget = max(req.budget, minSheet)
	}
	own := r.colors.Scale == Neuron
	if own {
		req.must = 1
	}
	for _, it := range group {
		if o, is := it.panel.(Sheet); is {
			s = o
		}
		for i, t := range s.Tiles {
			var facts []string
			if own {
				facts = append(facts, "±"+number(it.scaling.limits[i], 2))
			}
			for _, l := range t.Lines {
				facts = append(facts, r.ts.cleanLine(l))
			}
			req.names = append(req.names, r.ts.cleanLine(t.Name))
			req.facts = append(req.facts, facts)
		}
	}
	return req
}

// alike says whether two panels are sheets that show the same neurons in maps of
// the same size, which one grid then holds.
func (it *item) alike(o *item) bool {
	s, is := it.panel.(Sheet)
	t, also := o.panel.(Sheet)
	return is && also && s.Width == t.Width && s.Height == t.Height && s.Cols == t.Cols && s.TilePx == t.TilePx &&
		(it.colors.Scale == Neuron) == (o.colors.Scale == Neuron) &&
		slices.EqualFunc(s.Tiles, t.Tiles, func(a, b Tile) bool { return a.Name == b.Name })
}

// tiles is the view of the maps of s in the grid g.
func (r request) tiles(s Sheet, g grid, noun string) view {
	return view{
		size: g.size(), grid: g, remarks: r.remarks(s, g, noun),
		place: func(p *page, picture *Picture, at image.Point) {
			g.placeHeadings(p, at)
			for i, t := range s.Tiles {
				box := g.tile(at, i)
				m := mapItem{
					at: box.Min, geometry: g.geometry, weights: t.Map, limit: r.scaling.limits[i],
					colormap: r.colors.Map,
				}
				if g.geometry.hatched() {
					m.mark = s.Mark
				}
				p.tile(m)
				g.labels.place(p, g.offset+i, box.Min.X, box.Max.X, box.Max.Y)
				picture.Tiles = append(picture.Tiles, TileBox{
					Panel: r.index, Tile: i, Name: t.Name, Rect: box,
					Cell: image.Pt(g.geometry.zx, g.geometry.zy), Box: g.geometry.box,
					Limit: m.limit, Scale: r.colors.Scale, Map: m.colormap,
					geometry: g.geometry, hatched: m.mark != nil,
				})
			}
		},
	}
}
