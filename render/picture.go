package render

import (
	"fmt"
	"image"
	"image/color"
	"strconv"
)

// Picture is a drawn page, with where everything is, so that a program can tell what lies under a pointer and a test
// can read the weights back.
type Picture struct {
	Image *image.RGBA
	Tiles []TileBox // all tiles, panel after panel, in the order given
}

// TileBox is where one map lies in a picture, and its scale.
type TileBox struct {
	Panel int    // index into all panels of the Figure, glyphs too; 0 for a Sheet by itself
	Tile  int    // index into Sheet.Tiles; 0 for a panel of one map
	Name  string // Tile.Name; the title of a panel of one map
	Rect  image.Rectangle
	Cell  image.Point // size in pixels of a cell; there are Rect.Dx()/Cell.X across
	Box   int         // a cell is the mean of Box×Box weights (of Box, in a strip); 1: it is one weight
	Limit float64     // |w| at the ends of the colour map
	Scale Scale
	Map   Colormap

	geometry geometry
	hatched  bool
	border   int // pixels of a cell's edge that an outline may take
}

// Decode reads the values of tile i back from the pixels, row-major and Height×
// Width long if Box is 1, else one value per cell. Each is within
// Limit/(2·Steps) of what was drawn, unless that lay beyond Limit; NaN stands
// for all that is not finite. It fails when the image was painted over.
func (p *Picture) Decode(i int) ([]float32, error) {
	if i < 0 || i >= len(p.Tiles) {
		return nil, fmt.Errorf("render: tile %d of a picture with %d", i, len(p.Tiles))
	}
	b := p.Tiles[i]
	cells := b.geometry.cells()
	values := make([]float32, 0, cells.X*cells.Y)
	for y := range cells.Y {
		for x := range b.geometry.held(y) {
			c := p.sample(b, x, y)
			t, ok := b.Map.Value(c)
			if !ok {
				return nil, fmt.Errorf("render: tile %d (%.40q), cell %d across and %d down: colour %v is not in the "+
					"colour map %v",
					i, b.Name, x, y, c, b.Map)
			}
			values = append(values, float32(t*b.Limit))
		}
	}
	return values, nil
}

// sample returns the colour of a cell: of its first pixel inside any outline
// that no hatching crosses.
func (p *Picture) sample(b TileBox, x, y int) color.RGBA {
	at := image.Pt(x*b.Cell.X+b.border, y*b.Cell.Y+b.border)
	if b.hatched && (at.X+at.Y)%b.geometry.period() == 0 {
		at.X++
	}
	at = at.Add(b.Rect.Min)
	return p.Image.RGBAAt(at.X, at.Y)
}

// Info returns what is needed to read the picture back, for EncodePNG: the
// colour map, the scale and its limit ("per tile" when tiles differ) and the
// number of tiles. The keys are "colormap", "scale", "limit" and "tiles". A
// caller adds its own, such as the run.
func (p *Picture) Info() map[string]string {
	info := map[string]string{"tiles": strconv.Itoa(len(p.Tiles))}
	for i, b := range p.Tiles {
		limit := strconv.FormatFloat(b.Limit, 'g', -1, 64)
		if i == 0 {
			info["colormap"], info["scale"], info["limit"] = b.Map.String(), b.Scale.String(), limit
		}
		if info["limit"] != limit {
			info["limit"] = "per tile"
		}
		if info["scale"] != b.Scale.String() {
			info["scale"] = "per panel"
		}
		if info["colormap"] != b.Map.String() {
			info["colormap"] = "per panel"
		}
	}
	return info
}

// outlineWidth is the width of the outline of a highlighted cell; a cell too
// small for one has none.
func outlineWidth(zoom int) int { return min(2, zoom/3) }
