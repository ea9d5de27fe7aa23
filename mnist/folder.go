package mnist

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"unicode/utf8"

	"neuroloupe/engine/atomicfile"
	"neuroloupe/engine/memory"
)

const (
	classesFile    = "classes.txt"
	maxClasses     = 256 // labels are bytes
	maxClassesFile = 1 << 16
)

// loadFolder reads the set of a person's own folder.
func (l *library) loadFolder(ctx context.Context, p place, o Options) (*Dataset, error) {
	at, err := findFiles(p.folder, p.set.folders)
	if err != nil {
		return nil, err
	}
	classes, err := p.classes(at)
	if err != nil {
		return nil, err
	}
	var in [roleCount]input
	var opened [roleCount]*hashingFile
	for role, path := range at.paths {
		in[role].name = path
		if !o.wants(role) {
			continue
		}
		if opened[role], err = openHashing(ctx, path); err != nil {
			return nil, err
		}
		defer opened[role].f.Close()
		in[role].r, in[role].hash = opened[role], true
	}
	raw, err := decode(ctx, in, memory.Available())
	if err != nil {
		return nil, err
	}
	if classes == nil {
		classes = l.recognise(raw)
	}
	train, test, err := raw.sets(classes)
	if err != nil {
		return nil, err
	}
	d := &Dataset{Name: p.set.name, Train: train, Test: test, Origin: "folder " + at.folder}
	if d.Name == "" {
		d.Name = filepath.Base(absolute(p.folder))
	}
	for role, f := range opened {
		if f == nil {
			d.Files = append(d.Files, File{Name: filepath.Base(at.paths[role]), Path: at.paths[role]})
			continue
		}
		d.Files = append(d.Files, f.file(raw.raw[role]))
	}
	return d, nil
}

// recognise returns the class names of the official set that has these training labels, else nil. The labels are
// compared, not the files, so that it does not matter how they are compressed, nor whether the images were altered.
func (l *library) recognise(d *decoded) []string {
	labels := d.labels[trainLabels]
	h := sha256.New()
	n := len(labels)
	h.Write([]byte{0, 0, byte(unsignedByte), 1, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)})
	h.Write(labels)
	sum := hex.EncodeToString(h.Sum(nil))
	for _, set := range l.sets {
		if set.pins[trainLabels].rawSHA256 == sum {
			return set.classes
		}
	}
	return nil
}

// classes returns the class names beside the files of a set, or in the folder that was named for it; nil for none.
func (p place) classes(at found) ([]string, error) {
	classes, err := readClasses(filepath.Join(at.folder, classesFile))
	if named := absolute(p.folder); err == nil && classes == nil && named != at.folder {
		classes, err = readClasses(filepath.Join(named, classesFile))
	}
	return classes, err
}

// readClasses returns the class names of a file, one a line, or nil when there is no such file.
func readClasses(path string) ([]string, error) {
	f, err := atomicfile.Open(path)
	if err != nil && isNothing(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("mnist: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxClassesFile+1))
	if err != nil {
		return nil, fmt.Errorf("mnist: %w", err)
	}
	if len(text) > maxClassesFile || !utf8.Valid(text) {
		return nil, fmt.Errorf("mnist: %s: want at most %d bytes of UTF-8 text, a class name a line", path,
			maxClassesFile)
	}
	classes := strings.Split(strings.TrimSpace(strings.TrimPrefix(string(text), "\ufeff")), "\n")
	if len(classes) > maxClasses {
		return nil, fmt.Errorf("mnist: %s: want at most %d class names, got %d", path, maxClasses, len(classes))
	}
	for i, name := range classes {
		name = strings.TrimSpace(name)
		if name == "" {
			return nil, fmt.Errorf("mnist: %s: line %d is empty: give each class a name", path, i+1)
		}
		if j := slices.Index(classes[:i], name); j >= 0 {
			return nil, fmt.Errorf("mnist: %s: line %d: %q is already the name of class %d", path, i+1, name, j)
		}
		classes[i] = name
	}
	return classes, nil
}
