package exchange

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// What to type in Python for files that are programs, or that need a library of their own to be read.
const (
	saveArrays = "; in the program that made it, save the arrays with numpy.savez(\"net.npz\", W1=…, b1=…, …)"
	savePickle = "a Python pickle, which is a program and not data; where it can be trusted, open it in Python and " +
		"save its arrays with numpy.savez(\"net.npz\", W1=…, b1=…, …)"
	saveTorch = "a PyTorch file of pickles, which are programs and not data; in Python, save it with " +
		"safetensors.torch.save_file(torch.load(FILE, weights_only=True), \"net.safetensors\"), or with " +
		"model.state_dict() in place of torch.load when it holds a model"
	saveKeras = "; in Python, model = keras.models.load_model(FILE), then numpy.savez(\"net.npz\", " +
		"*model.get_weights())"
)

// notNetwork says what a file is that cannot be a network, by its first bytes, and what to do; nil when it may be one.
func notNetwork(head []byte, size int64) error {
	text := bytes.ToLower(bytes.TrimLeft(head, " \t\r\n\ufeff"))
	if size == 0 {
		return errors.New("the file is empty, 0 bytes: a download or a program that ended too early; get or write it " +
			"again")
	}
	starts := func(magic ...string) bool {
		return slices.ContainsFunc(magic, func(m string) bool { return bytes.HasPrefix(head, []byte(m)) })
	}
	within := func(b []byte, parts ...string) bool {
		return slices.ContainsFunc(parts, func(p string) bool { return bytes.Contains(b, []byte(p)) })
	}
	switch {
	case starts("version https://git-lfs.github.com/"):
		return errors.New("a Git LFS pointer, the note that stands for a file which was not fetched; in its " +
			"repository: git lfs pull, or download the file itself from its page")
	case bytes.HasPrefix(text, []byte("<")) && within(text, "<html", "<!doctype", "<head", "<body"):
		return errors.New("a web page, not a network: what was downloaded is the page about the file; " +
			"take its raw or download link")
	case bytes.HasPrefix(text, []byte("<")):
		return errors.New("XML or a web page, not a network: perhaps a server's answer in place of the file; " +
			"download it again")
	case starts("\x93NUMPY") && within(head, "'|O'", "'O'"):
		return errors.New("a single numpy array of pickled Python objects, which are programs and not data; " +
			"where it can be trusted, in Python: a = numpy.load(FILE, allow_pickle=True), then " +
			"numpy.savez(\"net.npz\", *a), or **a.item() when it is a dictionary")
	case starts("\x93NUMPY"):
		return errors.New("a single numpy array, not a network" + saveArrays)
	case starts("\x80\x02\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19"): // torch.save before 1.6
		return errors.New(saveTorch)
	case starts("\x80") || starts("(dp", "(lp", "(i", "ccopy_reg", "cnumpy"):
		return errors.New(savePickle)
	case starts("\x1f\x8b"):
		return errors.New("compressed by gzip; unpack it first: gunzip FILE.gz (a .pkl.gz is a pickle, which cannot " +
			"be read)")
	case starts("\xfd7zXZ", "BZh", "\x28\xb5\x2f\xfd", "7z\xbc\xaf\x27\x1c", "Rar!"):
		return errors.New("a compressed archive; unpack it first")
	case len(head) > 262 && string(head[257:262]) == "ustar":
		return errors.New("a tar archive; unpack it first")
	case starts("\x89HDF"):
		return errors.New("an HDF5 file, as of Keras" + saveKeras)
	case starts("MATLAB 5.0"):
		return errors.New("a MATLAB file; in Python, m = scipy.io.loadmat(FILE), then " +
			"numpy.savez(\"net.npz\", W1=m[…], b1=m[…], …)")
	case starts("GGUF"):
		return errors.New("a GGUF language model, which has no neurons that look at pixels")
	case len(head) > 8 && string(head[4:8]) == "TFL3":
		return errors.New("a TensorFlow Lite model; save the model that it was made of" + saveKeras)
	case starts("\x89PNG", "\xff\xd8\xff", "GIF8", "%PDF"):
		return errors.New("a picture or a document, not a network")
	case starts("\x00\x00\x08\x01", "\x00\x00\x08\x03"):
		return errors.New("IDX data, not a network; a network is trained on its folder with: neuroloupe train FOLDER")
	case starts("\x08") && within(head, "pytorch", "onnx", "keras", "Gemm", "MatMul", "tf2onnx"):
		return errors.New("an ONNX model; in Python, m = onnx.load(FILE), then numpy.savez(\"net.npz\", " +
			"**{t.name: onnx.numpy_helper.to_array(t) for t in m.graph.initializer})")
	case starts("\xff\xfe", "\xfe\xff"):
		return errors.New("text in UTF-16; save it as UTF-8")
	}
	return nil
}

