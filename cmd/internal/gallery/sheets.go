package gallery

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"path/filepath"
	"slices"

	"neuroloupe/cmd/internal/arrays"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine/inspect"
	"neuroloupe/render"
)

// Sheets is the sheet of sheets: of many runs laid out over two settings, the maps of the first layer in small, with
// what each network's accuracy is, what that is short of the best, and how rough its maps are.
type Sheets struct {
	Style
	Title    string // of the whole
	Caption  string // what more there is to say of the layout
	Show     string // learned or raw; "" is learned where every start is known
	Scale    string // shared: one scale for all; cell: each network has its own
	Row, Col string // what the rows and the columns are
	Rows     []string
	Cols     []string
	Cells    []SheetsCell // len(Rows)×len(Cols), row-major
	By       string       // what Accuracy was measured on: validation or test images
	Neurons  int          // maps of each network, the first so many; 0 is as many as fit
}

// SheetsCell is a run in a Sheets.
type SheetsCell struct {
	Run      string  // path of its folder; "" for none
	Why      string  // there is none
	Accuracy float64 // NaN where not known
	Note     string  // what else stands below it; "" for nothing
}

// seenNet is what is seen of one network.
type seenNet struct {
	maps       [][]float32
	smoothness float64 // median over the first layer's maps; NaN where there is no network
	rows, cols int     // of an image
}

// Draw makes the picture. It is of no one run: see [Drawing.PaintAlone].
func (c *Sheets) Draw(ctx context.Context, t talk.Talk) (*Drawing, error) {
	nets, err := c.read(ctx, t)
	if err != nil {
		return nil, err
	}
	shape := slices.IndexFunc(nets, func(n seenNet) bool { return n.maps != nil })
	if shape < 0 {
		return nil, &Nothing{Why: "none of the runs has a network to draw"}
	}
	width, height := nets[shape].cols, nets[shape].rows
	most, all := 0, 0
	for i, n := range nets {
		if n.maps != nil && (n.cols != width || n.rows != height) {
			return nil, fmt.Errorf("%s takes images of %d×%d pixels and %s of %d×%d; draw them apart, with --where",
				c.Cells[shape].Run, height, width, c.Cells[i].Run, n.rows, n.cols)
		}
		all = max(all, len(n.maps))
	}
	most = render.SheetsFit(len(c.Cols), width, height, cmp.Or(c.Neurons, all))
	p, err := c.panel(nets, most, width, height)
	if err != nil {
		return nil, err
	}
	d := &Drawing{Name: "sheets", Numbers: c.numbers(nets, most), Info: map[string]string{"show": c.Show}}
	d.Figure = render.Figure{
		Title: c.Title, Subtitle: c.subtitle(most, all), Caption: c.Caption,
		Rows: [][]render.Panel{{p}, c.matrices(nets)},
	}
	d.Words = c.words(nets)
	return d, nil
}

// read reads the networks, and settles what is shown of them.
func (c *Sheets) read(ctx context.Context, t talk.Talk) ([]seenNet, error) {
	done, end := t.Count("reading networks", len(c.Cells), func(r float64) string { return fmt.Sprintf("%.0f/s", r) })
	defer end()
	given := c.Show
	c.Show = cmp.Or(c.Show, "learned")
	nets := make([]seenNet, len(c.Cells))
	for i := 0; i < len(c.Cells); i++ {
		if err := context.Cause(ctx); err != nil {
			return nil, err
		}
		if c.Cells[i].Run == "" {
			nets[i].smoothness = math.NaN()
			continue
		}
		var start *runs.StartError
		var err error
		nets[i], err = see(ctx, c.Cells[i].Run, c.Show, t)
		if errors.As(err, &start) && given == "" && c.Show == "learned" {
			t.Say("%s; so all are shown as they are", words.Line(start))
			c.Show, i = "raw", -1 // once more, all alike
			continue
		}
		if err != nil {
			return nil, err
		}
		done(i + 1)
	}
	return nets, nil
}

// see reads a run's network.
func see(ctx context.Context, run, show string, t talk.Talk) (n seenNet, err error) {
	v, err := Open(ctx, run, "", t)
	if err != nil {
		return n, err
	}
	defer func() { err = errors.Join(err, v.Close()) }()
	if v.NoStart != nil && show != "raw" {
		return n, v.NoStart
	}
	shape := v.Shape()
	n.rows, n.cols = shape.Rows, shape.Cols
	if n.maps, err = v.maps(show, 0); err != nil {
		return n, err
	}
	n.smoothness = v.Smoothness(way(show))
	return n, nil
}

// best is the largest accuracy; NaN where none is known.
func (c *Sheets) best() float64 {
	best := math.NaN()
	for _, cell := range c.Cells {
		if !(cell.Accuracy <= best) && !math.IsNaN(cell.Accuracy) {
			best = cell.Accuracy
		}
	}
	return best
}

func (c *Sheets) panel(nets []seenNet, most, width, height int) (render.Sheets, error) {
	colors, err := c.weightColors()
	if err != nil {
		return render.Sheets{}, err
	}
	if c.Scale != "shared" {
		colors.Scale = render.Neuron
	}
	p := render.Sheets{
		Key: c.Show, RowTitle: c.Row, ColTitle: c.Col, Rows: c.Rows, Cols: c.Cols,
		Width: width, Height: height, Colors: colors,
	}
	best := c.best()
	for i, cell := range c.Cells {
		s := render.SheetCell{Line: cell.Why, Note: cell.Note}
		if n := nets[i]; n.maps != nil {
			s.Maps, s.Line, s.Bold = n.maps[:min(most, len(n.maps))], "accuracy not known", cell.Accuracy == best
			if !math.IsNaN(cell.Accuracy) {
				s.Line = fmt.Sprintf("%.2f %%", 100*cell.Accuracy)
			}
		}
		p.Cells = append(p.Cells, s)
	}
	return p, nil
}

