package exchange

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"

	"neuroloupe/cmd/internal/exchange/npz"
	"neuroloupe/engine"
)

// The network of these tests, 25-4-3, In×Out; every number is another.
func pairNet() (w1, b1, w2, b2 engine.Tensor) {
	make := func(from float32, shape ...int) engine.Tensor {
		t := engine.Tensor{Shape: shape}
		t.Data = slices.Repeat([]float32{0}, t.Len())
		for i := range t.Data {
			t.Data[i] = from + float32(i)
		}
		return t
	}
	return make(1000, 25, 4), make(2000, 4), make(3000, 4, 3), make(4000, 3)
}

// called gives a tensor a name and, if it is given, another shape of as many numbers.
func called(name string, t engine.Tensor, shape ...int) engine.Tensor {
	t.Name = name
	if shape != nil {
		t.Shape = shape
	}
	return t
}

func turned(t engine.Tensor) engine.Tensor {
	u := engine.Tensor{Shape: []int{t.Shape[1], t.Shape[0]}}
	for c := range t.Shape[1] {
		for r := range t.Shape[0] {
			u.Data = append(u.Data, t.Data[r*t.Shape[1]+c])
		}
	}
	return u
}

// onTop is a matrix with a vector as its first row, or its last.
func onTop(w, b engine.Tensor, end End) engine.Tensor {
	t := engine.Tensor{Shape: []int{w.Shape[0] + 1, w.Shape[1]}}
	if t.Data = slices.Concat(w.Data, b.Data); end == First {
		t.Data = slices.Concat(b.Data, w.Data)
	}
	return t
}

func zeros(name string, shape ...int) engine.Tensor {
	t := engine.Tensor{Name: name, Shape: shape}
	t.Data = slices.Repeat([]float32{0}, t.Len())
	return t
}

