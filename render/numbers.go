package render

// Numbers are what a panel draws, under the key that they have for whoever looks for them elsewhere; where they come
// from several places, the keys of all stand between spaces.
type Numbers struct {
	Key    string
	Values []float64 // in the order of drawing
}

// numbered is a panel that draws numbers.
type numbered interface {
	numbers() []Numbers
}

// Numbers returns what the panels draw in numbers, in the order of the rows. An axis that only counts, and images that
// have no key, are left out.
func (f Figure) Numbers() []Numbers {
	var all []Numbers
	for _, row := range f.Rows {
		for _, p := range row {
			if n, ok := p.(numbered); ok {
				all = append(all, n.numbers()...)
			}
		}
	}
	return all
}

func floats[T float32 | uint8](v []T) []float64 {
	out := make([]float64, len(v))
	for i, x := range v {
		out[i] = float64(x)
	}
	return out
}

func (m Map) numbers() []Numbers        { return []Numbers{{m.Key, floats(m.Values)}} }
func (h HiddenGrid) numbers() []Numbers { return []Numbers{{h.Key, floats(h.Values)}} }
func (b Bars) numbers() []Numbers       { return []Numbers{{b.Key, b.Values}} }
func (m Matrix) numbers() []Numbers     { return []Numbers{{m.Key, m.Values}} }
func (c Points) numbers() []Numbers     { return []Numbers{{c.KeyX, c.Xs}, {c.KeyY, c.Ys}} }

func (m Image) numbers() []Numbers {
	if m.Key == "" {
		return nil
	}
	return []Numbers{{m.Key, floats(m.Pixels)}}
}

func (s Sheet) numbers() []Numbers {
	var all []float64
	for _, t := range s.Tiles {
		all = append(all, floats(t.Map)...)
	}
	return []Numbers{{s.Key, all}}
}

func (c Chart) numbers() []Numbers {
	var all []Numbers
	for _, s := range c.Series {
		if s.KeyX != "" {
			all = append(all, Numbers{s.KeyX, s.X})
		}
		all = append(all, Numbers{s.KeyY, s.Y})
	}
	return all
}
