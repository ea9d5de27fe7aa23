package runs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"

	"github.com/BurntSushi/toml"

	"neuroloupe/cuda"
	"neuroloupe/engine"
	"neuroloupe/engine/atomicfile"
)

// Manifest is run.toml: everything needed to repeat a run. A key must be there unless it is one of those that are left
// out when they are empty.
type Manifest struct {
	Format  int       `toml:"format"`           // of the run folder, at most FormatVersion
	SHA256  string    `toml:"sha256,omitempty"` // of all the rest; not in folders older than sumsSince
	Version string    `toml:"version"`
	Created time.Time `toml:"created"`
	Import  *Import   `toml:"import,omitempty"` // where the network came from; nil for one trained here
	Device  Device    `toml:"device"`
	Data    Data      `toml:"data"`
	Train   Recipe    `toml:"train"`
}

const (
	// FormatVersion is the version of the run folder that this program makes. It reads and goes on with all before it.
	FormatVersion = 3

	// sumsSince is the first version whose run.toml carries its sum, whose files say which settings they belong to, and
	// whose checkpoint is there from the start.
	sumsSince = 2

	// wholeSince is the first version whose frames may have the whole network, see [Folder.FramesLack].
	wholeSince = 3
)

const maxManifest = 256 << 20 // bytes of run.toml, which lists pixels

// Import is where a network that was made elsewhere came from.
type Import struct {
	File   string   `toml:"file"` // as it was named
	SHA256 string   `toml:"sha256"`
	Form   string   `toml:"form"`             // what kind of file it was, in words
	Layout string   `toml:"layout"`           // which way round its weights were: in-out or out-in
	Layers []string `toml:"layers,omitempty"` // what it called them
	// the pixels of its training were (pixel/255 − Mean)/Std, which is folded into layer 1;
	Mean float64 `toml:"mean"`
	Std  float64 `toml:"std"` // 0 and 1 when they were taken as they are

	Transpose bool   `toml:"transpose,omitempty"` // what its images were is folded into layer 1 too
	Flip      string `toml:"flip,omitempty"`      // rows, cols, both; empty when they were not mirrored
	Invert    bool   `toml:"invert,omitempty"`
}

// Device is what a run was trained on.
type Device struct {
	ID      string `toml:"id"`
	Name    string `toml:"name"`
	Reason  string `toml:"reason"`
	Workers int    `toml:"workers"` // as asked for; 0 = one per core

	// Instructions are the instruction set of a CPU or the compute capability of a GPU, which decide how numbers are
	// rounded. Earlier versions did not write it.
	Instructions string `toml:"instructions,omitempty"`
	// Also are other devices that the run has gone on with, each as its ID and instructions.
	Also []string `toml:"also,omitempty"`

	Mode      cuda.Mode      `toml:"cuda_mode"` // as asked for
	Precision cuda.Precision `toml:"precision"`
}

// Data is what a run was trained with.
type Data struct {
	// what to load: mnist, fashion, or the path of a folder; "" = imported without data
	Name       string   `toml:"name"`
	Title      string   `toml:"title"`  // its name in print
	Folder     string   `toml:"folder"` // where --folder pointed; may be empty
	Rows       int      `toml:"rows"`
	Cols       int      `toml:"cols"`
	Classes    []string `toml:"classes,omitempty"` // names of the outputs
	Train      int      `toml:"train"`             // images
	Validation int      `toml:"validation"`
	Test       int      `toml:"test"`
	Dead       []int    `toml:"dead,omitempty"` // pixels never inked in the training images, row-major indices
	Files      []File   `toml:"files,omitempty"`
}

// File is one file of the data set.
type File struct {
	Name   string `toml:"name"`
	SHA256 string `toml:"sha256"`
	// RawSHA256 is that of what the file decompresses to. Earlier versions did not write it, so it may be missing.
	RawSHA256 string `toml:"raw_sha256,omitempty"`
}

// Spec returns the network that the manifest describes.
func (m *Manifest) Spec() (engine.Spec, error) {
	return m.Train.Spec(m.Data.Rows*m.Data.Cols, len(m.Data.Classes), m.Data.Train)
}

// DeadMask returns Data.Dead as a mask of Rows×Cols.
func (m *Manifest) DeadMask() []bool {
	mask := make([]bool, m.Data.Rows*m.Data.Cols)
	for _, i := range m.Data.Dead {
		mask[i] = true
	}
	return mask
}

// WriteManifest writes run.toml from f.Manifest.
func (f *Folder) WriteManifest() error {
	if f.Manifest.Format >= sumsSince {
		var err error
		if f.Manifest.SHA256, err = f.Manifest.sum(); err != nil {
			return err
		}
	}
	return f.replace(manifestFile, func(w io.Writer) error {
		_, err := io.WriteString(w, "# A neuroloupe run: everything needed to repeat it. --resume reads it, and its "+
			"flags change it; a change by hand is refused.\n")
		return errors.Join(err, toml.NewEncoder(w).Encode(f.Manifest))
	})
}

// readManifest reads run.toml. The error is [fs.ErrNotExist] when it is not there.
func readManifest(path string) (Manifest, error) {
	text, err := atomicfile.ReadBytes(path, maxManifest)
	if errors.Is(err, fs.ErrNotExist) {
		return Manifest{}, missingError{path}
	}
	if err != nil {
		return Manifest{}, err
	}
	m, err := parseManifest(string(text))
	if err != nil {
		return Manifest{}, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// missingError says that a file is not there.
type missingError struct{ path string }

func (e missingError) Error() string      { return e.path + " is missing" }
func (missingError) Is(target error) bool { return target == fs.ErrNotExist }

func parseManifest(text string) (m Manifest, err error) {
	if err := checkKeys(text, &m); err != nil {
		return m, err
	}
	if m.Format < 1 || m.Format > FormatVersion {
		return m, fmt.Errorf("format %d, this program reads 1 to %d", m.Format, FormatVersion)
	}
	sum := ""
	if m.Format >= sumsSince {
		if sum, err = m.sum(); err != nil {
			return m, err
		}
	}
	if m.SHA256 != sum {
		return m, fmt.Errorf("it is damaged or was changed by hand: its sha256 is %.12q, of what it says %.12q; put "+
			"it back from a copy (epochs, device and the data's folder are changed by the flags of --resume)", m.SHA256,
			sum)
	}
	if n := m.Data.Rows * m.Data.Cols; m.Data.Rows < 1 || m.Data.Cols < 1 || n > engine.MaxUnits {
		return m, fmt.Errorf("images of %d×%d", m.Data.Rows, m.Data.Cols)
	}
	for _, i := range m.Data.Dead {
		if i < 0 || i >= m.Data.Rows*m.Data.Cols {
			return m, fmt.Errorf("dead pixel %d of %d", i, m.Data.Rows*m.Data.Cols)
		}
	}
	if m.Train.Net == "" {
		return m, errors.New("no net")
	}
	_, err = m.Spec()
	return m, err
}