// subtitle says what is shown.
func (c *Sheets) subtitle(most, all int) string {
	what := "learned weights W − γW₀"
	if c.Show == "raw" {
		what = "raw weights W"
	}
	count := "all neurons of the first layer"
	if most < all {
		count = fmt.Sprintf("the first %d of up to %d neurons of the first layer, which have no order", most, all)
	}
	return fmt.Sprintf("%s; %s; accuracy on the %s images, the best in bold", what, count, c.By)
}

// mostLost is where the colours of lost accuracy end, in points: what is lost beyond is lost.
const mostLost = 5

// lost is what each run's accuracy is short of the best, in points; NaN where not known.
func (c *Sheets) lost() []float64 {
	best := c.best()
	var out []float64
	for _, cell := range c.Cells {
		out = append(out, 100*(best-cell.Accuracy))
	}
	return out
}

// matrices are accuracy lost and roughness of each cell, beside each other.
func (c *Sheets) matrices(nets []seenNet) []render.Panel {
	lost, rough := c.lost(), make([]float64, len(nets))
	lostText, roughText := make([]string, len(nets)), make([]string, len(nets))
	for i, n := range nets {
		rough[i] = 1 - n.smoothness
		lostText[i], roughText[i] = words.Hundredths(lost[i]), words.Hundredths(rough[i])
	}
	missing := ""
	if slices.ContainsFunc(nets, func(n seenNet) bool { return n.maps == nil }) {
		missing = " Violet: no network."
	}
	matrix := func(key, title, caption string, values []float64, texts []string, limit float64) render.Matrix {
		colors := &render.Colors{Limit: limit, NoBar: true}
		if !slices.ContainsFunc(values, func(v float64) bool { return v < 0 }) {
			colors.Map = render.Ink
		}
		return render.Matrix{
			Key: key, Title: title, Caption: caption + missing, RowTitle: c.Row, ColTitle: c.Col, Rows: c.Rows,
			Cols: c.Cols, Values: values, Texts: texts, Colors: colors,
		}
	}
	return []render.Panel{
		matrix("lost", "The cost: accuracy lost against the best, in points",
			fmt.Sprintf("White is the best; %d points or more are black.", mostLost), lost, lostText, mostLost),
		matrix("roughness", "What is won: roughness of the maps",
			"1 − the correlation of neighbouring weights, median over the neurons: near 0 are strokes, 1 is noise.",
			rough, roughText, 0),
	}
}

// numbers are all that is drawn; a map's row and column are those of its cell.
func (c *Sheets) numbers(nets []seenNet, most int) *arrays.Set {
	n := &arrays.Set{}
	var maps [][]float32
	var cells []int
	names, accuracy, rough := make([]string, len(nets)), make([]float64, len(nets)), make([]float64, len(nets))
	for i, net := range nets {
		names[i], accuracy[i], rough[i] = c.Cells[i].Run, c.Cells[i].Accuracy, 1-net.smoothness
		for k := range min(most, len(net.maps)) {
			maps, cells = append(maps, net.maps[k]), append(cells, i)
		}
	}
	arrays.AddTexts(n, "row", c.Rows)
	arrays.AddTexts(n, "column", c.Cols)
	arrays.AddTexts(n, "run", names)
	arrays.AddVector(n, "accuracy", accuracy)
	arrays.AddVector(n, "lost", c.lost())
	arrays.AddVector(n, "roughness", rough)
	arrays.AddMatrix(n, c.Show, maps)
	arrays.AddVector(n, "cell", cells)
	return n
}

// words says for each row what its networks are like: the best accuracy, what it is short of the best, and roughness.
func (c *Sheets) words(nets []seenNet) [][2]string {
	best := c.best()
	var rows [][2]string
	for i, name := range c.Rows {
		at := -1
		var rough []float64
		for k := range c.Cols {
			j := i*len(c.Cols) + k
			if nets[j].maps == nil {
				continue
			}
			rough = append(rough, 1-nets[j].smoothness)
			if a := c.Cells[j].Accuracy; !math.IsNaN(a) && (at < 0 || a > c.Cells[at].Accuracy) {
				at = j
			}
		}
		if at < 0 {
			continue
		}
		where := ""
		if len(c.Cols) > 1 {
			where = fmt.Sprintf(" (%s %s)", c.Col, c.Cols[at%len(c.Cols)])
		}
		rows = append(rows, [2]string{
			c.Row + " " + name,
			fmt.Sprintf("best shown %.2f %%%s, %s points below the best of all shown; roughness of its maps %s, "+
				"median of the row %s",
				100*c.Cells[at].Accuracy, where, words.Hundredths(100*(best-c.Cells[at].Accuracy)),
				words.Hundredths(1-nets[at].smoothness), words.Hundredths(inspect.Median(rough))),
		})
	}
	return rows
}

// PaintAlone draws the figure of a drawing that is of no one run, and adds to its numbers where its colours end.
func (d *Drawing) PaintAlone() (*render.Picture, error) {
	pic, err := d.Figure.Draw()
	if err != nil {
		return nil, err
	}
	addScales(d.Numbers, pic)
	return pic, nil
}

// EncodeAlone writes it as a PNG whose text says what it shows.
func (d *Drawing) EncodeAlone(w io.Writer, pic *render.Picture) error {
	all := pic.Info()
	for k, s := range d.Info {
		all[k] = s
	}
	return render.EncodePNG(w, pic.Image, all)
}

// WriteAlone writes its numbers, to a file whose name ends so.
func (d *Drawing) WriteAlone(w io.Writer, path string) error {
	return arrays.Write(w, filepath.Ext(path), d.Numbers)
}
