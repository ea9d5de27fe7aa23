package mnist

import (
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// idxName matches the names of MNIST's page, of torchvision, of EMNIST and their kin: a prefix, the part, the kind and
// the format, with '-', '.' or '_' between them.
var idxName = regexp.MustCompile(`(?i)^(?:(.*)[-._])?(train|test|t10k)[-._](images|labels)[-._]idx[0-9]?(?:-[a-z0-9]+)?(\.gz)?$`)

// lookedFor is how errors describe those names, and where they were looked for.
const lookedFor = "[PREFIX-]train-images-idx3-ubyte[.gz], train-labels-idx1-ubyte, and the same with t10k- or test-, " +
	"there and up to two folders down"

// maxFolders bounds the folders that are read for a set, so that a home folder named by mistake is not gone through.
const maxFolders = 200

// missingError says that a set's files are not there; it is fs.ErrNotExist, unless something could not be looked at.
type missingError struct {
	text  string
	fault error // what kept from looking; nil when all was seen
}

func (e *missingError) Error() string {
	if e.fault != nil {
		return fmt.Sprintf("%s; %s", e.text, trimPackage(e.fault))
	}
	return e.text
}

func (e *missingError) Unwrap() error { return e.fault }

func (e *missingError) Is(target error) bool { return e.fault == nil && target == fs.ErrNotExist }

// candidate is a file that its name says is one of a set.
type candidate struct {
	prefix string // what its name starts with, in lower case; empty for nothing
	role   int
	path   string
}

// found is a set's files, and the folder that they were found in or below.
type found struct {
	folder string
	paths  [roleCount]string
}

// search looks for the files of a set.
type search struct {
	given  string   // the folder as it was named
	prefix string   // what the files' names must start with; empty for anything
	own    []string // names of folders that tell one set from another
	reads  int      // folders read
	fault  error    // the first thing that could not be looked at
	part   *shelf   // the first that holds some of a set
}

// shelf is what a folder holds.
type shelf struct {
	path  string
	names []string    // all
	files []candidate // those that may be a set's
	subs  []string    // paths of the folders in it, without hidden ones
	below []*shelf    // those, when they have been read
}

// findFiles finds the four files of a set: in the folder that is named; in a folder of it, as raw; spread over folders
// of it, as one for each file; or one folder further down, as in MNIST/raw. When there is no such folder, its last
// element is what the files' names start with. Nearer is better than further down, and plain names than prefixed ones;
// two sets equally near are an error, unless one alone is in a folder with a name of own.
func findFiles(folder string, own []string) (found, error) {
	dir := absolute(folder)
	s := &search{given: folder, own: own}
	is, err := isFolder(dir)
	if err != nil {
		return found{}, err
	}
	if !is {
		if err := notAFolder(folder, dir); err != nil {
			return found{}, err
		}
		dir, s.prefix = filepath.Dir(dir), filepath.Base(dir)
		if is, err = isFolder(dir); err != nil {
			return found{}, err
		} else if !is {
			return found{}, &missingError{text: fmt.Sprintf("mnist: there is no folder %s, nor %s", folder, dir)}
		}
	}
	top, err := s.read(dir)
	if err != nil {
		return found{}, fmt.Errorf("mnist: %w", err)
	}
	if f, ok, err := s.among([]*shelf{top}); ok || err != nil {
		return f, err
	}
	level := []*shelf{top}
	for range 2 {
		var next, joined []*shelf
		for _, at := range level {
			s.open(at)
			next = append(next, at.below...)
			j := &shelf{path: at.path, names: at.names, files: slices.Clone(at.files)}
			for _, b := range at.below {
				j.files = append(j.files, b.files...)
			}
			joined = append(joined, j)
		}
		if f, ok, err := s.among(next); ok || err != nil {
			return f, err
		}
		if f, ok, err := s.among(joined); ok || err != nil {
			return f, err
		}
		level = next
	}
	return found{}, s.nothing(top)
}

// read reads a folder.
func (s *search) read(dir string) (*shelf, error) {
	s.reads++
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	at := &shelf{path: dir}
	for _, e := range entries {
		name, path := e.Name(), filepath.Join(dir, e.Name())
		at.names = append(at.names, name)
		if strings.HasPrefix(name, ".") {
			continue
		}
		is := e.IsDir()
		if e.Type()&fs.ModeSymlink != 0 {
			is, err = isFolder(path)
			s.note(err)
		}
		if is {
			at.subs = append(at.subs, path)
			continue
		}
		m := idxName.FindStringSubmatch(name)
		if m == nil || s.prefix != "" && !strings.EqualFold(m[1], s.prefix) {
			continue
		}
		c := candidate{prefix: strings.ToLower(m[1]), role: trainImages, path: path}
		if !strings.EqualFold(m[2], "train") {
			c.role = testImages
		}
		if strings.EqualFold(m[3], "labels") {
			c.role++
		}
		at.files = append(at.files, c)
	}
	return at, nil
}

// open reads the folders of a folder, as long as there are not too many.
func (s *search) open(at *shelf) {
	for _, path := range at.subs {
		if s.reads >= maxFolders {
			return
		}
		b, err := s.read(path)
		if err != nil {
			s.note(err)
			continue
		}
		at.below = append(at.below, b)
	}
}

// note keeps the first thing that could not be looked at.
func (s *search) note(err error) {
	if s.fault == nil {
		s.fault = err
	}
}

// among returns the one whole set of some folders that are equally near.
func (s *search) among(shelves []*shelf) (f found, ok bool, err error) {
	var sets []found
	for _, at := range shelves {
		paths, ok, err := s.choose(at)
		switch {
		case err != nil:
			return f, false, err
		case ok:
			sets = append(sets, found{at.path, paths})
		case len(at.files) > 0 && s.part == nil:
			s.part = at
		}
	}
	if len(sets) > 1 {
		if mine := slices.DeleteFunc(slices.Clone(sets),
			func(f found) bool { return !s.isOwn(f.folder) }); len(mine) == 1 {
			sets = mine
		}
	}
	switch len(sets) {
	case 0:
		return f, false, nil
	case 1:
		return sets[0], true, nil
	}
	var folders []string
	for _, f := range sets {
		folders = append(folders, f.folder)
	}
	return f, false, s.several(folders)
}

// isOwn reports whether a folder below the one that was named is called by a name of own.
func (s *search) isOwn(folder string) bool {
	below, err := filepath.Rel(absolute(s.given), folder)
	return err == nil && slices.ContainsFunc(strings.Split(filepath.ToSlash(below), "/"), func(element string) bool {
		return slices.ContainsFunc(s.own, func(name string) bool { return strings.EqualFold(name, element) })
	})
}

func (s *search) several(names []string) error {
	return fmt.Errorf("mnist: %s holds the files of several sets: name one of them, %s", s.given, list(names))
}

// choose returns the one whole set of a folder.
func (s *search) choose(at *shelf) (paths [roleCount]string, ok bool, err error) {
	var whole []string
	for prefix, roles := range at.sets() {
		if !slices.ContainsFunc(roles[:], func(of []string) bool { return len(of) == 0 }) {
			whole = append(whole, prefix)
		}
	}
	slices.Sort(whole) // the plain names first
	if len(whole) == 0 {
		return paths, false, nil
	}
	if len(whole) > 1 && whole[0] != "" {
		return paths, false, s.several(joinAll(at.path, whole))
	}
	for role, of := range at.sets()[whole[0]] {
		if paths[role], err = only(at.path, of); err != nil {
			return paths, false, fmt.Errorf("mnist: %s: %w", s.given, err)
		}
	}
	return paths, true, nil
}

// sets are the files of a folder by their prefix and role.
func (at *shelf) sets() map[string]*[roleCount][]string {
	sets := make(map[string]*[roleCount][]string)
	for _, c := range at.files {
		if sets[c.prefix] == nil {
			sets[c.prefix] = new([roleCount][]string)
		}
		sets[c.prefix][c.role] = append(sets[c.prefix][c.role], c.path)
	}
	return sets
}

// only returns the one path of a role. A file in the folder itself goes before those below it. A file and its own .gz
// are one: the .gz is taken, because gzip carries a checksum.
func only(folder string, candidates []string) (string, error) {
	near := slices.DeleteFunc(slices.Clone(candidates), func(path string) bool { return filepath.Dir(path) != folder })
	if len(near) == 0 {
		near = candidates
	}
	if len(near) == 1 {
		return near[0], nil
	}
	if len(near) == 2 && near[0]+".gz" == near[1] {
		return near[1], nil
	}
	names := make([]string, len(near))
	for i, path := range near {
		names[i] = filepath.Base(path)
		if below, err := filepath.Rel(folder, path); err == nil {
			names[i] = below
		}
	}
	return "", fmt.Errorf("ambiguous: %s could each be meant: leave one", strings.Join(names, " and "))
}

// nothing says that no whole set was found, and what there is instead.
func (s *search) nothing(top *shelf) error {
	e := &missingError{fault: s.fault}
	if s.reads >= maxFolders {
		e.fault = fmt.Errorf("only the first %d folders were looked in: name the one that holds the files", maxFolders)
	}
	looked := func(at *shelf) string { return fmt.Sprintf(": looked for %s; found %s", lookedFor, list(at.names)) }
	switch {
	case s.part != nil:
		sets := s.part.sets()
		prefixes := slices.Sorted(maps.Keys(sets))
		if len(prefixes) > 1 && prefixes[0] != "" {
			return s.several(joinAll(s.part.path, prefixes))
		}
		role := slices.IndexFunc(sets[prefixes[0]][:], func(of []string) bool { return len(of) == 0 })
		where := s.given
		if s.part != top {
			where = s.part.path
		}
		e.text = fmt.Sprintf("mnist: no %s in %s", roleNames[role], where) + looked(s.part)
	case s.prefix != "":
		e.text = fmt.Sprintf("mnist: there is no folder %s, and no IDX file's name starts so", s.given) + looked(top)
	default:
		if err := s.foreign(top); err != nil {
			return err
		}
		e.text = "mnist: no IDX files in " + s.given + looked(top)
	}
	return e
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
