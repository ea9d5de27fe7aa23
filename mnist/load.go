package mnist

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"neuroloupe/engine/memory"
)

// Dataset is a training and a test set with the files they were read from.
type Dataset struct {
	Name        string // the name of an official set, else the last element of the folder's path
	Train, Test *Set
	Files       []File // training images, training labels, test images, test labels; those not read have no SHA256
	Origin      string // where the files came from, in words
}

// Options says where the files are to come from. The zero value takes them from the cache, and from the sources of
// [Known] what the cache lacks.
type Options struct {
	// Dir is a folder with the four IDX files, used instead of the cache and all sources; empty for none. It may end in
	// the common start of the file names where a folder holds several sets, such as DIR/emnist-letters.
	Dir string
	// Cache is the folder that keeps official files, in a folder for each set; empty for neuroloupe/data in
	// [os.UserCacheDir].
	Cache string
	// Offline leaves out every source that needs the network.
	Offline bool
	// TestOnly leaves the training images where they are: [Dataset].Train is an empty set of that image size. The test
	// images are a seventh of MNIST, and all that a look at what a network does needs.
	TestOnly bool
	// Stall is how long a download may stand still before it is given up; 0 for 30 seconds. There is no limit on the
	// whole of it.
	Stall time.Duration
	// Progress, when not nil, is called from the calling goroutine as a file arrives, with bytes done and in all. done
	// starts again from 0 when a file is fetched again.
	Progress func(file string, done, total int64)
	// Notice, when not nil, is called from the calling goroutine with a line for the person: which source is asked,
	// why one was passed over, that a file of the cache is bad.
	Notice func(line string)
}

// Validate returns an error when a field has no meaning.
func (o Options) Validate() error {
	if o.Stall < 0 {
		return fmt.Errorf("mnist: stall time: want 0 (30 s) or more, got %v", o.Stall)
	}
	return nil
}

// wants reports whether the file of a role is to be read.
func (o Options) wants(role int) bool { return role != trainImages || !o.TestOnly }

func (o Options) notice(format string, args ...any) {
	if o.Notice != nil {
		o.Notice(fmt.Sprintf(format, args...))
	}
}

func (o Options) progress(file string, done, total int64) {
	if o.Progress != nil {
		o.Progress(file, done, total)
	}
}

// library is what Load, Fetch and Verify work with; tests put their own in.
type library struct {
	sets   []official
	run    runner
	client *http.Client
}

func standard() *library {
	return &library{sets: officials(), run: runCommand, client: &http.Client{}}
}

// Load reads a data set. name is a name of [Known] or the path of a folder with four IDX files; write ./mnist for a
// folder of that name. In a folder the class names are the lines of classes.txt when it is there, the official names
// when the training labels are those of an official set, else the numbers 0, 1, ….
//
// Errors: [*FetchError] when a file cannot be had, [*ChecksumError] within it, [*FormatError] for a file that is not
// what it must be.
func Load(ctx context.Context, name string, o Options) (*Dataset, error) {
	return standard().load(ctx, name, o)
}

// Fetch puts the files of an official set into the cache, those that are not there or are not whole, and returns where
// all four are. With Options.Dir, or the path of a folder as the name, it returns the folder's files and fetches
// nothing. Options.TestOnly changes nothing here. Errors are those of [Load].
func Fetch(ctx context.Context, name string, o Options) ([]File, error) {
	return standard().fetch(ctx, name, o)
}

func (l *library) load(ctx context.Context, name string, o Options) (*Dataset, error) {
	place, err := l.place(name, o)
	if err != nil {
		return nil, err
	}
	if place.folder != "" {
		return l.loadFolder(ctx, place, o)
	}
	kept, origin, err := l.ensure(ctx, place.set, o)
	if err != nil {
		return nil, err
	}
	var in [roleCount]input
	files := make([]File, roleCount)
	for role, k := range kept {
		in[role].name = k.Path
		if o.wants(role) {
			in[role].r = bytes.NewReader(k.data)
		}
		files[role] = k.File
	}
	raw, err := decode(ctx, in, memory.Available())
	if err != nil {
		return nil, err
	}
	train, test, err := raw.sets(place.set.classes)
	if err != nil {
		return nil, err
	}
	return &Dataset{Name: place.set.name, Train: train, Test: test, Files: files, Origin: origin}, nil
}

func (l *library) fetch(ctx context.Context, name string, o Options) ([]File, error) {
	o.TestOnly = false
	place, err := l.place(name, o)
	if err != nil {
		return nil, err
	}
	if place.folder != "" {
		at, err := findFiles(place.folder, place.set.folders)
		if err != nil {
			return nil, err
		}
		files := make([]File, roleCount)
		for role, path := range at.paths {
			if files[role], err = hashFile(ctx, path); err != nil {
				return nil, err
			}
		}
		return files, nil
	}
	kept, _, err := l.ensure(ctx, place.set, o)
	if err != nil {
		return nil, err
	}
	files := make([]File, roleCount)
	for role, k := range kept {
		files[role] = k.File
	}
	return files, nil
}

// place is what a name and the options mean: an official set, a folder, or a folder that stands in for a set.
type place struct {
	set    official // set.name is empty for a folder given by its path
	folder string   // empty for the cache and the sources
}

func (l *library) place(name string, o Options) (place, error) {
	if err := o.Validate(); err != nil {
		return place{}, err
	}
	var names []string
	for _, set := range l.sets {
		if set.name == name {
			return place{set: set, folder: o.Dir}, nil
		}
		names = append(names, set.name)
	}
	if o.Dir != "" {
		return place{}, fmt.Errorf("mnist: two folders are given, %q and %q: give one of them", name, o.Dir)
	}
	known := strings.Join(names, ", ")
	if name == "" {
		return place{}, fmt.Errorf("mnist: no data set is named: give one of %s, or a folder with four IDX files",
			known)
	}
	// A folder need not exist itself: the last element may be the common start of the files' names.
	if _, err := os.Stat(name); err == nil || !errors.Is(err, os.ErrNotExist) {
		return place{folder: name}, nil
	}
	parent, err := isFolder(filepath.Dir(name))
	if err != nil {
		return place{}, err
	}
	if !parent || !strings.ContainsAny(name, `/`+string(filepath.Separator)) {
		return place{}, fmt.Errorf("mnist: %q is neither a data set (%s) nor a folder: %w", name, known, os.ErrNotExist)
	}
	return place{folder: name}, nil
}
