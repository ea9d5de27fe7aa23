package gallery

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/render"
)

// Picture is what can be asked of one kind of picture.
type Picture interface {
	Draw(v *View) (*Drawing, error)
}

// Drawing is a picture of a run before it is painted.
type Drawing struct {
	Name    string // of its file in the run folder, without an ending
	Figure  render.Figure
	Numbers *arrays.Set       // every number that is drawn
	Words   [][2]string       // what it says, each row under a name; nil for nothing that the figure does not
	Info    map[string]string // what the file says of it besides its run
}

// Nothing is returned by Draw where there is nothing to draw, which is no fault.
type Nothing struct{ Why string }

func (n *Nothing) Error() string { return n.Why }

// Paint draws the figure, and adds to the numbers where its colours end. When whoever asked has ended the work its
// error is that: what is missing in the drawing may then be what had no time, and not what is not there.
func (v *View) Paint(d *Drawing) (*render.Picture, error) {
	if err := context.Cause(v.ctx); err != nil {
		return nil, err
	}
	if note := v.labelNote(); note != "" {
		d.Figure.Caption = strings.TrimSpace(d.Figure.Caption + " " + note)
	}
	pic, err := d.Figure.Draw()
	if err != nil {
		return nil, err
	}
	addScales(d.Numbers, pic)
	return pic, nil
}

// addScales adds where the colours of each map of a picture end, at ± its limit, and what the map is called there.
func addScales(n *arrays.Set, pic *render.Picture) {
	if len(pic.Tiles) == 0 {
		return
	}
	names, limits := make([]string, len(pic.Tiles)), make([]float64, len(pic.Tiles))
	for i, t := range pic.Tiles {
		names[i], limits[i] = t.Name, t.Limit
	}
	arrays.AddTexts(n, "map_name", names)
	arrays.AddVector(n, "map_limit", limits)
}

// Encode writes a painted drawing as a PNG whose text says what it shows of which run.
func (v *View) Encode(w io.Writer, pic *render.Picture, d *Drawing) error {
	all := pic.Info()
	all["run"], all["net"], all["data"] = v.Name(), v.Spec().String(), v.Folder.Manifest.Data.Title
	for k, s := range d.Info {
		all[k] = s
	}
	return render.EncodePNG(w, pic.Image, all)
}

// WriteNumbers writes a drawing's numbers, to a file whose name ends so.
func (v *View) WriteNumbers(w io.Writer, path string, n *arrays.Set) error {
	if s, err := v.Score(); err == nil { // it stands in the title
		arrays.AddNumber(n, "accuracy_on_test", s.Accuracy())
	}
	return arrays.Write(w, filepath.Ext(path), n)
}

// Style is how pictures look.
type Style struct {
	Colormap string // name; "" is blue-orange
}

// Map returns the colour map, or an error for a name that none has.
func (s Style) Map() (render.Colormap, error) {
	if s.Colormap == "" {
		return render.BlueOrange, nil
	}
	m, err := render.ColormapByName(s.Colormap)
	if err != nil {
		return m, talk.UsageError{Err: err}
	}
	return m, nil
}

// weightColors are those of maps of weights.
func (s Style) weightColors() (*render.Colors, error) {
	m, err := s.Map()
	return &render.Colors{Low: "negative: ink lowers z", High: "positive: ink raises z", Map: m}, err
}

// withLayer adds the layer to a file's name where it is not the usual one.
func withLayer(name string, layer, usual int) string {
	if layer == usual {
		return name
	}
	return fmt.Sprintf("%s-layer%d", name, layer+1)
}
