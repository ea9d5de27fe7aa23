package render

import (
	"fmt"
	"slices"
)

// Colors says what the colours of panels of a Figure stand for. Panels that
// point to the same Colors have one scale, worked out over all of them, and one
// colour bar, so that they can be compared; a panel without has its own. The
// zero value means: BlueOrange from −max to +max, without words.
type Colors struct {
	Name      string   // above the bar: "weights w", "activation a"
	Low, High string   // what the negative and the positive side mean: "ink lowers z"
	Map       Colormap // BlueOrange, BlueRed or Grey, or Ink for what is never negative
	Scale     Scale    // Neuron is for the tiles of a Sheet and the cells of a Sheets
	// Limit is the |value| at the ends of the map under Shared and Percentile; 0
	// takes it from the values. Values beyond have the colour of the end, and the
	// bar says so.
	Limit float64
	// NoBar leaves the bar out where each value is printed, or the values are
	// the bytes of an image.
	NoBar bool
}

// weightColors are those of a Sheet that says nothing about its own.
func weightColors() *Colors {
	return &Colors{Low: "negative: ink lowers z", High: "positive: ink raises z"}
}

// inkColors are those of a panel of values that says nothing about its own: Ink,
// unless one of them is negative.
func inkColors(values []float32) *Colors {
	if slices.ContainsFunc(values, negative) {
		return &Colors{}
	}
	return &Colors{Map: Ink}
}

func negative(v float32) bool { return v < 0 }

// check says why c cannot show maps.
func (c *Colors) check(maps [][]float32) error {
	if c == nil {
		return nil
	}
	if int(c.Scale) >= len(scaleNames) {
		return fmt.Errorf("unknown scale %d, want Shared, Neuron or Percentile", c.Scale)
	}
	if !c.Map.known() {
		return fmt.Errorf("unknown colour map %d, want BlueOrange, BlueRed, Grey or Ink", c.Map)
	}
	if err := checkLimit(c.Limit); err != nil {
		return err
	}
	if c.Limit > 0 && c.Scale == Neuron {
		return fmt.Errorf("limit %v with scale neuron, whose tiles have each their own; use scale shared", c.Limit)
	}
	for i := 0; i < len(maps) && !c.Map.signed(); i++ {
		k := slices.IndexFunc(maps[i], negative)
		if k < 0 {
			continue
		}
		where := ""
		if len(maps) > 1 {
			where = fmt.Sprintf("tile %d: ", i)
		}
		return fmt.Errorf("%svalue %d is %v, but colour map %v shows nothing below 0; use a signed one", where, k,
			maps[i][k], c.Map)
	}
	return checkTexts([]namedText{{"name of the colours", c.Name}, {"low", c.Low}, {"high", c.High}})
}

// bar returns the colour bar of values scaled as sc.
func (c *Colors) bar(ts *typesetter, sc scaling) bar {
	return bar{
		name: ts.clean(c.Name), colormap: c.Map, limit: sc.shared, own: c.Scale == Neuron, clipped: sc.beyond > 0,
		low: ts.clean(c.Low), high: ts.clean(c.High),
	}
}