// notNPZ says what a zip archive is that numpy did not write, by the names of its members; nil when it has arrays.
func notNPZ(names []string) error {
	any := func(ok func(string) bool) bool { return slices.ContainsFunc(names, ok) }
	ends := func(ends ...string) func(string) bool {
		return func(name string) bool {
			return slices.ContainsFunc(ends, func(e string) bool { return strings.HasSuffix(name, e) })
		}
	}
	switch {
	case any(ends(".npy")):
		return nil
	case any(ends("data.pkl")):
		return errors.New(saveTorch)
	case any(ends("model.weights.h5", ".weights.h5")) || any(ends("metadata.json")) && any(ends("config.json")):
		return errors.New("a Keras model, a .keras file" + saveKeras)
	case slices.Contains(names, "schema.json"):
		return errors.New("a skops or scikit-learn model; in Python, numpy.savez(\"net.npz\", " +
			"**{f\"W{i}\": w for i, w in enumerate(model.coefs_)}, **{f\"b{i}\": b for i, b in " +
			"enumerate(model.intercepts_)})")
	case any(ends(".npz", ".safetensors", ".json", ".gz", ".pt", ".pth", ".h5", ".keras", ".pkl")):
		return fmt.Errorf("a zip archive of other files (%s); unpack it and import the one that is the network",
			some(names, 4))
	case len(names) == 0:
		return errors.New("an archive that holds nothing" + saveArrays)
	}
	return fmt.Errorf("a zip archive without arrays (it holds %s), not npz%s", some(names, 4), saveArrays)
}

// folderError says what a folder is in whose place a file is wanted.
func folderError(path string) error {
	has := func(name string) bool {
		_, err := os.Stat(filepath.Join(path, name))
		return err == nil
	}
	switch {
	case has("run.toml"):
		return fmt.Errorf("%s is a run folder already; look at it with: neuroloupe sheet %s", path, path)
	case has("saved_model.pb"):
		return fmt.Errorf("%s is a folder, a TensorFlow SavedModel%s", path, saveKeras)
	case has("model.safetensors"):
		return fmt.Errorf("%s is a folder; name the file in it: %s", path, filepath.Join(path, "model.safetensors"))
	}
	return fmt.Errorf("%s is a folder, want a file: npz, safetensors or JSON", path)
}

// pickle is an array of pickled Python objects.
type pickle struct {
	name string
	dict bool // one object, which is a dictionary as a rule, and no list
}

// pickledError says what to do about arrays that numpy pickled.
func pickledError(pickles []pickle) error {
	var names, parts []string
	for _, p := range pickles {
		names = append(names, p.name)
		key, role := p.name+"_", labelOf(p.name, false).role
		switch {
		case role == weight:
			key = "W"
		case role == bias:
			key = "b"
		case slices.ContainsFunc(pickles, func(q pickle) bool { return labelOf(q.name, false).role != noRole }):
			continue // sizes beside weights and biases
		}
		part := fmt.Sprintf("**{%q %% i: a for i, a in enumerate(z[%q], 1)}", key+"%d", p.name)
		if p.dict {
			part = fmt.Sprintf("**z[%q].item()", p.name)
		}
		parts = append(parts, part)
	}
	return fmt.Errorf("it holds Python objects that numpy pickled (dtype object: %s), which are programs and not "+
		"data; where the file can be trusted, in Python: z = numpy.load(FILE, allow_pickle=True), then "+
		"numpy.savez(\"net.npz\", %s)",
		some(names, 6), strings.Join(parts[:min(len(parts), 6)], ", "))
}

// some names the first so many.
func some(names []string, most int) string {
	var parts []string
	for _, n := range names[:min(len(names), most)] {
		parts = append(parts, fmt.Sprintf("%.120s", n))
	}
	if len(names) > most {
		parts = append(parts, fmt.Sprintf("and %d more", len(names)-most))
	}
	return strings.Join(parts, ", ")
}
