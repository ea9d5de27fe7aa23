package inspect

import (
	"context"
	"math"

	"neuroloupe/engine"
)

// Score is how well the network does on the images.
func (s *Subject) Score(ctx context.Context) (engine.Score, error) {
	return s.score(ctx, ShowRaw, s.Net)
}

// StartScore is how well it did before training: with W₀ where that is known, else with fresh start weights.
func (s *Subject) StartScore(ctx context.Context) (engine.Score, error) {
	start, _ := s.Net.Start()
	return s.score(ctx, ShowStart, start)
}

func (s *Subject) score(ctx context.Context, show Show, n Net) (engine.Score, error) {
	return keep(s, answer{what: "score", show: show}, func() (engine.Score, error) {
		p, err := s.Probe(ctx)
		if err != nil {
			return engine.Score{}, err
		}
		return p.Score(n, s.root().program)
	})
}

// Activity is what the neurons of a layer do over the images, 0 being the first layer.
func (s *Subject) Activity(ctx context.Context, layer int) (Activity, error) {
	return keep(s, answer{what: "activity", layer: layer}, func() (Activity, error) {
		p, err := s.Probe(ctx)
		if err != nil {
			return Activity{}, err
		}
		return p.Observe(ctx, s.Net, layer)
	})
}

// Slopes returns E σ′ of every hidden layer's neurons over the images, as Net.Paths takes them.
func (s *Subject) Slopes(ctx context.Context) ([][]float64, error) {
	var slopes [][]float64
	for l := range s.Net.Last() {
		act, err := s.Activity(ctx, l)
		if err != nil {
			return nil, err
		}
		slopes = append(slopes, act.Slope)
	}
	return slopes, nil
}

// startSlopes are those of start, the network before training.
func (s *Subject) startSlopes(ctx context.Context, start Net) ([][]float64, error) {
	return keep(s, answer{what: "slopes", show: ShowStart}, func() ([][]float64, error) {
		p, err := s.Probe(ctx)
		if err != nil {
			return nil, err
		}
		return p.Slopes(ctx, start)
	})
}

// Weighted reports whether paths through the network count each neuron by its mean slope on the images; without images
// all count alike. The error is for any other reason than that there are none.
func (s *Subject) Weighted(ctx context.Context) (bool, error) { return s.sees(ctx) }

// Maps returns the map of each neuron of a layer, 0 being the first, Units×Inputs. Of the first layer these are its
// weights; those of a deeper layer, the output's too, are taken along the linearised path to the inputs (see
// Net.Paths), each neuron on the way counted by its mean slope (see Weighted): for ShowStart by the slope before
// training, else by the slope now.
func (s *Subject) Maps(ctx context.Context, show Show, layer int) ([][]float32, error) {
	return keep(s, answer{what: "maps", layer: layer, show: show}, func() ([][]float32, error) {
		n, err := s.shown(show)
		if err != nil {
			return nil, err
		}
		if layer == 0 {
			return Maps(n.Params.Weight(1)), nil
		}
		weighted, err := s.Weighted(ctx)
		if err != nil {
			return nil, err
		}
		var slopes [][]float64
		switch {
		case weighted && show == ShowStart:
			slopes, err = s.startSlopes(ctx, n)
		case weighted:
			slopes, err = s.Slopes(ctx)
		}
		if err != nil {
			return nil, err
		}
		return n.Paths(ctx, layer, nil, slopes)
	})
}

// Norms returns the length ‖m‖ of each map of a layer.
func (s *Subject) Norms(ctx context.Context, show Show, layer int) ([]float64, error) {
	return keep(s, answer{what: "norms", layer: layer, show: show}, func() ([]float64, error) {
		maps, err := s.Maps(ctx, show, layer)
		if err != nil {
			return nil, err
		}
		return norms(maps), nil
	})
}

// Similar returns an order of the maps of a layer in which neighbours are alike; see Similar.
func (s *Subject) Similar(ctx context.Context, show Show, layer int) ([]int, error) {
	return keep(s, answer{what: "similar", layer: layer, show: show}, func() ([]int, error) {
		maps, err := s.Maps(ctx, show, layer)
		if err != nil {
			return nil, err
		}
		return Similar(ctx, maps)
	})
}

// Rho returns ρ of each neuron of a layer: the share of the variance of its raw map that the start's map explains.
func (s *Subject) Rho(ctx context.Context, layer int) ([]float64, error) {
	return keep(s, answer{what: "rho", layer: layer}, func() ([]float64, error) {
		start, err := s.Maps(ctx, ShowStart, layer)
		if err != nil {
			return nil, err
		}
		raw, err := s.Maps(ctx, ShowRaw, layer)
		if err != nil {
			return nil, err
		}
		rho := make([]float64, len(raw))
		for j := range raw {
			rho[j] = Rho(raw[j], start[j])
		}
		return rho, nil
	})
}

// OwnRho returns ρ of each neuron of any layer, the output's too, over its own weights: those from the layer before it.
// Of the first layer it is Rho.
func (s *Subject) OwnRho(layer int) ([]float64, error) {
	if s.NoStart != nil {
		return nil, s.NoStart
	}
	return keep(s, answer{what: "own rho", layer: layer}, func() ([]float64, error) {
		raw, start := Maps(s.Net.Params.Weight(layer+1)), Maps(s.Net.Initial.Weight(layer+1))
		rho := make([]float64, len(raw))
		for j := range raw {
			rho[j] = Rho(raw[j], start[j])
		}
		return rho, nil
	})
}