func npzFile(t testing.TB, arrays ...engine.Tensor) []byte {
	t.Helper()
	var b bytes.Buffer
	z := npz.NewWriter(&b, false)
	for _, a := range arrays {
		if err := npz.Add(z, a.Name, a.Data, a.Shape...); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// Every way in which people name, turn and order the arrays of the same network gives the same numbers.
func TestPairing(t *testing.T) {
	w1, b1, w2, b2 := pairNet()
	named := func(names ...string) []engine.Tensor {
		var as []engine.Tensor
		for i, a := range []engine.Tensor{w1, b1, w2, b2}[:len(names)] {
			as = append(as, called(names[i], a))
		}
		return as
	}
	torch := func(names ...string) []engine.Tensor {
		return []engine.Tensor{
			called(names[0], turned(w1)), called(names[1], b1), called(names[2], turned(w2)),
			called(names[3], b2),
		}
	}
	plain := named("W1", "b1", "W2", "b2")
	with := func(as ...engine.Tensor) []engine.Tensor { return slices.Concat(plain, as) }
	moments := func(pattern string) []engine.Tensor {
		var as []engine.Tensor
		for _, m := range []string{"m", "v"} {
			for _, a := range plain {
				as = append(as, zeros(strings.NewReplacer("M", m, "NAME", a.Name).Replace(pattern), a.Shape...))
			}
		}
		return with(as...)
	}
	const left = "left out, as no layer's weights or biases: "
	for _, c := range []struct {
		name   string
		arrays []engine.Tensor
		o      Options
		bare   bool   // there are no biases
		warn   string // in the only warning; none without
	}{
		{name: "numbers", arrays: plain},
		{name: "numbers from 0", arrays: named("W0", "b0", "W1", "b1")},
		{name: "the layer below's number for the weights", arrays: named("W0", "b1", "W1", "b2")},
		{name: "the layer below's number for the biases", arrays: named("W1", "b0", "W2", "b1")},
		{name: "underscores", arrays: named("w_1", "b_1", "w_2", "b_2")},
		{name: "a word for the last", arrays: named("w_1", "b_1", "w_out", "b_out")},
		{name: "capital biases", arrays: named("W1", "B1", "W2", "B2")},
		{name: "letters for the layers", arrays: named("Wx", "Bx", "Wa", "Ba")},
		{name: "between letters", arrays: named("W_ih", "b_h", "W_ho", "b_o")},
		{name: "between letters, run together", arrays: named("Wxh", "bh", "Why", "by")},
		{name: "between letters, small", arrays: named("wih", "bih", "who", "bho")},
		{
			name: "without biases", arrays: []engine.Tensor{called("wih", turned(w1)), called("who", turned(w2))},
			bare: true, warn: "no biases in layer 1 (wih), 2 (who); they are taken as 0",
		},
		{name: "between layers", arrays: named("weights_input_hidden", "bias_hidden", "weights_hidden_output",
			"bias_output")},
		{name: "between layers, weights first", arrays: []engine.Tensor{
			called("weights_input_hidden", w1),
			called("weights_hidden_output", w2), called("bias_hidden", b1), called("bias_output", b2),
		}},
		{name: "humps", arrays: named("hiddenWeights", "hiddenBias", "outputWeights", "outputBias")},
		{name: "words", arrays: named("hidden.weight", "hidden.bias", "output.weight", "output.bias")},
		{name: "words, the output first", arrays: []engine.Tensor{
			called("hidden.weight", w1), called("a.bias", b2),
			called("a.weight", w2), called("hidden.bias", b1),
		}},
		{name: "PyTorch", arrays: torch("model.0.weight", "model.0.bias", "model.2.weight", "model.2.bias")},
		{name: "PyTorch, deeper", arrays: torch("layers.0.linear.weight", "layers.0.linear.bias",
			"layers.1.linear.weight", "layers.1.linear.bias")},
		{
			name:   "PyTorch, numbered but for the last",
			arrays: torch("fc1.weight", "fc1.bias", "fc_out.weight", "fc_out.bias"),
		},
		{name: "Keras", arrays: []engine.Tensor{
			called("dense_1/kernel:0", w2), called("dense_1/bias:0", b2),
			called("dense/kernel:0", w1), called("dense/bias:0", b1),
		}},
		{name: "Keras, deeper", arrays: named("dense/dense/kernel:0", "dense/dense/bias:0", "dense_1/dense_1/kernel:0",
			"dense_1/dense_1/bias:0")},
		{name: "Keras 3", arrays: named("layers/dense/vars/0", "layers/dense/vars/1", "layers/dense_1/vars/0",
			"layers/dense_1/vars/1")},
		{name: "scikit-learn", arrays: named("coefs_0", "intercepts_0", "coefs_1", "intercepts_1")},
		{name: "TensorFlow's tutorials", arrays: named("weights_h1", "biases_b1", "weights_out", "biases_out")},
		{name: "unnamed", arrays: named("arr_0", "arr_1", "arr_2", "arr_3")},
		{name: "unnamed, weights first", arrays: []engine.Tensor{
			called("arr_0", w1), called("arr_1", w2),
			called("arr_2", b1), called("arr_3", b2),
		}},
		{
			name: "unnamed, and a history", arrays: append(named("arr_0", "arr_1", "arr_2", "arr_3"),
				zeros("arr_4", 30)),
			warn: left + "arr_4 30",
		},
		{
			name: "unnamed, and a table", arrays: append(named("arr_0", "arr_1", "arr_2", "arr_3"),
				zeros("arr_4", 30, 2)),
			warn: left + "arr_4 30×2",
		},
		{name: "parameters", arrays: named("param_0", "param_1", "param_2", "param_3")},
		{name: "the sizes as numbers", arrays: named("W_25_4", "b_4", "W_4_3", "b_3")},
		{name: "biases as columns", arrays: []engine.Tensor{
			called("W1", turned(w1)), called("b1", b1, 4, 1),
			called("W2", turned(w2)), called("b2", b2, 3, 1),
		}},
		{name: "biases as rows", arrays: []engine.Tensor{
			called("W1", w1), called("b1", b1, 1, 4), called("W2", w2),
			called("b2", b2, 1, 3),
		}},
		{name: "a dimension too many", arrays: []engine.Tensor{
			called("W1", w1, 1, 25, 4), called("b1", b1, 1, 1, 4),
			called("W2", w2, 1, 4, 3), called("b2", b2),
		}},

		{name: "losses", arrays: with(zeros("losses", 30), zeros("val_acc", 3)), warn: left + "losses 30, val_acc 3"},
		{name: "losses as long as a layer", arrays: with(zeros("losses", 4), zeros("loss_history", 3)), warn: left +
			"losses 4, loss_history 3"},
		{name: "mean and std", arrays: with(zeros("mean", 25), zeros("std", 25)), warn: left + "mean 25, std 25"},
		{name: "a confusion matrix", arrays: with(zeros("cm", 3, 3)), warn: left + "cm 3×3"},
		{name: "the data itself", arrays: with(zeros("X_test", 7, 25), zeros("Y_test", 7, 3)), warn: left +
			"X_test 7×25, Y_test 7×3"},
		{name: "moments before", arrays: moments("MNAME"), warn: left + "mW1 25×4, mb1 4"},
		{name: "moments before, apart", arrays: moments("adam_M_NAME"), warn: left + "adam_m_W1 25×4"},
		{name: "moments after", arrays: moments("NAME_M"), warn: left + "W1_m 25×4"},
		{name: "moments under a key", arrays: moments("optimizer.state.NAME.M"), warn: left +
			"optimizer.state.W1.m 25×4"},
		{name: "moments without a role", arrays: with(zeros("m_0", 25, 4), zeros("v_0", 25, 4)), warn: left +
			"m_0 25×4, v_0 25×4"},
		{
			name: "gradients", arrays: with(zeros("dW1", 25, 4), zeros("db1", 4), zeros("dW2", 4, 3), zeros("db2", 3)),
			warn: left + "dW1 25×4",
		},
		{name: "masks", arrays: with(zeros("W1_mask", 25, 4), zeros("mask_W2", 4, 3)), warn: left +
			"W1_mask 25×4, mask_W2 4×3"},
		{name: "a scalar", arrays: with(zeros("lr")), warn: left + "lr (it is a single number)"},
		{name: "many of them", arrays: with(zeros("e0", 9), zeros("e1", 9), zeros("e2", 9), zeros("e3", 9),
			zeros("e4", 9), zeros("e5", 9), zeros("e6", 9), zeros("e7", 9), zeros("e8", 9)), warn: "e7 9, and 1 more"},
		{
			name: "chosen layers", arrays: moments("MNAME"), o: Options{Layers: []string{"1", "2"}},
			warn: "not of the layers that --layers names: mW1",
		},
		{
			name: "chosen by whole names", arrays: append(named("a", "p", "z", "q"), zeros("n", 4, 3)),
			o: Options{Layers: []string{"a", "z"}}, warn: "not of the layers that --layers names: n 4×3",
		},

		{name: "biases in the last rows", arrays: []engine.Tensor{
			called("W1", onTop(w1, b1, Last)),
			called("W2", onTop(w2, b2, Last)),
		}, warn: "the last row of W1, W2 was read as biases"},
		{
			name: "biases in the first rows", arrays: []engine.Tensor{
				called("W1", onTop(w1, b1, First)),
				called("W2", onTop(w2, b2, First)),
			}, o: Options{BiasRow: First},
			warn: "the first row of W1, W2 was read as biases",
		},
		{name: "biases in the last columns", arrays: []engine.Tensor{
			called("W1", turned(onTop(w1, b1, Last))),
			called("W2", turned(onTop(w2, b2, Last))),
		}, warn: "the last column of W1, W2"},
		{name: "theta", arrays: []engine.Tensor{
			called("Theta1", turned(onTop(w1, b1, First))),
			called("Theta2", turned(onTop(w2, b2, First))),
		}, warn: "the first column of Theta1, Theta2"},
		{name: "the first layer's alone", arrays: []engine.Tensor{
			called("W1", onTop(w1, b1, Last)), called("W2", w2),
			called("b2", b2),
		}, warn: "the last row of W1 was read as biases"},
		{name: "the last layer's alone", arrays: []engine.Tensor{
			called("W1", w1), called("b1", b1),
			called("W2", onTop(w2, b2, Last)),
		}, warn: "the last row of W2 was read as biases"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := readBytes(npzFile(t, c.arrays...), c.o)
			if err != nil {
				t.Fatal(err)
			}
			if fmt.Sprint(got.Sizes) != "[25 4 3]" {
				t.Fatalf("sizes %v, warnings %q", got.Sizes, got.Warnings)
			}
			wantBiases := [][]float32{b1.Data, b2.Data}
			if c.bare {
				wantBiases = [][]float32{make([]float32, 4), make([]float32, 3)}
			}
			for l, w := range [][]float32{w1.Data, w2.Data} {
				if !slices.Equal(got.Params.Weight(l+1).Data, w) {
					t.Errorf("weights %d: %v, want %v", l+1, got.Params.Weight(l+1).Data, w)
				}
				if !slices.Equal(got.Params.Bias(l+1).Data, wantBiases[l]) {
					t.Errorf("biases %d: %v, want %v", l+1, got.Params.Bias(l+1).Data, wantBiases[l])
				}
			}
			if text := strings.Join(got.Warnings, "\n"); (text == "") != (c.warn == "") ||
				!strings.Contains(text, c.warn) || strings.Contains(text, "\n") {
				t.Errorf("warnings %q, want one with %q", got.Warnings, c.warn)
			}
		})
	}
}

// Of deeper networks the order is found: numbers, then words for the ends, then the only order that fits.
func TestOrder(t *testing.T) {
	layers := func(names ...string) []byte {
		var as []engine.Tensor
		for i, out := range []int{5, 5, 3} {
			in := []int{9, 5, 5}[i]
			as = append(as, tensor(names[i]+".weight", out, in), tensor(names[i]+".bias", out))
		}
		// as safetensors has them
		slices.SortFunc(as, func(a, b engine.Tensor) int { return strings.Compare(a.Name, b.Name) })
		return safetensorsFile(t, as, nil)
	}
	for want, file := range map[string][]byte{
		"fc1 fc2 out":          layers("fc1", "fc2", "out"),
		"dense dense_1 output": layers("dense", "dense_1", "output"),
		"input hidden output":  layers("input", "hidden", "output"),
		"stem middle last":     layers("stem", "middle", "last"),
		"l9 l10 l11":           layers("l9", "l10", "l11"),
		"z y x":                layers("z", "y", "x"), // by the shapes alone: nothing else takes 9
		"fc2 fc1 out":          layers("fc2", "fc1", "out"),
	} {
		got, err := readBytes(file, Options{})
		if err != nil {
			t.Errorf("%s: %v", want, err)
			continue
		}
		if fmt.Sprint(got.Sizes) != "[9 5 5 3]" || strings.Join(got.Layers, " ") != want {
			t.Errorf("%v %v, want %s", got.Sizes, got.Layers, want)
		}
	}
	two := safetensorsFile(t, []engine.Tensor{
		tensor("a.weight", 5, 9), tensor("b.weight", 5, 5),
		tensor("c.weight", 5, 5), tensor("in.weight", 3, 5),
	}, nil)
	if got, err := readBytes(two, Options{}); err == nil ||
		!strings.Contains(err.Error(), "more than one order, a.weight,b.weight,c.weight,in.weight or "+
			"a.weight,c.weight,b.weight,in.weight; give --layers") {
		t.Errorf("two orders: %v %v", got, err)
	}
}

// Where shapes leave open where the biases are, each reading is handed on.
func TestReadings(t *testing.T) {
	w1, b1, w2, b2 := pairNet()
	file := npzFile(t, called("W1", onTop(w1, b1, First)), called("W2", onTop(w2, b2, First)))
	got, err := readBytes(file, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if got.Flags != "--layout in-out --bias-row last" || len(got.Others) != 1 ||
		!strings.Contains(got.Unsure, "--bias-row first") {
		t.Fatalf("flags %q, %d others, unsure %q", got.Flags, len(got.Others), got.Unsure)
	}
	other := got.Others[0]
	net := other.Net()
	if other.Flags != "--layout in-out --bias-row first" || fmt.Sprint(other.Sizes, net.Sizes) != "[25 4 3] [25 4 3]" ||
		other.How != net.How {
		t.Errorf("%+v %v", other, net.Sizes)
	}
	for l, want := range []engine.Tensor{w1, w2} {
		if !slices.Equal(net.Params.Weight(l+1).Data, want.Data) {
			t.Errorf("weights %d of the other reading: %v", l+1, net.Params.Weight(l+1).Data)
		}
	}
	if !slices.Equal(net.Params.Bias(1).Data, b1.Data) {
		t.Errorf("biases of the other reading: %v", net.Params.Bias(1).Data)
	}
	net.Params.Weight(1).Data[0] = -1
	if other.Net().Params.Weight(1).Data[0] == -1 || got.Params.Weight(1).Data[0] == -1 {
		t.Error("readings share their arrays")
	}
	// One input more than a square is a bias, and the images can say so.
	alone := npzFile(t, called("W1", onTop(w1, b1, Last)), called("W2", w2))
	if got, err = readBytes(alone, Options{}); err != nil || len(got.Others) != 2 || got.Others[1].Sizes[0] != 26 {
		t.Errorf("%v %+v", err, got)
	}
	for inputs, want := range map[int]int{25: 25, 26: 26} {
		if got, err := readBytes(alone, Options{Inputs: inputs}); err != nil || got.Sizes[0] != want {
			t.Errorf("%d inputs: %v, want %d", inputs, got.Sizes, want)
		}
	}
	// Our own files say which way round they are.
	own := safetensorsFile(t, []engine.Tensor{tensor("layer1.weight", 9, 9), tensor("layer1.bias", 9)},
		metadata(smallSpec(), Labels{}))
	if got, err = readBytes(own, Options{}); err != nil || len(got.Others) != 0 || got.How != "" {
		t.Errorf("our own: %v, %d others", err, len(got.Others))
	}
}

// The forms of network2's JSON that people write, and JSON of other keys.
func TestJSONForms(t *testing.T) {
	for name, c := range map[string]struct{ text, form string }{
		"columns":        {`{"sizes":[2,3,2],"weights":[[[1,2],[3,4],[5,6]],[[7,8,9],[10,11,12]]],"biases":[[[1],[2],[3]],[[4],[5]]],"cost":"CrossEntropyCost"}`, "Nielsen"},
		"plain biases":   {`{"sizes":[2,3,2],"weights":[[[1,2],[3,4],[5,6]],[[7,8,9],[10,11,12]]],"biases":[[1,2,3],[4,5]]}`, "Nielsen"},
		"biases of rows": {`{"sizes":[2,3,2],"weights":[[[1,2],[3,4],[5,6]],[[7,8,9],[10,11,12]]],"biases":[[[1,2,3]],[[4,5]]]}`, "Nielsen"},
		"In×Out":         {`{"sizes":[2,3,2],"weights":[[[1,3,5],[2,4,6]],[[7,10],[8,11],[9,12]]],"biases":[[1,2,3],[4,5]]}`, "Nielsen"},
		"no sizes": {
			`{"weights":[[[1,2],[3,4],[5,6]],[[7,8,9],[10,11,12]]],"biases":[[1,2,3],[4,5]]}`,
			"Nielsen",
		},
		"a byte order mark": {"\ufeff" +
			`{"weights":[[[1,2],[3,4],[5,6]],[[7,8,9],[10,11,12]]],"biases":[[1,2,3],[4,5]]}`, "Nielsen"},
		"NaN in a text":  {`{"note":"NaN, \"Infinity\" [","weights":[[[1,2],[3,4],[5,6]],[[7,8,9],[10,11,12]]],"biases":[[1,2,3],[4,5]],"log":[{"loss":NaN},"x"]}`, "Nielsen"},
		"keys of arrays": {`{"W1":[[1,3,5],[2,4,6]],"b1":[1,2,3],"W2":[[7,10],[8,11],[9,12]],"b2":[4,5],"losses":[3,2,1]}`, "JSON"},
		"layers":         {`{"layers":[{"weights":[[1,2],[3,4],[5,6]],"bias":[1,2,3]},{"weights":[[7,8,9],[10,11,12]],"bias":[4,5]}],"activation":"relu"}`, "JSON"},
		"lists alone":    {`[[[1,2],[3,4],[5,6]],[1,2,3],[[7,8,9],[10,11,12]],[4,5]]`, "JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := readBytes([]byte(c.text), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(got.Form, c.form) {
				t.Errorf("form %q, want %s", got.Form, c.form)
			}
			if text := fmt.Sprint(got.Params); text != "[{layer1.weight [2 3] [1 3 5 2 4 6]} {layer1.bias [3] [1 2 "+
				"3]} {layer2.weight [3 2] [7 10 8 11 9 12]} {layer2.bias [2] [4 5]}]" {
				t.Error(text)
			}
		})
	}
}

// Layers of one size: a list of as many lists of biases as there are layers is no matrix.
func TestJSONSquareBiases(t *testing.T) {
	got, err := readBytes([]byte(`{"sizes":[2,2,2],"weights":[[[1,2],[3,4]],[[5,6],[7,8]]],"biases":[[1,2],[3,4]]}`),
		Options{})
	if err != nil || fmt.Sprint(got.Params.Bias(1).Data, got.Params.Bias(2).Data, got.Layout) != "[1 2] [3 4] out-in" {
		t.Errorf("%v %v", got, err)
	}
}
