package inspect_test

import (
	"context"
	"math"
	"reflect"
	"slices"
	"testing"

	"neuroloupe/engine"
	"neuroloupe/engine/inspect"
)

// What a subject says of one neuron, of a layer and of an image is what numpy says; see testdata/reference.py.
func TestSubjectNeuronAgainstNumpy(t *testing.T) {
	eachReference(t, func(t *testing.T, r subject) {
		ctx := t.Context()
		s, _ := newSubject(t, r.Net, r.height, r.width, r.data)
		n, err := s.Neuron(ctx, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "pattern", r.want.Pattern[1], n.Seen.Pattern, bulk)
		near(t, "triggered", r.want.Triggered[1], n.Seen.Triggered, bulk)
		near(t, "accuracy lost", r.want.Ablation[0].Lost[1], n.Seen.Lost.Accuracy, exact)
		near(t, "recall lost", r.want.Ablation[0].Class[1], n.Seen.Lost.Class, exact)
		if len(n.Maps) != 1 || n.Seen.Known || !math.IsNaN(n.Rho) {
			t.Errorf("of a network whose start is not known: %d maps, start known %v, ρ %v", len(n.Maps), n.Seen.Known,
				n.Rho)
		}
		for p, w := range n.Maps[inspect.ShowRaw] {
			if w != r.Params.Weight(1).Data[p*r.Spec.Layers[0].Units+1] {
				t.Fatalf("weight %d is %v", p, w)
			}
		}
		for layer, want := range r.want.Ablation {
			told := 0
			a, err := s.Ablated(ctx, layer, inspect.AblateOptions{Every: 1}, func(done int) { told = done })
			if err != nil {
				t.Fatal(err)
			}
			near(t, "lost alone", want.Lost, a.Alone, exact)
			near(t, "accuracy", r.want.Accuracy, a.Accuracy, exact)
			if a.Images != r.data.Len() || told != len(want.Lost) {
				t.Errorf("layer %d: %d images, told of %d neurons", layer, a.Images, told)
			}
		}
		all, err := s.Patterns(ctx, 0, 1)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "patterns", r.want.Pattern, all.Maps, bulk)
		mistakes, err := s.Mistakes(ctx)
		if err != nil {
			t.Fatal(err)
		}
		var at []int
		for _, m := range mistakes {
			at = append(at, m.Image)
		}
		near(t, "mistakes", r.want.Mistakes, at, 0)
		p, err := s.Probe(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for layer, want := range r.want.Why {
			x, err := s.Explain(ctx, p, subjectImage, layer)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "mean activation", want.Mean, x.Mean, bulk)
			near(t, "centred", want.Centred, x.Centred, bulk)
			near(t, "logits", r.want.Z[r.Last()], x.Logits, bulk)
			if slices.Max(x.NeuronErrors) > bulk || slices.Max(x.OutputErrors) > bulk {
				t.Errorf("layer %d: sums are off by %v and %v", layer, slices.Max(x.NeuronErrors),
					slices.Max(x.OutputErrors))
			}
		}
	})
}

// passes are the weighted inputs and activations of a layer for every image, worked out without an executor.
func passes(t *testing.T, n inspect.Net, d engine.Data, layer int) (z, a [][]float64) {
	t.Helper()
	for i := range d.Len() {
		p, err := n.Forward(inspect.Pixels(d.Images[i*n.Spec.Inputs:][:n.Spec.Inputs]))
		if err != nil {
			t.Fatal(err)
		}
		z, a = append(z, p.Z[layer]), append(a, p.A[layer])
	}
	return z, a
}

