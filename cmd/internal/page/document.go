package page

import (
	"regexp"
	"strings"
)

// Document is what the page shows. Missing says of each part that is not there why it is not.
type Document struct {
	Title   string   `json:"title"`
	Rows    int      `json:"rows"` // of an image
	Cols    int      `json:"cols"`
	Classes []string `json:"classes"`
	Dead    []int    `json:"dead"` // pixels never inked in training; null when not known
	Tests   int      `json:"tests"`

	Colors  []Colors          `json:"colors"` // to choose from, the first to begin with
	Layers  []*Layer          `json:"layers"` // hidden ones
	Output  Output            `json:"output"`
	Images  *Images           `json:"images"`
	Class   *ClassMaps        `json:"class_maps"`
	Why     []*Why            `json:"why"`
	Errors  *Errors           `json:"errors"`
	Metrics []Metric          `json:"metrics"`
	Film    *Film             `json:"film"`
	Missing map[string]string `json:"missing"`
	Links   map[string]string `json:"words"` // word to the id of its explanation

	// What stands in the page as text, not as data.
	Facts  []Fact   `json:"-"`
	Doctor []Fact   `json:"-"` // what the doctor measures
	Advice []string `json:"-"` // and says
	Words  []Word   `json:"-"`
	Bounds []string `json:"-"` // sentences on what is cut short because the network is large

	Damaged []error `json:"-"` // why parts are missing that should be there
}

// Parts that can be missing.
const (
	NeedsStart = "start" // W₀
	NeedsData  = "data"  // test images
	NeedsFilm  = "film"
	NeedsCurve = "metrics"
)

// Fact is something about the run with its name.
type Fact struct{ Name, Text string }

// Word explains a word that the page uses.
type Word struct {
	Names   []string // the first is its heading
	Text    string
	Formula string // may be empty
	Source  string // may be empty
	Try     string // a command that shows it; may be empty
}

// ID is where links to the word go.
func (w Word) ID() string {
	return "word-" + strings.Trim(notWord.ReplaceAllString(strings.ToLower(w.Names[0]), "-"), "-")
}

var notWord = regexp.MustCompile(`[^\p{L}\p{N}]+`)

// Colors are a colour map's colours of −127 … 127, three bytes each, on a light and on a dark page.
type Colors struct {
	Name  string `json:"name"`
	Light []byte `json:"light"`
	Dark  []byte `json:"dark"`
}

// Layer is a hidden layer. Lists have one entry per neuron; those that need the test images are null without them.
type Layer struct {
	Number     int              `json:"number"` // counted from 1
	Units      int              `json:"units"`
	Activation string           `json:"activation"`
	Range      [2]Num           `json:"range"`   // of the activations to draw
	Default    string           `json:"default"` // the maps to show first
	Maps       map[string]*Maps `json:"maps"`    // learned and init, or raw; path for a deeper layer; pattern
	// what the paths go through in the first layer: learned or raw; empty for that layer
	PathOf string      `json:"path_of"`
	Raw    [][]float32 `json:"-"`     // of the first layer, where Maps has learned and init
	Gamma  Num         `json:"gamma"` // raw = learned + Gamma·init

	Favourite []int  `json:"favourite"` // class
	How       string `json:"how"`       // the favourite was found
	Norm      []Num  `json:"norm"`      // of the map shown first
	Rho       []Num  `json:"rho"`
	Smooth    []Num  `json:"smoothness"` // of the map shown first
	// Units×Classes: W2, or the product of the weights after a layer that is not the last
	Path       [][]Num `json:"path"`
	Bias       []Num   `json:"bias"`
	Similarity []int   `json:"similarity"` // an order; null for too many neurons

	Select       []Num   `json:"selectivity"`
	Importance   []Num   `json:"importance"`
	Mean         []Num   `json:"mean"` // activation over the test images
	Stuck        []Num   `json:"stuck"`
	Contribution [][]Num `json:"contribution"` // Classes×Units
	// per class: how many of the first five by contribution are of the first five by weight
	Overlap   []int     `json:"overlap"`
	Activity  [][][]Num `json:"activity"` // Units×Classes×(mean, then quantiles)
	Top       [][]int   `json:"top"`      // Units×few: numbers of Images, largest z first
	Bottom    [][]int   `json:"bottom"`   // smallest z first
	TopZ      [][]Num   `json:"top_z"`
	BottomZ   [][]Num   `json:"bottom_z"`
	Patterned int       `json:"patterned"` // images that the patterns were computed on
	Ablation  *Ablation `json:"ablation"`
}

