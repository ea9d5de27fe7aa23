package mnist

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// own returns the plain contents of a small set of a person's own: images 2×3, labels up to 4.
func own() [roleCount][]byte {
	return [roleCount][]byte{
		idx(counting(24), 4, 2, 3), idx([]byte{0, 1, 4, 1}, 4),
		idx(counting(12), 2, 2, 3), idx([]byte{1, 3}, 2),
	}
}

// named gives the four contents the names of a folder.
func named(data [roleCount][]byte, names ...string) map[string][]byte {
	files := make(map[string][]byte)
	for role, name := range names {
		files[name] = data[role]
	}
	return files
}

func zipAll(t *testing.T, data [roleCount][]byte) [roleCount][]byte {
	for role := range data {
		data[role] = gzipped(t, data[role])
	}
	return data
}

func TestLoadFolder(t *testing.T) {
	zipped := zipAll(t, own())
	emnist := named(zipped, "emnist-letters-train-images-idx3-ubyte.gz", "emnist-letters-train-labels-idx1-ubyte.gz",
		"emnist-letters-test-images-idx3-ubyte.gz", "emnist-letters-test-labels-idx1-ubyte.gz")
	several := named(zipped, "emnist-digits-train-images-idx3-ubyte.gz", "emnist-digits-train-labels-idx1-ubyte.gz",
		"emnist-digits-test-images-idx3-ubyte.gz", "emnist-digits-test-labels-idx1-ubyte.gz")
	for name, data := range emnist {
		several[name] = data
	}
	bare := named(own(), roleNames[:]...)
	both := named(own(), roleNames[:]...)
	for role, name := range roleNames {
		both[name+".gz"] = zipped[role]
	}
	withPrefixed := named(own(), roleNames[:]...)
	for name := range emnist {
		withPrefixed[name] = []byte("not even IDX")
	}
	numbers := []string{"0", "1", "2", "3", "4"}
	letters := []string{"a", "b", "c", "d", "e e"}
	with := func(files map[string][]byte, name, content string) map[string][]byte {
		more := map[string][]byte{name: []byte(content)}
		for name, data := range files {
			more[name] = data
		}
		return more
	}
	stored := cmpopts.IgnoreFields(File{}, "RawSHA256")
	tests := []struct {
		name    string
		files   map[string][]byte
		prefix  string // added to the folder
		classes []string
		first   string // file of the training images
	}{
		{"official names", bare, "", numbers, roleNames[0]},
		{"official names, gzip", named(zipped, "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
			"t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"), "", numbers, roleNames[0] + ".gz"},
		{"dots", named(own(), "train-images.idx3-ubyte", "train-labels.idx1-ubyte", "t10k-images.idx3-ubyte",
			"t10k-labels.idx1-ubyte"), "", numbers, "train-images.idx3-ubyte"},
		{
			"test for t10k, mixed storage", named([roleCount][]byte{zipped[0], own()[1], own()[2], zipped[3]},
				"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte", "test-images-idx3-ubyte",
				"test-labels-idx1-ubyte.gz"),
			"", numbers, roleNames[0] + ".gz",
		},
		{"the name lies about gzip", named(zipped, roleNames[:]...), "", numbers, roleNames[0]},
		{"EMNIST's prefix", emnist, "", numbers, "emnist-letters-train-images-idx3-ubyte.gz"},
		{
			"one of several by its prefix", several, "emnist-letters", numbers,
			"emnist-letters-train-images-idx3-ubyte.gz",
		},
		{"capitals", named(own(), "Train-Images-IDX3-UByte", "Train-Labels-IDX1-UByte", "T10K-Images-IDX3-UByte",
			"T10K-Labels-IDX1-UByte"), "", numbers, "Train-Images-IDX3-UByte"},
		{"plain and gzip side by side, as torchvision leaves them", both, "", numbers, roleNames[0] + ".gz"},
		{"plain names before prefixed ones", withPrefixed, "", numbers, roleNames[0]},
		{"class names", with(bare, "classes.txt", "a\nb\nc\nd\ne e\n"), "", letters, roleNames[0]},
		{
			"class names from Windows", with(bare, "classes.txt", "\ufeffa\r\nb\r\nc\r\nd \r\ne e"), "", letters,
			roleNames[0],
		},
		{
			"more class names than labels", with(bare, "classes.txt", "a\nb\nc\nd\ne e\nf"), "",
			append(letters[:5:5], "f"), roleNames[0],
		},
		{"other files about", with(bare, "README.md", "hello"), "", numbers, roleNames[0]},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "digits")
			write(t, dir, tt.files)
			if err := os.Mkdir(filepath.Join(dir, "old-train-images-idx3-ubyte"), 0o755); err != nil {
				t.Fatal(err)
			}
			got, err := (&library{}).load(t.Context(), filepath.Join(dir, tt.prefix), Options{})
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range got.Files {
				data := tt.files[f.Name]
				if f.Path != filepath.Join(dir, f.Name) || f.SHA256 != sum(data) || f.RawSHA256 != sum(own()[i]) ||
					f.Bytes != int64(len(data)) {
					t.Errorf("file %d: %+v", i, f)
				}
			}
			if got.Files[0].Name != tt.first {
				t.Errorf("training images from %s, want %s", got.Files[0].Name, tt.first)
			}
			wantName := "digits"
			if tt.prefix != "" {
				wantName = tt.prefix
			}
			want := &Dataset{
				Name:   wantName,
				Train:  &Set{counting(24), []uint8{0, 1, 4, 1}, Grey(2, 3), tt.classes},
				Test:   &Set{counting(12), []uint8{1, 3}, Grey(2, 3), tt.classes},
				Files:  got.Files,
				Origin: "folder " + dir,
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if files, err := Fetch(t.Context(), filepath.Join(dir, tt.prefix), Options{}); err != nil ||
				!cmp.Equal(files, got.Files, stored) {
				t.Errorf("Fetch: %v, %v", files, err)
			}
		})
	}
}