// RMS returns the root mean square of the first layer's raw weights from the inputs where mask is true; nil is all.
func (s *Subject) RMS(ctx context.Context, mask []bool) (float64, error) {
	raw, err := s.Maps(ctx, ShowRaw, 0)
	return RMS(raw, mask), err
}

// Smoothness returns the smoothness of each map of a layer.
func (s *Subject) Smoothness(ctx context.Context, show Show, layer int) ([]float64, error) {
	return keep(s, answer{what: "smoothness", layer: layer, show: show}, func() ([]float64, error) {
		maps, err := s.Maps(ctx, show, layer)
		if err != nil {
			return nil, err
		}
		smooth := make([]float64, len(maps))
		for j, m := range maps {
			smooth[j] = Smoothness(m, s.Rows, s.Cols)
		}
		return smooth, nil
	})
}

// startSeen is the median ρ of the first layer from which its random start is seen in pictures.
const startSeen = 0.1

// StartSeen reports whether the random start is so much of the first layer's maps that it is seen in pictures.
func (s *Subject) StartSeen(ctx context.Context) bool {
	rho, err := s.Rho(ctx, 0)
	return err == nil && Median(rho) >= startSeen
}

// OutPath returns the weights from the neurons of a hidden layer to the outputs, Units×Classes; see Path.
func (s *Subject) OutPath(layer int) [][]float64 {
	path, _ := keep(s, answer{what: "outpath", layer: layer}, func() ([][]float64, error) {
		return Path(s.Net.Spec, s.Net.Params, layer), nil
	})
	return path
}

// Contributions returns Classes×Units of a hidden layer; see Contributions.
func (s *Subject) Contributions(ctx context.Context, layer int) ([][]float64, error) {
	return keep(s, answer{what: "contributions", layer: layer}, func() ([][]float64, error) {
		act, err := s.Activity(ctx, layer)
		if err != nil {
			return nil, err
		}
		return Contributions(s.OutPath(layer), act), nil
	})
}

// Importance returns how much each neuron of a hidden layer moves the logits; see Importance.
func (s *Subject) Importance(ctx context.Context, layer int) ([]float64, error) {
	return keep(s, answer{what: "importance", layer: layer}, func() ([]float64, error) {
		c, err := s.Contributions(ctx, layer)
		return Importance(c), err
	})
}

// Favourite is which classes neurons speak for most.
type Favourite struct {
	Class  []int
	Images bool // by what they contribute on the images; else, there being none, by their largest outgoing weight
}

// Favourites returns the class that each neuron of a hidden layer speaks for most.
func (s *Subject) Favourites(ctx context.Context, layer int) (Favourite, error) {
	return keep(s, answer{what: "favourites", layer: layer}, func() (Favourite, error) {
		path := s.OutPath(layer)
		sees, err := s.sees(ctx)
		if err != nil {
			return Favourite{}, err
		}
		if !sees {
			return Favourite{Class: FavouritesByWeight(path)}, nil
		}
		act, err := s.Activity(ctx, layer)
		if err != nil {
			return Favourite{}, err
		}
		return Favourite{Class: Favourites(path, act), Images: true}, nil
	})
}

// Selectivity returns how much each neuron of a hidden layer prefers its best class; see Selectivity.
func (s *Subject) Selectivity(ctx context.Context, layer int) ([]float64, error) {
	return keep(s, answer{what: "selectivity", layer: layer}, func() ([]float64, error) {
		p, err := s.Probe(ctx)
		if err != nil {
			return nil, err
		}
		act, err := s.Activity(ctx, layer)
		if err != nil {
			return nil, err
		}
		counts := ClassCounts(p.Data.Labels, s.Net.Spec.Classes())
		return Selectivity(act, counts, s.Net.Spec.Layers[layer].Activation), nil
	})
}

// ClassRank ranks the neurons of a hidden layer for a class; see RankClass.
func (s *Subject) ClassRank(ctx context.Context, layer, class int) (ClassRank, error) {
	act, err := s.Activity(ctx, layer)
	if err != nil {
		return ClassRank{}, err
	}
	return RankClass(s.OutPath(layer), act, class)
}

// Templates are what each class looks for, Classes×Inputs, the network taken as one linear map.
type Templates struct {
	Plain [][]float32 // every neuron counted alike
	// the same of what training put into the first layer; nil where the start is not seen, or not known
	Learned [][]float32
	// Sloped has each neuron counted by its mean slope on the images, of what training put there where the start is
	// seen; nil without images, and for a network without a hidden layer, in which nothing bends.
	Sloped   [][]float32
	SlopedOf Show // whose weights Sloped shows: ShowRaw or ShowLearned
}

// Templates returns the class templates.
func (s *Subject) Templates(ctx context.Context) (Templates, error) {
	return keep(s, answer{what: "templates"}, func() (t Templates, err error) {
		if t.Plain, err = s.Net.Templates(ctx, nil); err != nil {
			return t, err
		}
		if s.NoStart == nil && s.StartSeen(ctx) {
			learned, err := s.shown(ShowLearned)
			if err != nil {
				return t, err
			}
			if t.Learned, err = learned.Templates(ctx, nil); err != nil {
				return t, err
			}
			t.SlopedOf = ShowLearned
		}
		if s.Net.Hidden() < 0 {
			return t, nil
		}
		if sees, err := s.sees(ctx); !sees {
			return t, err
		}
		t.Sloped, err = s.Maps(ctx, t.SlopedOf, s.Net.Last())
		return t, err
	})
}

// Beyond reports whether an accuracy is above another by more than chance makes on n images: three standard errors of
// their difference.
func Beyond(a, b float64, n int) bool {
	return a-b > 3*math.Sqrt((a*(1-a)+b*(1-b))/float64(n))
}
