package mnist

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// idxName matches the names of MNIST's page, of torchvision, of EMNIST and their kin: a prefix, the part, the kind and
// the format, with '-', '.' or '_' between them.
var idxName = regexp.MustCompile(`(?i)^(?:(.*)[-._])?(train|test|t10k)[-._](images|labels)[-._]idx[0-9]?(?:-[a-z0-9]+)?(\.gz)?$`)

// lookedFor is how errors describe those names.
const lookedFor = "[PREFIX-]train-images-idx3-ubyte[.gz], train-labels-idx1-ubyte, and the same with t10k- or test-"

const (
	classesFile    = "classes.txt"
	maxClasses     = 256 // labels are bytes
	maxClassesFile = 1 << 16
)

// loadFolder reads the set of a person's own folder.
func (l *library) loadFolder(ctx context.Context, p place, o Options) (*Dataset, error) {
	paths, err := findFiles(p.folder)
	if err != nil {
		return nil, err
	}
	classes, err := readClasses(filepath.Join(filepath.Dir(paths[0]), classesFile))
	if err != nil {
		return nil, err
	}
	var in [roleCount]input
	var opened [roleCount]*hashingFile
	for role, path := range paths {
		in[role].name = path
		if !o.wants(role) {
			continue
		}
		if opened[role], err = openHashing(ctx, path); err != nil {
			return nil, err
		}
		defer opened[role].f.Close()
		in[role].r = opened[role]
	}
	raw, err := decode(ctx, in)
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
	d := &Dataset{Name: p.set.name, Train: train, Test: test, Origin: "folder " + filepath.Dir(paths[0])}
	if d.Name == "" {
		d.Name = filepath.Base(absolute(p.folder))
	}
	for role, f := range opened {
		if f == nil {
			d.Files = append(d.Files, File{Name: filepath.Base(paths[role]), Path: paths[role]})
			continue
		}
		d.Files = append(d.Files, f.file())
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

// findFiles returns the paths of the four files in a folder, or of those that start with a prefix when folder ends in
// one. With no prefix asked for, plain names go before prefixed ones.
func findFiles(folder string) (paths [roleCount]string, err error) {
	dir, prefix := absolute(folder), ""
	if !isFolder(dir) {
		dir, prefix = filepath.Dir(dir), filepath.Base(dir)
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return paths, fmt.Errorf("mnist: %w", err)
	}
	found := make(map[string]*[roleCount][]string) // prefix → role → paths
	var prefixes, names []string
	for _, e := range entries {
		names = append(names, e.Name())
		m := idxName.FindStringSubmatch(e.Name())
		if m == nil || prefix != "" && m[1] != prefix {
			continue
		}
		path := filepath.Join(dir, e.Name())
		if info, err := os.Stat(path); err != nil || !info.Mode().IsRegular() {
			continue
		}
		role := trainImages
		if !strings.EqualFold(m[2], "train") {
			role = testImages
		}
		if strings.EqualFold(m[3], "labels") {
			role++
		}
		if found[m[1]] == nil {
			found[m[1]] = new([roleCount][]string)
			prefixes = append(prefixes, m[1])
		}
		found[m[1]][role] = append(found[m[1]][role], path)
	}
	chosen := found[""]
	switch {
	case chosen != nil:
	case len(prefixes) == 1:
		chosen = found[prefixes[0]]
	case len(prefixes) > 1:
		return paths, fmt.Errorf("mnist: %s holds the files of several sets: name one of them, %s", folder,
			list(joinAll(dir, prefixes)))
	case prefix != "":
		return paths, fmt.Errorf("mnist: there is no folder %s, and no IDX file's name starts so: looked for %s; found %s",
			folder, lookedFor, list(names))
	default:
		return paths, fmt.Errorf("mnist: no IDX files in %s: looked for %s; found %s", folder, lookedFor, list(names))
	}
	for role, candidates := range chosen {
		path, err := only(candidates)
		if err != nil {
			return paths, fmt.Errorf("mnist: %s: %w", folder, err)
		}
		if path == "" {
			return paths, fmt.Errorf("mnist: no %s in %s: looked for %s; found %s", roleNames[role], folder, lookedFor, list(names))
		}
		paths[role] = path
	}
	return paths, nil
}

// only returns the one path of a role, or "" for none. A file and its own .gz are one: the .gz is taken, because gzip
// carries a checksum.
func only(candidates []string) (string, error) {
	switch {
	case len(candidates) == 0:
		return "", nil
	case len(candidates) == 1:
		return candidates[0], nil
	case len(candidates) == 2 && candidates[0]+".gz" == candidates[1]:
		return candidates[1], nil
	}
	names := make([]string, len(candidates))
	for i, path := range candidates {
		names[i] = filepath.Base(path)
	}
	return "", fmt.Errorf("ambiguous: %s could each be meant: leave one", strings.Join(names, " and "))
}

// readClasses returns the class names of a file, one a line, or nil when there is no such file.
func readClasses(path string) ([]string, error) {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
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
		return nil, fmt.Errorf("mnist: %s: want at most %d bytes of UTF-8 text, a class name a line", path, maxClassesFile)
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

// hashingFile hashes a file as it is read.
type hashingFile struct {
	f    *os.File
	ctx  context.Context // for this one reading
	hash hash.Hash
	n    int64 // bytes read
	size int64 // bytes when it was opened
}

func openHashing(ctx context.Context, path string) (*hashingFile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("mnist: %w", err)
	}
	info, err := f.Stat()
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("mnist: %w", err)
	}
	return &hashingFile{f: f, ctx: ctx, hash: sha256.New(), size: info.Size()}, nil
}

// Read reads from the file until the context ends.
func (f *hashingFile) Read(p []byte) (int, error) {
	if f.ctx.Err() != nil {
		return 0, context.Cause(f.ctx)
	}
	n, err := f.f.Read(p)
	f.hash.Write(p[:n])
	f.n += int64(n)
	return n, err
}

// Len returns the bytes left, for [ReadImages].
func (f *hashingFile) Len() int { return int(max(0, f.size-f.n)) }

// file describes what was read.
func (f *hashingFile) file() File {
	path := f.f.Name()
	return File{Name: filepath.Base(path), Path: path, SHA256: hex.EncodeToString(f.hash.Sum(nil)), Bytes: f.n}
}

// hashFile describes the file at path.
func hashFile(ctx context.Context, path string) (File, error) {
	f, err := openHashing(ctx, path)
	if err != nil {
		return File{}, err
	}
	defer f.f.Close()
	if _, err := io.Copy(io.Discard, f); err != nil {
		return File{}, fmt.Errorf("mnist: %s: %w", path, err)
	}
	return f.file(), nil
}

func isFolder(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// absolute makes a path absolute, or leaves it when there is no working directory.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

func joinAll(dir string, names []string) []string {
	paths := make([]string, len(names))
	for i, name := range names {
		paths[i] = filepath.Join(dir, name)
	}
	return paths
}

// list joins names for an error, a dozen at most.
func list(names []string) string {
	const most = 12
	switch {
	case len(names) == 0:
		return "nothing"
	case len(names) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
	}
	return strings.Join(names, ", ")
}