// The images that excite a unit, and how much, are those of the float64 pass; and they are the same whether the page on
// the neuron was worked out before or not.
func TestSubjectExcited(t *testing.T) {
	n, d := started(), images(40, 12, 3)
	for layer := range 3 {
		z, _ := passes(t, n, d, layer)
		s, _ := newSubject(t, n, 3, 4, d)
		units := []int{2, 0}
		got, err := s.Excited(t.Context(), layer, units, 4)
		if err != nil {
			t.Fatal(err)
		}
		for i, j := range units {
			order, mean := make([]int, len(z)), 0.0
			for at := range order {
				order[at] = at
				mean += z[at][j] / float64(len(z))
			}
			slices.SortFunc(order, func(a, b int) int {
				if z[a][j] > z[b][j] {
					return -1
				}
				return 1
			})
			if !slices.Equal(got[i].Top, order[:4]) || got[i].Bottom[0] != order[len(order)-1] {
				t.Errorf("layer %d, unit %d: %v and %v, want %v", layer, j, got[i].Top, got[i].Bottom, order)
			}
			near(t, "largest z", z[order[0]][j], got[i].TopZ[0], bulk)
			near(t, "smallest z", z[order[len(order)-1]][j], got[i].BottomZ[0], bulk)
			near(t, "mean z", mean, got[i].Mean, bulk)
		}
		if layer == 2 {
			continue
		}
		after, _ := newSubject(t, n, 3, 4, d)
		if _, err := after.Neuron(t.Context(), layer, 2); err != nil {
			t.Fatal(err)
		}
		again, err := after.Excited(t.Context(), layer, units, 4)
		if err != nil || !reflect.DeepEqual(got, again) {
			t.Errorf("layer %d: another answer after the neuron's page (%v)", layer, err)
		}
	}
}

// A survey that holds few values at a time says of the neurons what all values at once say, of the images that it
// looks at: every nth of a class.
func TestSurvey(t *testing.T) {
	n, d := started(), images(90, 12, 3)
	s, _ := newSubject(t, n, 3, 4, d)
	for layer, values := range []int{1 << 20, 50} {
		z, a := passes(t, n, d, layer)
		units, begun := n.Spec.Layers[layer].Units, 0
		got, err := s.Survey(t.Context(), layer, 5, values, func() { begun++ })
		if err != nil {
			t.Fatal(err)
		}
		if begun != 3 {
			t.Errorf("told of %d classes", begun)
		}
		share := 1.0
		for k := range 3 {
			var class []int
			for i, label := range d.Labels {
				if int(label) == k {
					class = append(class, i)
				}
			}
			every := 1 + len(class)*units/values
			share = min(share, 1/float64(every))
			for j := range units {
				var sum, least float64
				count := 0
				for at := 0; at < len(class); at += every {
					v := a[class[at]][j]
					if count == 0 || v < least {
						least = v
					}
					sum += v
					count++
				}
				spread := got.Spread[j][k]
				if spread.Count != count {
					t.Fatalf("layer %d, neuron %d, class %d: %d images, want %d", layer, j, k, spread.Count, count)
				}
				near(t, "mean", sum/float64(count), spread.Mean, bulk)
				near(t, "least", least, spread.Quantiles[0], bulk)
			}
		}
		if got.Share != share || (layer == 1) != (share < 1) {
			t.Errorf("layer %d: a share of %v, want %v", layer, got.Share, share)
		}
		for j := range units {
			column := make([]float32, len(z))
			for i := range z {
				column[i] = float32(z[i][j])
			}
			e := inspect.FindExtremes(column, 5)
			if !slices.Equal(got.Top[j].At, e.Top) || !slices.Equal(got.Bottom[j].At, e.Bottom) {
				t.Errorf("layer %d, neuron %d: %v and %v, want %v and %v", layer, j, got.Top[j].At, got.Bottom[j].At,
					e.Top, e.Bottom)
			}
			near(t, "smallest z", z[e.Bottom[0]][j], got.Bottom[j].Z[0], bulk)
		}
	}
}

