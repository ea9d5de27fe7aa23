package render

import "fmt"

// Colors says what the colours of panels of a Figure stand for. Panels that
// point to the same Colors have one limit, taken over all of them, and one
// colour bar, so that they can be compared; a panel without has its own. The
// zero value means: BlueOrange from −max to +max, without words.
type Colors struct {
	Name      string   // above the bar: "weights w", "activation a"
	Low, High string   // what the negative and the positive side mean: "ink lowers z"
	Map       Colormap // BlueOrange, BlueRed or Grey, or Ink for what is never negative
	// Limit is the |value| at the ends of the map; 0 takes it from the values.
	// Values beyond have the colour of the end, and the bar says so.
	Limit float64
	// Percentile takes the limit at the 99.5th percentile of |value|, so that
	// outliers do not wash out the rest.
	Percentile bool
	// NoBar leaves the bar out where each value is printed, or the values are
	// the bytes of an image.
	NoBar bool
}

func (c *Colors) check() error {
	if c == nil {
		return nil
	}
	if !c.Map.known() {
		return fmt.Errorf("unknown colour map %d, want BlueOrange, BlueRed, Grey or Ink", c.Map)
	}
	if err := checkLimit(c.Limit); err != nil {
		return err
	}
	return checkTexts([]namedText{{"name of the colours", c.Name}, {"low", c.Low}, {"high", c.High}})
}

// scale returns Percentile or Shared.
func (c *Colors) scale() Scale {
	if c.Percentile {
		return Percentile
	}
	return Shared
}

// bar returns the colour bar of values scaled as sc.
func (c *Colors) bar(ts *typesetter, sc scaling) bar {
	return bar{
		name: ts.clean(c.Name), colormap: c.Map, limit: sc.shared, clipped: sc.beyond > 0,
		low: ts.clean(c.Low), high: ts.clean(c.High),
	}
}