func TestLoadFolderErrors(t *testing.T) {
	good := func() map[string][]byte { return named(own(), roleNames[:]...) }
	change := func(role int, data []byte) map[string][]byte {
		files := good()
		files[roleNames[role]] = data
		return files
	}
	with := func(name, content string) map[string][]byte {
		files := good()
		files[name] = []byte(content)
		return files
	}
	without := func(role int) map[string][]byte {
		files := good()
		delete(files, roleNames[role])
		return files
	}
	several := named(own(), "a-train-images-idx3-ubyte", "a-train-labels-idx1-ubyte", "b-train-images-idx3-ubyte",
		"b-train-labels-idx1-ubyte")
	tests := []struct {
		name   string
		files  map[string][]byte
		path   string // below the folder
		format bool   // a *FormatError
		parts  []string
	}{
		{"empty folder", nil, "", false, []string{"no IDX files in DIR: looked for " +
			"[PREFIX-]train-images-idx3-ubyte[.gz]", "found nothing"}},
		{"other files", map[string][]byte{"a.png": nil, "b.png": nil}, "", false, []string{"found a.png, b.png"}},
		{"training labels missing", without(trainLabels), "", false, []string{
			"no train-labels-idx1-ubyte in DIR: looked for ",
			"found t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, train-images-idx3-ubyte",
		}},
		{"test images missing", without(testImages), "", false, []string{"no t10k-images-idx3-ubyte in DIR"}},
		{"several sets", several, "", false, []string{"DIR holds the files of several sets: name one of them, DIR/a, " +
			"DIR/b"}},
		{"a prefix that is not there", several, "c", false, []string{"there is no folder DIR/c, and no IDX file's " +
			"name starts so", "found a-train-images"}},
		{
			"test and t10k", with("test-images-idx3-ubyte", "x"), "", false,
			[]string{"ambiguous: t10k-images-idx3-ubyte and test-images-idx3-ubyte could each be meant"},
		},
		{
			"dash and dot", with("train-labels.idx1-ubyte", "x"), "", false,
			[]string{"ambiguous: train-labels-idx1-ubyte and train-labels.idx1-ubyte"},
		},
		{
			"labels for images", change(testImages, own()[testLabels]), "", true,
			[]string{"DIR/t10k-images-idx3-ubyte: offset 3: want 2 to 4 dimensions"},
		},
		{"too few labels", change(trainLabels, idx([]byte{0, 1, 4}, 3)), "", true, []string{
			"DIR/train-labels-idx1-ubyte: offset 4: want 4 labels, one for each image of " +
				"DIR/train-images-idx3-ubyte, got 3: ",
		}},
		{
			"too many test labels", change(testLabels, idx([]byte{0, 1, 4}, 3)), "", true,
			[]string{"DIR/t10k-labels-idx1-ubyte: offset 4: want 2 labels", "got 3"},
		},
		{"sizes differ", change(testImages, idx(counting(12), 2, 3, 2)), "", true, []string{
			"DIR/t10k-images-idx3-ubyte: offset 8: want images of 2×3 as in DIR/train-images-idx3-ubyte, got 3×2: ",
		}},
		{
			"empty set", change(trainImages, idx(nil, 0, 2, 3)), "", true,
			[]string{"DIR/train-images-idx3-ubyte: offset 4: want a size of at least 1, got 0: the file holds no " +
				"images"},
		},
		{"too few class names", with("classes.txt", "a\nb\nc\nd"), "", true, []string{
			"DIR/train-labels-idx1-ubyte: offset 10: want a label below 4, the number of class names, got 4: give a " +
				"name for every label",
		}},
		{
			"an empty class name", with("classes.txt", "a\nb\n\nd\ne"), "", false,
			[]string{"DIR/classes.txt: line 3 is empty"},
		},
		{"no class names", with("classes.txt", "\n"), "", false, []string{"DIR/classes.txt: line 1 is empty"}},
		{
			"a class name twice", with("classes.txt", "a\nb\nc\nb\ne"), "", false,
			[]string{`DIR/classes.txt: line 4: "b" is already the name of class 1`},
		},
		{
			"257 class names", with("classes.txt", strings.Repeat("x\n", 257)), "", false,
			[]string{"want at most 256 class names, got 257"},
		},
		{
			"class names not text", with("classes.txt", "\xff\xfe"), "", false,
			[]string{"DIR/classes.txt: want at most 65536 bytes of UTF-8 text"},
		},
		{
			"class names too long", with("classes.txt", strings.Repeat("x", 1<<16+1)), "", false,
			[]string{"want at most 65536 bytes"},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, tt.files)
			_, err := Load(t.Context(), filepath.Join(dir, tt.path), Options{})
			if err == nil {
				t.Fatal("no error")
			}
			text := strings.ReplaceAll(err.Error(), dir, "DIR")
			for _, part := range tt.parts {
				if !strings.HasPrefix(text, "mnist: ") || !strings.Contains(text, part) {
					t.Errorf("got  %s\nwant …%s…", text, part)
				}
			}
			var format *FormatError
			if errors.As(err, &format) != tt.format {
				t.Errorf("a *FormatError: %v, want %v: %v", !tt.format, tt.format, err)
			}
			if got := names(t, dir); len(got) != len(tt.files) {
				t.Errorf("the folder has changed: %v", got)
			}
		})
	}
}