// A network whose neurons stand in another order is matched with itself, by maps and by activations; with what it was
// before training it is not.
func TestMatchSubjects(t *testing.T) {
	n, d := started(), images(60, 12, 3)
	perm := []int{4, 2, 6, 0, 5, 1, 3} // of the first layer: neuron i of n is perm[i] of the other
	other := n
	other.Params = n.Params.Clone()
	for i, j := range perm {
		for p := range 12 {
			other.Params.Weight(1).Data[p*7+j] = n.Params.Weight(1).Data[p*7+i]
		}
		other.Params.Bias(1).Data[j] = n.Params.Bias(1).Data[i]
	}
	s, _ := newSubject(t, n, 3, 4, d)
	o, _ := newSubject(t, other, 3, 4, d)
	o.Images = func(context.Context) (engine.Data, error) { panic("the other's images are of no interest") }
	for name, match := range map[string]func() (*inspect.Matched, error){
		"maps":        func() (*inspect.Matched, error) { return s.MatchMaps(t.Context(), o, inspect.ShowRaw, 0) },
		"activations": func() (*inspect.Matched, error) { return s.MatchActivations(t.Context(), o, 0, 50) },
	} {
		m, err := match()
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range m.Pairs {
			if p.A != i || p.B != perm[i] || math.Abs(p.Correlation-1) > 1e-5 {
				t.Errorf("%s: pair %d is %+v, want %d", name, i, p, perm[i])
			}
		}
		if m.Control == nil || m.Control.Mean > 0.95 {
			t.Errorf("%s: control %+v", name, m.Control)
		}
		if want := map[string]int{"activations": 50}[name]; m.Images != want {
			t.Errorf("%s: compared on %d images, want %d", name, m.Images, want)
		}
	}
	other.Initial = nil
	o, _ = newSubject(t, other, 3, 4, d)
	if m, err := s.MatchActivations(t.Context(), o, 0, 50); err != nil || m.Control != nil {
		t.Errorf("with a network whose start is not known: control %v, %v", m, err)
	}
}

// Made-up images stand beside the image that excites the unit most, and reach what the network says of them.
func TestSubjectDreams(t *testing.T) {
	n, d := started(), images(40, 12, 3)
	s, _ := newSubject(t, n, 3, 4, d)
	for layer := range 3 {
		told := 0
		made, err := s.Dreams(t.Context(), layer, []int{1, 2}, inspect.DreamOptions{}, func() { told++ })
		if err != nil {
			t.Fatal(err)
		}
		if want := map[int]int{1: 2, 2: 2}[layer]; told != want { // the first layer has a closed form
			t.Errorf("layer %d: told %d times, want %d", layer, told, want)
		}
		z, _ := passes(t, n, d, layer)
		for i, j := range []int{1, 2} {
			m := made[i]
			for at := range z {
				if z[at][j] > z[m.Best][j] {
					t.Errorf("layer %d, unit %d: image %d excites it more than %d", layer, j, at, m.Best)
				}
			}
			near(t, "at the best", z[m.Best][j], m.AtBest, bulk)
			x := make([]float64, 12)
			for p, v := range m.Image {
				x[p] = float64(v)
			}
			pass, err := n.Forward(x)
			if err != nil {
				t.Fatal(err)
			}
			near(t, "reached", pass.Z[layer][j], m.Value, single)
			if m.Value <= m.AtMean || m.Unmoved {
				t.Errorf("layer %d, unit %d: reaches %v from %v, unmoved %v", layer, j, m.Value, m.AtMean, m.Unmoved)
			}
		}
	}
	// One that no image moves is left at the mean image.
	still := n
	still.Params = n.Params.Clone()
	clear(still.Params.Weight(1).Data)
	s, _ = newSubject(t, still, 3, 4, d)
	made, err := s.Dreams(t.Context(), 1, []int{0}, inspect.DreamOptions{TV: -1}, nil)
	if err != nil {
		t.Fatal(err)
	}
	prior, err := s.Prior(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if !made[0].Unmoved {
		t.Error("a neuron without weights is moved")
	}
	near(t, "still", prior.Mean, made[0].Image, single)
}
