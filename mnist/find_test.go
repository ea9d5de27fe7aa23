package mnist

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestFindFiles lays files out as people find them; each says of itself which file of which set it is.
func TestFindFiles(t *testing.T) {
	in := func(folder string, names ...string) []string {
		for i := range names {
			names[i] = folder + "/" + names[i]
		}
		return names
	}
	four := func(folder, ending string) []string {
		return in(folder, roleNames[0]+ending, roleNames[1]+ending, roleNames[2]+ending, roleNames[3]+ending)
	}
	each := func(folder, dash string) (files []string) {
		for _, name := range roleNames {
			files = append(files, folder+"/"+strings.Replace(name, "-idx", dash+"idx", 1)+"/"+name)
		}
		return files
	}
	join := func(lists ...[]string) (all []string) {
		for _, l := range lists {
			all = append(all, l...)
		}
		return all
	}
	tests := []struct {
		name  string
		files []string
		given string
		want  string   // the folder of the set, or part of the error
		paths []string // of the set, when it is found
	}{
		{"the folder itself", four(".", ""), ".", ".", four(".", "")},
		{"raw", four("raw", ".gz"), ".", "raw", four("raw", ".gz")},
		{
			"torchvision's root", join(four("MNIST/raw", ""), four("MNIST/raw", ".gz"),
				[]string{"MNIST/processed/training.pt"}),
			".", "MNIST/raw", four("MNIST/raw", ".gz"),
		},
		{"torchvision's MNIST", four("MNIST/raw", ""), "MNIST", "MNIST/raw", four("MNIST/raw", "")},
		{
			"torchvision's root of two sets, one asked for", join(four("MNIST/raw", ""), four("FashionMNIST/raw", "")),
			".", "FashionMNIST/raw", four("FashionMNIST/raw", ""),
		},
		{"a folder for each file", each(".", "-"), ".", ".", each(".", "-")},
		{"a folder for each file, dots", each(".", "."), ".", ".", each(".", ".")},
		{"the same in Kaggle's archive folder", each("archive", "-"), ".", "archive", each("archive", "-")},
		{
			"Kaggle's archive, which holds both", join(each(".", "-"),
				in(".", "train-images.idx3-ubyte", "train-labels.idx1-ubyte",
					"t10k-images.idx3-ubyte", "t10k-labels.idx1-ubyte")), ".", ".",
			in(".", "train-images.idx3-ubyte", "train-labels.idx1-ubyte", "t10k-images.idx3-ubyte",
				"t10k-labels.idx1-ubyte"),
		},
		{
			"a folder for each part", join(four("train", "")[:2], four("test", "")[2:]), ".", ".",
			join(four("train", "")[:2], four("test", "")[2:]),
		},
		{
			"one unpacked into a folder of its name",
			join(four(".", ".gz"), []string{roleNames[0] + "/" + roleNames[0]}), ".", ".", four(".", ".gz"),
		},
		{
			"EMNIST below, by its prefix", in("EMNIST/raw", "emnist-letters-train-images-idx3-ubyte",
				"emnist-letters-train-labels-idx1-ubyte",
				"emnist-letters-test-images-idx3-ubyte", "emnist-letters-test-labels-idx1-ubyte",
				"emnist-digits-train-images-idx3-ubyte"),
			"EMNIST-Letters", "EMNIST/raw", in("EMNIST/raw", "emnist-letters-train-images-idx3-ubyte",
				"emnist-letters-train-labels-idx1-ubyte",
				"emnist-letters-test-images-idx3-ubyte", "emnist-letters-test-labels-idx1-ubyte"),
		},
		{"the nearer of two", join(four(".", ""), four("backup", "")), ".", ".", four(".", "")},
		{"a whole set below a part of one", join(four(".", "")[:1], four("raw", "")), ".", "raw", four("raw", "")},
		{
			"leavings of other systems", join(four("raw", ""), in("raw", "._train-images-idx3-ubyte", ".DS_Store"),
				four("__MACOSX", "")[:1]),
			".", "raw", four("raw", ""),
		},

		{
			"two equally near", join(four("a", ""), four("b", "")), ".",
			"DIR holds the files of several sets: name one of them, DIR/a, DIR/b", nil,
		},
		{
			"two of a role", join(each(".", "-"), in("copy", roleNames[0])), ".",
			"mnist: DIR: ambiguous: copy/train-images-idx3-ubyte and " +
				"train-images-idx3-ubyte/train-images-idx3-ubyte could each be meant: leave one", nil,
		},
		{"too far down", four("a/b/c", ""), ".", "no IDX files in DIR: looked for " +
			"[PREFIX-]train-images-idx3-ubyte[.gz], train-labels-idx1-ubyte, and the same with t10k- or test-, there " +
			"and up to two folders down; found a", nil},
		{"a part below", four("raw", "")[:3], ".", "no t10k-labels-idx1-ubyte in DIR/raw: looked for ", nil},
		{"a file of a set", four(".", ""), roleNames[2], "DIR/t10k-images-idx3-ubyte is one file of a data set: give " +
			"the folder that it is in, DIR", nil},
		{"nothing", nil, "none/below", "there is no folder DIR/none/below, nor DIR/none", nil},
		{"hidden folders", four(".cache", ""), ".", "no IDX files in DIR", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			for _, name := range tt.files {
				write(t, filepath.Join(dir, filepath.Dir(name)), map[string][]byte{filepath.Base(name): []byte(name)})
			}
			got, err := findFiles(filepath.Join(dir, tt.given), []string{"fashionmnist"})
			if tt.paths == nil {
				if err == nil {
					t.Fatalf("got %v, want an error", got)
				}
				text := filepath.ToSlash(strings.ReplaceAll(err.Error(), dir, "DIR"))
				if !strings.HasPrefix(text, "mnist: ") || !strings.Contains(text, tt.want) {
					t.Errorf("got  %s\nwant …%s…", text, tt.want)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := found{folder: filepath.Join(dir, tt.want)}
			for role, name := range tt.paths {
				want.paths[role] = filepath.Join(dir, name)
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(found{})); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

// TestFindFilesIsNoWildSearch: a folder with many folders is not gone through, and that is said.
func TestFindFilesIsNoWildSearch(t *testing.T) {
	dir := t.TempDir()
	for i := range maxFolders + 1 {
		write(t, filepath.Join(dir, string(rune('a'+i/26))+string(rune('a'+i%26))), map[string][]byte{"x": nil})
	}
	write(t, filepath.Join(dir, "zz"), named(own(), roleNames[:]...))
	_, err := findFiles(dir, nil)
	if err == nil || !strings.Contains(err.Error(), "only the first 200 folders were looked in: name the one that "+
		"holds the files") {
		t.Errorf("got %v", err)
	}
}

// TestMissingIsErrNotExist: what is not there is told from what cannot be looked at.
func TestMissingIsErrNotExist(t *testing.T) {
	dir := t.TempDir()
	closed := t.TempDir()
	write(t, filepath.Join(closed, "sub"), named(own(), roleNames[:]...))
	for _, path := range []string{dir, filepath.Join(dir, "none"), filepath.Join(dir, "a", "b")} {
		if _, err := findFiles(path, nil); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v, want fs.ErrNotExist", path, err)
		}
	}
	if err := os.Chmod(filepath.Join(closed, "sub"), 0); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Chmod(filepath.Join(closed, "sub"), 0o700) })
	if _, err := os.ReadDir(filepath.Join(closed, "sub")); err == nil {
		t.Skip("this user may read everything")
	}
	for _, path := range []string{closed, filepath.Join(closed, "sub"), filepath.Join(closed, "sub", "x")} {
		if _, err := findFiles(path, nil); !errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: got %v, want that it may not be read", path, err)
		}
	}
}