// Output is the output layer.
type Output struct {
	Activation string  `json:"activation"`
	Weights    Floats  `json:"weights"` // last hidden units×classes, exactly, so that sums can be checked
	Bias       []Num   `json:"bias"`
	Confusion  [][]int `json:"confusion"` // label×predicted; null without test images
	Recall     []Num   `json:"recall"`
}

// Images are the test images that the page shows, each once.
type Images struct {
	Index   []int    `json:"index"` // in the test set
	Label   []int    `json:"label"`
	Columns int      `json:"columns"` // of a sprite
	Each    int      `json:"each"`    // images of a sprite
	Sprites [][]byte `json:"sprites"` // PNGs, grey, 0 = no ink
}

// ClassMaps have a map per class.
type ClassMaps struct {
	Plain *Maps `json:"plain"` // Σ_j W2[j,k]·W1[:,j]
	Slope *Maps `json:"slope"` // weighted by E σ′; null without test images
	// SlopeOf is whose first layer Slope goes through: learned or raw.
	SlopeOf string `json:"slope_of"`
	Mean    *Maps  `json:"mean"` // mean image; null without test images
}

// Why is one image on its way through the network.
type Why struct {
	Image     int      `json:"image"` // in the test set
	Label     int      `json:"label"`
	Predicted int      `json:"predicted"`
	Pixels    []byte   `json:"pixels"`
	Hidden    []Floats `json:"hidden"` // activations of each hidden layer
	Z         Floats   `json:"z"`      // of the first layer
	Logits    []Num    `json:"logits"` // of the executor, to hold the sums against
	Outputs   []Num    `json:"outputs"`
	// The largest |Σ x·w + b − z| over the first layer's neurons and |Σ e + b − s| over the outputs.
	NeuronError Num `json:"neuron_error"`
	SumError    Num `json:"sum_error"`
}

// Errors are the test images that the network gets wrong.
type Errors struct {
	Count int       `json:"count"`
	Worst []Mistake `json:"worst"`
}

// Mistake is one of them.
type Mistake struct {
	Image     int       `json:"image"` // number in Images
	Label     int       `json:"label"`
	Predicted int       `json:"predicted"`
	Loss      Num       `json:"loss"`
	Margin    Num       `json:"margin"`
	Drivers   []Driving `json:"drivers"` // neurons of the last hidden layer that did most for it
	Why       int       `json:"why"`     // index in Document.Why; −1 for none
}

// Driving is a neuron and what it did for a mistake.
type Driving struct {
	Neuron int `json:"neuron"`
	Drive  Num `json:"drive"`
}

// Ablation is what a layer's neurons are worth.
type Ablation struct {
	Images     int     `json:"images"` // it was measured on
	Accuracy   Num     `json:"accuracy"`
	Lost       []Num   `json:"lost"`        // Units
	Class      [][]Num `json:"class"`       // Units×Classes, lost recall
	MostFirst  [][]Num `json:"most_first"`  // (removed, accuracy)
	LeastFirst [][]Num `json:"least_first"` // by importance
	Random     [][]Num `json:"random"`
	Selective  Num     `json:"selective"` // correlation of selectivity with Lost
}

// Metric is what is known after an epoch; null for what is not.
type Metric struct {
	Epoch              int  `json:"epoch"`
	Loss               Num  `json:"loss"`
	ValidationLoss     *Num `json:"validation_loss"`
	TestLoss           *Num `json:"test_loss"`
	TrainAccuracy      Num  `json:"train_accuracy"`
	ValidationAccuracy *Num `json:"validation_accuracy"`
	TestAccuracy       *Num `json:"test_accuracy"`
}

// Film is the first layer's maps over training.
type Film struct {
	Neurons  []int  `json:"neurons"`
	Of       int    `json:"of"`     // neurons of the layer
	Epochs   []int  `json:"epochs"` // of each frame
	Gamma    []Num  `json:"gamma"`
	Limit    Num    `json:"limit"`    // of the learned part over all frames
	Data     []byte `json:"data"`     // frames×neurons×pixels int8, each less the frame before it, deflated
	Accurate string `json:"accurate"` // what the accuracy is of: "test accuracy"
	Accuracy []Num  `json:"accuracy"` // null where it is not known

	Exact [][]float32 `json:"-"` // frames of neurons×pixels, as they were before Data; nil unless Run.Exact
}
