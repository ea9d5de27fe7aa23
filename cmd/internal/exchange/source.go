package exchange

import (
	"archive/zip"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"neuroloupe/cmd/internal/exchange/npz"
	"neuroloupe/engine/memory"
	"neuroloupe/engine/safetensors"
)

// array is an array of a file of which nothing is in memory yet but name and shape.
type array struct {
	name  string
	shape []int // without the dimensions of 1 beyond two
	load  func() ([]float32, error)
	label
}

// newArray labels an array. A vector's values are along its one dimension that is not 1.
func newArray(name string, dims []int, load func() ([]float32, error)) array {
	shape := slices.Clone(dims)
	for len(shape) > 2 {
		one := slices.Index(shape, 1)
		if one < 0 {
			break
		}
		shape = slices.Delete(shape, one, one+1)
	}
	a := array{name: name, shape: shape, load: load}
	a.label = labelOf(name, a.matrix() && !a.vector())
	return a
}

func (a array) matrix() bool { return len(a.shape) == 2 && a.shape[0] > 0 && a.shape[1] > 0 }

func (a array) vector() bool {
	return len(a.shape) > 0 && a.len() == slices.Max(a.shape) && a.len() > 0
}

// len returns how many numbers the array has, at most math.MaxInt.
func (a array) len() int {
	n := 1
	for _, d := range a.shape {
		if d != 0 && n > math.MaxInt/d {
			return math.MaxInt
		}
		n *= d
	}
	return n
}

// contents is what a file holds.
type contents struct {
	arrays  []array
	unread  []string // what cannot be read, each with the reason in brackets
	pickled []pickle // the arrays that are pickled Python objects
	size    int64    // of the file, in bytes
	packed  bool     // it may be compressed
	hint    Layout   // the layout to take where the shapes allow both; Auto when nothing says it
	sure    bool     // hint is no guess: the file says so
	sizes   []int    // of the layers, when the file says them
}

func (c *contents) leaveOut(name, why string) {
	c.unread = append(c.unread, fmt.Sprintf("%.60s (%s)", name, why))
}

// packedMost is how many times its size a compressed file may grow. Trained weights hardly shrink; the zeros of a
// pruned network do.
const packedMost = 200

// afford checks what the arrays that are to be read will take before they are read.
func (c *contents) afford(arrays []array, o Options) error {
	var values int64
	for _, a := range arrays {
		if n := int64(a.len()); n > o.maxValues()-values {
			return fmt.Errorf("array %.60q of %s: with what is before it more than %d numbers, too many for a network",
				a.name, dims(a.shape), o.maxValues())
		}
		values += int64(a.len())
	}
	const mb = 1 << 20
	if c.packed && 4*values > packedMost*c.size+16*mb {
		return fmt.Errorf("%d bytes claim to hold %d numbers, more than %d times as much: the file is damaged, "+
			"or made to fill the memory", c.size, values, packedMost)
	}
	if most := o.affordable(); values > most {
		return fmt.Errorf("its %d numbers take about %d MB to read, and there is memory for %d MB",
			values, copies*4*values/mb+1, copies*4*most/mb)
	}
	return nil
}

// copies is how many times the numbers of a network stand in memory: as they are read, as they are turned, and as they
// are handed on.
const copies = 3

// affordable returns how many numbers there is memory for.
func (o Options) affordable() int64 {
	left := o.memory
	if left == 0 {
		left = memory.Available()
	}
	return left / (copies * 4)
}

// openNPZ lists a zip archive of numpy arrays.
func openNPZ(r io.ReaderAt, size int64) (*contents, error) {
	z, err := zip.NewReader(r, size)
	if err != nil {
		return nil, fmt.Errorf("npz: %w: the file is cut short or damaged; get it again", err)
	}
	c := &contents{size: size, packed: true}
	var names []string
	for _, f := range z.File {
		names = append(names, f.Name)
	}
	if err := notNPZ(names); err != nil {
		return nil, err
	}
	seen := make(map[string]bool)
	for _, f := range z.File {
		name, ok := strings.CutSuffix(f.Name, ".npy")
		if !ok {
			continue
		}
		if seen[name] {
			return nil, fmt.Errorf("npz: array %.60q is there twice", name)
		}
		seen[name] = true
		a, err := npz.Open(f)
		switch {
		case err != nil:
			return nil, fmt.Errorf("npz: array %.60q: %w", name, err)
		case a.Pickled:
			c.pickled = append(c.pickled, pickle{name, len(a.Shape) == 0})
			c.leaveOut(name, a.Note)
		case a.Note != "":
			c.leaveOut(name, a.Note)
		default:
			c.arrays = append(c.arrays, newArray(name, a.Shape, func() ([]float32, error) {
				data, err := a.Read(math.MaxInt32)
				if err != nil {
					return nil, fmt.Errorf("npz: array %.60q: %w", name, err)
				}
				return data, nil
			}))
		}
	}
	return c, nil
}

// maxHeader is the most bytes of a safetensors header that is read, which is some 100,000 arrays.
const maxHeader = 16 << 20

// openSafetensors lists PyTorch's tensors or ours, and returns the header's metadata.
func openSafetensors(r io.ReaderAt, size int64) (*contents, map[string]string, error) {
	var length [8]byte
	if _, err := r.ReadAt(length[:], 0); err != nil {
		return nil, nil, err
	}
	if n := binary.LittleEndian.Uint64(length[:]); n > maxHeader && int64(n) < size {
		return nil, nil, fmt.Errorf("safetensors: header of %d bytes, more arrays than fully connected layers have", n)
	}
	f, err := safetensors.Open(r, size)
	if err != nil {
		return nil, nil, err
	}
	if err := f.Verify(); err != nil {
		return nil, nil, err
	}
	c := &contents{size: size}
	for i, t := range f.Infos() {
		switch {
		case !t.Float:
			c.leaveOut(t.Name, fmt.Sprintf("its numbers are %.20q, want floating-point ones of 16, 32 or 64 bits",
				t.DType))
		case len(t.Shape) == 0:
			c.leaveOut(t.Name, "it is a single number")
		default:
			c.arrays = append(c.arrays, newArray(t.Name, t.Shape, func() ([]float32, error) { return f.Load(i) }))
		}
	}
	if f.Meta()[layoutKey] == layoutText {
		c.hint, c.sure = InOut, true
	}
	return c, f.Meta(), nil
}