func TestLoadNames(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	write(t, dir, map[string][]byte{"file": nil})
	tests := []struct {
		name, arg string
		o         Options
		want      string
	}{
		{"unknown", "fasion", Options{}, `mnist: "fasion" is neither a data set (mnist, fashion) nor a folder`},
		{"empty", "", Options{}, "no data set is named: give one of mnist, fashion, or a folder"},
		{"folder of a folder that is not there", filepath.Join(dir, "a", "b"), Options{}, "nor a folder"},
		{"a file", file, Options{}, file +
			" is an empty file; data sets are read as a folder of four IDX files so far"},
		{"two folders", dir, Options{Dir: dir}, "two folders are given"},
		{"Dir that is not there", "mnist", Options{Dir: filepath.Join(dir, "a", "b")}, filepath.Join(dir, "a")},
		{"negative stall", "mnist", Options{Stall: -1}, "stall time: want 0 (30 s) or more, got -1ns"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := Load(t.Context(), tt.arg, tt.o)
			_, fetchErr := Fetch(t.Context(), tt.arg, tt.o)
			_, verifyErr := Verify(t.Context(), tt.arg, tt.o)
			for _, err := range []error{err, fetchErr, verifyErr} {
				if err == nil || !strings.HasPrefix(err.Error(), "mnist: ") || !strings.Contains(err.Error(), tt.want) {
					t.Errorf("got  %v\nwant …%s…", err, tt.want)
				}
			}
		})
	}
}

func TestLoadDirInPlaceOfAKnownSet(t *testing.T) {
	set, files := tiny(t)
	l := &library{sets: []official{set}}
	dir := t.TempDir()
	write(t, dir, named(own(), roleNames[:]...))
	got, err := l.load(t.Context(), "tiny", Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if got.Name != "tiny" || got.Train.Cols != 3 || got.Origin != "folder "+dir || got.Train.Classes[4] != "4" {
		t.Errorf("other files: got %+v", got)
	}

	dir = t.TempDir()
	write(t, dir, files)
	if got, err = l.load(t.Context(), dir, Options{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(set.classes, got.Train.Classes); diff != "" {
		t.Errorf("class names of official files in a folder (-want +got):\n%s", diff)
	}
}

func TestLoadFolderCancelled(t *testing.T) {
	dir := t.TempDir()
	write(t, dir, named(own(), roleNames[:]...))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Load(ctx, dir, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Load: %v", err)
	}
	if _, err := Fetch(ctx, dir, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Fetch: %v", err)
	}
	if _, err := Verify(ctx, dir, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Verify: %v", err)
	}
}
