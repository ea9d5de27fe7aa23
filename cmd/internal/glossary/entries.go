package glossary

// All is every word that the pictures use.
func All() []Entry {
	return []Entry{
		{
			[]string{"input", "x", "pixel"},
			"What the network is shown: a number from 0 (blank) to 1 (full ink) for each pixel. Pictures draw ink " +
				"dark on white.",
			"x_p = byte/255", "", "neuroloupe why RUN --image test:18",
		},
		{
			[]string{"map", "weight map", "weights", "w", "tile"},
			"A neuron's weights, one for each pixel, drawn as a picture. Orange: ink there raises the neuron's " +
				"z; blue: ink there lowers it; neutral: it does not matter. It is not a picture of what the neuron " +
				"has seen but of what it weighs.",
			"W[:,j] of the first layer, In×Out", "", "neuroloupe sheet RUN --show raw",
		},
		{
			[]string{"colours", "colors", "colour scale", "orange", "blue", "scale", "shared", "percentile"},
			"Zero is exactly neutral and both sides have one scale, so that equal strength " +
				"looks equally strong. What shares a colour bar can be compared; --scale neuron gives each tile its " +
				"own, so that weak ones show their shape.",
			"shared: limit = max |w| over all tiles\nneuron: limit = max |w| of each\npercentile: limit = the 99.5th " +
				"percentile of |w|",
			"K. Moreland, Diverging Color Maps for Scientific Visualization, 2009",
			"neuroloupe sheet RUN --scale neuron",
		},
		{
			[]string{"z", "weighted input"},
			"What a neuron makes of its inputs before it bends it: their weighted sum and the bias. Images are " +
				"sorted by z, not by a, because a sigmoid rounds many to 1.",
			"z_j = Σ_p x_p·W[p,j] + b_j", "Nielsen, Neural Networks and Deep Learning, chapter 2",
			"neuroloupe why RUN --image test:18",
		},
		{
			[]string{"activation", "a", "hidden grid", "hidden layer"},
			"How much a neuron fires: its z, bent. The hidden grid shows the activations of a layer, read like text; " +
				"which neurons stand side by side means nothing, because a layer has no order.",
			"a_j = σ(z_j); sigmoid: 1/(1 + e^−z)", "", "neuroloupe why RUN --image test:18",
		},
		{[]string{"bias", "b"}, "What a neuron's z is when the image is blank.", "b_j", "", ""},
		{
			[]string{"logit", "s", "output"},
			"An output before it is bent, one for each class; the largest is the answer.",
			"s_k = Σ_j W2[j,k]·a_j + b2_k", "", "neuroloupe why RUN --image test:18",
		},
		{
			[]string{"input×weight", "product", "element-by-element product", "elementwise product"},
			"The image times a neuron's map, pixel by pixel: which ink of this image raises " +
				"the neuron (orange) and which lowers it (blue). Where the image is blank it is 0, whatever the " +
				"weight. With the bias it adds up to z, exactly.",
			"x_p·W[p,j];  Σ_p x_p·W[p,j] + b_j = z_j", "", "neuroloupe why RUN --image test:18",
		},
		{
			[]string{"evidence", "e"},
			"What a neuron gives to a class's logit for one image. The evidence of all neurons and the bias add up " +
				"to the logit, exactly, for the last hidden layer; for an earlier one the weight is the gradient at " +
				"the image, and what is missing to the logit is the rest r.",
			"e_kj = W2[j,k]·a_j;  Σ_j e_kj + b2_k = s_k\nearlier layer: e_kj = ∂s_k/∂a_j·a_j", "",
			"neuroloupe why RUN --image test:18",
		},
		{
			[]string{"centred evidence", "centred", "beyond its average"},
			"Evidence beyond what the neuron gives on average: what this image changes. A neuron that is usually on " +
				"and is off here can speak for a class by its silence.",
			"W2[j,k]·(a_j − E a_j), E over the test images", "", "neuroloupe why RUN --image test:18",
		},
		{
			[]string{"contrast", "not", "rather than"},
			"What speaks for one class and not for another: the difference of their evidence.",
			"e_kj − e_lj = (W2[j,k] − W2[j,l])·a_j", "", "neuroloupe why RUN --image test:18 --not 5",
		},
		{
			[]string{"contribution", "class rank", "class"},
			"What a neuron gives to a class's logit on the images of that class, beyond what it gives on average. It " +
				"orders the neurons of a class.",
			"C_kj = W2[j,k]·(E[a_j | class k] − E a_j)", "", "neuroloupe class RUN 3",
		},
		{
			[]string{"argsort", "by weight alone", "strongest neuron"},
			"The neurons of a class by their outgoing weight alone, as weights[1][3].argsort() gives them. A large " +
				"weight from a neuron that is always on, or never, tells classes apart as little as a small one; so " +
				"this order agrees with that by contribution only in part.",
			"order of W2[:,k]", "", "neuroloupe class RUN 3",
		},
		{
			[]string{"favourite class", "favourite", "speaks for"},
			"The class that a neuron speaks for most, by contribution. With a negative weight to the class it speaks " +
				"by keeping silent on its images.",
			"argmax_k C_kj", "", "neuroloupe sheet RUN --order class",
		},
		{
			[]string{"importance"},
			"How much a neuron moves the logits of the classes, each on its own images. It orders sheets.",
			"Σ_k |C_kj|", "", "neuroloupe top RUN",
		},
		{
			[]string{"start", "init", "W0", "W₀", "initial weights"},
			"The random weights before the first image. Training moves them, but from a large start often only a " +
				"little, and then the start is most of what a map shows.",
			"normal: N(0, 1); scaled: N(0, 1/n) for n inputs", "Nielsen, chapters 1 and 3",
			"neuroloupe sheet RUN --show init",
		},
		{
			[]string{"learned", "learned part", "W − γW₀"},
			"What training put into a map: the weights less what is left of the start. It is what to look at when a " +
				"map looks like noise.",
			"W − γW₀", "", "neuroloupe sheet RUN --show learned",
		},
		{
			[]string{"gamma", "γ"},
			"What weight decay has left of the start. 1 without weight decay: the start stays whole.",
			"γ = Π(1 − ηλ/n) over the steps, for sgd; momentum obeys its own recursion\nelse estimated: ⟨W,W₀⟩/⟨W₀,W₀⟩",
			"", "neuroloupe doctor RUN",
		},
		{
			[]string{"rho", "ρ", "init residue", "residue"},
			"How much of a neuron's raw map is its random start, from 0 to 1.",
			"ρ_j = corr(W_j, W₀_j)²", "", "neuroloupe doctor RUN",
		},
		{
			[]string{"smoothness", "lag-1", "autocorrelation"},
			"How alike neighbouring pixels of a map are: about 0 for noise, near 1 for a picture.",
			"(N/M)·Σ_pairs (w_p − w̄)(w_q − w̄)/Σ(w_p − w̄)², over M pairs of neighbours among N pixels",
			"P. Moran, Notes on continuous stochastic phenomena, Biometrika 1950", "neuroloupe doctor RUN",
		},
		{
			[]string{"dead pixels", "never inked", "hatched"},
			"Pixels that are blank in every training image. No gradient reaches their weights, so they keep their " +
				"start for ever, unless it decays.",
			"∂C/∂W[p,j] = x_p·δ_j = 0 where x_p is always 0", "", "neuroloupe sheet RUN --mark-dead",
		},
		{
			[]string{"saturated", "stuck", "dead neuron"},
			"A neuron that is at the same end for almost all images. It says little, and hardly learns: its slope is " +
				"about 0. A relu neuron that is 0 for all images is dead.",
			"σ′(z) < max σ′/25", "", "neuroloupe doctor RUN",
		},
		{
			[]string{"norm", "‖w‖"},
			"The length of a map: how strongly the neuron answers at all.", "‖w‖ = √Σ_p w_p²",
			"", "neuroloupe sheet RUN --order norm",
		},
		{
			[]string{"pattern", "Σw", "covariance"},
			"What a neuron responds to on the data, where its map is what it weighs. The two differ because pixels " +
				"go together: a weight may be there to cancel what another lets in.",
			"cov(x, z_j) = Σ_x·w_j", "Haufe et al., On the interpretation of weight vectors of linear models in " +
				"multivariate neuroimaging, NeuroImage 2014", "neuroloupe neuron RUN 17",
		},
		{
			[]string{"triggered average", "spike-triggered average", "sta"},
			"The mean of the images, each weighted by how much it excites the neuron, less the mean image. It is " +
				"smooth because images are, so an untrained network's stands beside it.",
			"Σ_i a_ij·x_i/Σ_i a_ij − μ", "Chichilnisky, A simple white noise analysis of neuronal light responses, " +
				"Network 2001", "neuroloupe neuron RUN 17",
		},
		{
			[]string{"template", "templates", "class template"},
			"What a class looks for when the network is taken as one linear map. Weighted by slope, a neuron that is " +
				"stuck counts for little; at one image it is the network's own linear map there.",
			"plain: Σ_j W2[j,k]·W1[:,j]\nslope-weighted: Σ_j W2[j,k]·E σ′(z_j)·W1[:,j]\nlocal: ∂s_k/∂x at the image",
			"", "neuroloupe templates RUN",
		},
		{
			[]string{"path", "path to the input", "linearised path", "linearized path", "layer"},
			"The map of a neuron of a deeper layer: all weights from the pixels to it multiplied, as if the layers " +
				"between did not bend, each neuron counted by its mean slope. It is what the neuron would look for " +
				"if the network were linear.",
			"W1·diag(E σ′)·W2·…·W[:,j]", "", "neuroloupe sheet RUN --layer 2",
		},
		{
			[]string{"top images", "top", "excite"},
			"The test images for which a neuron's z is largest.",
			"argsort of z_j", "", "neuroloupe top RUN",
		},
		{
			[]string{"ablation", "ablate", "accuracy lost", "without it"},
			"What the network loses when a neuron is replaced by its mean activation. Most neurons alone cost " +
				"nothing, because others do the same; the curve removes them one after the other.",
			"Δ_j = accuracy − accuracy with a_j := E a_j",
			"Morcos et al., On the importance of single directions for generalization, 2018",
			"neuroloupe ablate RUN",
		},
		{
			[]string{"selectivity"},
			"How much a neuron prefers its best class over the rest. It says little about how much the network needs " +
				"the neuron: its correlation with accuracy lost is about 0.",
			"(m_max − m_rest)/(m_max + m_rest), m the mean activation over a class's images",
			"Morcos et al., On the importance of single directions for generalization, 2018",
			"neuroloupe classes RUN",
		},
		{
			[]string{"class×neuron", "classes", "class neuron matrix"},
			"A row per class and a column per neuron: what each gives to the class's logit on its images beyond " +
				"its average.", "C_kj = W2[j,k]·(E[a_j | k] − E a_j)", "", "neuroloupe classes RUN",
		},
		{
			[]string{"attribution", "attribute", "saliency"},
			"An output shared out over the pixels of one image. Each method stands beside the same for random " +
				"weights: what looks alike in both does not show what was learned.",
			"", "Adebayo et al., Sanity checks for saliency maps, 2018", "neuroloupe attribute RUN --image test:18",
		},
		{
			[]string{"gradient×input"},
			"How fast an output rises with each pixel, times the pixel.", "x_p·∂s_k/∂x_p",
			"", "neuroloupe attribute RUN --image test:18",
		},
		{
			[]string{"integrated gradients", "ig", "completeness"},
			"Gradients averaged on the way from a black image to this one, times the image. The shares add up to " +
				"what the output gains on the way.",
			"x_p·∫₀¹ ∂s_k/∂x_p(t·x) dt, by the midpoint rule with m = 128;  Σ = s_k(x) − s_k(0)",
			"Sundararajan, Taly, Yan, Axiomatic attribution for deep networks, 2017, equation 1",
			"neuroloupe attribute RUN --image test:18",
		},
		{
			[]string{"lrp", "layer-wise relevance propagation", "relevance"},
			"An output handed back layer by layer, to each input by its share of z.",
			"R_i = Σ_j x_i·W_ij/(z_j + ε·sgn z_j)·R_j", "Bach et al., On pixel-wise explanations, 2015, equation 58",
			"neuroloupe attribute RUN --image test:18",
		},
		{
			[]string{"randomised control", "control", "randomized", "untrained"},
			"The same picture for a network of random weights. If it looks the same, it shows the images and not " +
				"what was learned.",
			"", "Adebayo et al., Sanity checks for saliency maps, 2018", "neuroloupe attribute RUN --image test:18",
		},
		{
			[]string{"dream", "image under a prior", "prior", "τ"},
			"An image made up to excite a neuron or an output, held to what the data's images are like; the value " +
				"reached stands beside the data's largest.",
			"a first-layer neuron: μ + Σ·w/τ\nan output: ascent on s_k − L2·‖x − μ‖² − TV(x)",
			"Simonyan, Vedaldi, Zisserman 2014; Mahendran and Vedaldi 2015", "neuroloupe dream RUN",
		},
		{
			[]string{"mistakes", "errors", "margin", "drive", "confusion"},
			"The images that the network gets most wrong, and the neurons that drove the wrong class above the right " +
				"one.",
			"margin = s_answer − s_label\ndrive_j = (W2[j,answer] − W2[j,label])·(a_j − E a_j)", "",
			"neuroloupe errors RUN",
		},
		{
			[]string{"film", "frames", "epoch"}, "The sheet over training, one picture per epoch, all to one scale, " +
				"the start first.", "", "", "neuroloupe film RUN",
		},
		{
			[]string{"matching", "compare", "hungarian"},
			"The neurons of two networks, paired so that their maps agree most in all. Neurons have no order of " +
				"their own, so two trainings can only be compared after this.",
			"max Σ |corr(A_i, B_π(i))| over assignments π",
			"Kuhn, The Hungarian method for the assignment problem, 1955", "neuroloupe compare A B",
		},
		{
			[]string{"sheet of sheets", "sheets", "many networks"},
			"Many networks over two of their settings, the contact sheet of each in small. The first neurons are " +
				"shown, not the best, so that a field is a fair sample; each network has its own scale, because " +
				"strong weight decay makes all weights small.",
			"", "", "neuroloupe runs sheet",
		},
		{
			[]string{"roughness"},
			"How much a map is noise from pixel to pixel: what smoothness lacks to 1. In the sheet of sheets it " +
				"stands beside the accuracy lost, so that what a setting wins for the eye and what it costs are seen " +
				"together.",
			"1 − the correlation of neighbouring weights, median over the first layer's neurons", "",
			"neuroloupe runs sheet",
		},
		{
			[]string{"share", "what mattered", "analysis of variance", "anova", "main effect", "interaction"},
			"How much of all differences in accuracy between runs comes with a setting. A main effect is what a " +
				"setting does on average over all others; an interaction (×) is what settings do together beyond " +
				"that; what runs differ in that differ in the seed alone is noise. It is exact where every " +
				"combination was trained equally often, and not given elsewhere.",
			"SS_S = N/Π L_f · Σ (Σ_{T⊆S} (−1)^{|S|−|T|} ȳ_T)²;  share = SS_S/Σ (y − ȳ)²",
			"Montgomery, Design and Analysis of Experiments, chapter 5", "neuroloupe runs report",
		},
		{
			[]string{"validation", "validation accuracy"},
			"The share of right answers on images kept out of training to choose by. The best of many networks is " +
				"chosen by it; the test images then still say fairly how good that one is.",
			"", "", "neuroloupe runs best",
		},
	}
}
