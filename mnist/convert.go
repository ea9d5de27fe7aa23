package mnist

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"neuroloupe/engine/atomicfile"
)

// Lines of Python that write four IDX files into the folder idx, for what cannot be read yet. They stand in double
// quotes on a command line, with the path behind them, so they have no '"', '$', '`', '!' or '\'. i makes n×rows×cols
// bytes of images, square when their shape does not say.
const (
	pythonWrite = "import os,sys,numpy as n;os.makedirs('idx',exist_ok=True);" +
		"w=lambda f,a:open('idx/'+f,'wb').write(" +
		"bytes([0,0,8,a.ndim])+n.array(a.shape,'>u4').tobytes()+a.astype('u1').tobytes());" +
		"i=lambda a:(a*255 if a.max()<=1 else a).reshape(len(a),int((a.size//len(a))**.5),-1);" +
		"s=lambda t,u,v,y:(w('train-images-idx3-ubyte',i(t)),w('train-labels-idx1-ubyte',u.ravel())," +
		"w('t10k-images-idx3-ubyte',i(v)),w('t10k-labels-idx1-ubyte',y.ravel()));"
	pythonNPZ   = pythonWrite + "d=n.load(sys.argv[1]);s(d['x_train'],d['y_train'],d['x_test'],d['y_test'])"
	pythonTable = pythonWrite +
		"a=n.loadtxt(sys.argv[1],delimiter=',',skiprows=%d);k=len(a)*5//6;s(a[:k,1:],a[:k,0],a[k:,1:],a[k:,0])"
	// Every sixth picture is for testing where there is no folder for those.
	pythonPictures = pythonWrite + "from PIL import Image as I;from glob import glob as g;r,v=sys.argv[1:];" +
		"c=sorted(e.name for e in os.scandir(r) if e.is_dir());" +
		"l=lambda r:[(p,k) for k,x in enumerate(c) for p in sorted(g(r+'/'+x+'/*.*'))];t,u=l(r),l(v);" +
		"t,u=(t,u) if r!=v else ([p for j,p in enumerate(t) if j%6],t[::6]);" +
		"m=lambda q:n.stack([n.array(I.open(p).convert('L')) for p,k in q]);y=lambda q:n.array([k for p,k in q]);" +
		"s(m(t),y(t),m(u),y(u));open('idx/classes.txt','w').write(chr(10).join(c))"
)

// python is such a line as it is typed. What it makes is read as the folder idx.
func python(line, needs string, paths ...string) string {
	text := `python3 -c "` + line + `"`
	for _, p := range paths {
		if strings.ContainsFunc(p, func(r rune) bool {
			return !strings.ContainsRune("/\\:._-+=,@%", r) &&
				!isWord(r)
		}) {
			p = "'" + strings.ReplaceAll(p, "'", `'\''`) + "'"
		}
		text += " " + p
	}
	return text + " (it needs " + needs + "), and give the folder idx"
}

func isWord(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r > 0x7f
}

// notAFolder says what a file is that was named in place of a folder; nil when there is none.
func notAFolder(name, path string) error {
	if _, err := os.Stat(path); err != nil && isNothing(err) {
		return nil
	}
	const soFar = "data sets are read as a folder of four IDX files so far"
	f, err := atomicfile.Open(path)
	if err != nil {
		return fmt.Errorf("mnist: %w; %s", err, soFar)
	}
	defer f.Close()
	head := make([]byte, sniffed)
	n, err := io.ReadFull(f, head)
	if err != nil && err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("mnist: %w", err)
	}
	head = head[:n]
	isIDX := n > 3 && head[0] == 0 && head[1] == 0 && elementType(head[2]) == unsignedByte
	if isIDX || idxName.MatchString(filepath.Base(path)) {
		return fmt.Errorf("mnist: %s is one file of a data set: give the folder that it is in, %s", name,
			filepath.Dir(name))
	}
	k := what(head)
	switch k.name {
	case "":
		return fmt.Errorf("mnist: %s is a file, not a folder; %s", name, soFar)
	case "a numpy archive":
		return fmt.Errorf("mnist: %s is a numpy archive%s; %s: convert it with %s",
			name, arrays(path), soFar, python(pythonNPZ, "numpy", name))
	case "a table of text":
		skip := 0
		if line, _, _ := strings.Cut(string(head), "\n"); strings.ContainsAny(line, "abcdefghijklmnopqrstuvwxyz") {
			skip = 1
		}
		return fmt.Errorf("mnist: %s is a table of text; %s: if it has a label and then the pixels in every line, "+
			"convert it with %s", name, soFar, python(fmt.Sprintf(pythonTable, skip), "numpy", name))
	}
	return fmt.Errorf("mnist: %s is %s; %s: %s", name, k.name, soFar, k.hint)
}

// arrays names the arrays of a numpy archive; "" when they cannot be told.
func arrays(path string) string {
	z, err := zip.OpenReader(path)
	if err != nil {
		return ""
	}
	defer z.Close()
	var names []string
	for _, f := range z.File {
		names = append(names, strings.TrimSuffix(f.Name, ".npy"))
	}
	text := " of " + list(names)
	for _, want := range []string{"x_train", "y_train", "x_test", "y_test"} {
		if !slices.Contains(names, want) {
			return text + " (put these names for x_train, y_train, x_test and y_test below)"
		}
	}
	return text
}

// foreign says of a folder without IDX files that it holds a data set in another form; nil when it does not look so.
func (s *search) foreign(top *shelf) error {
	for _, name := range top.names {
		switch strings.ToLower(filepath.Ext(name)) {
		case ".npz", ".csv":
			return notAFolder(filepath.Join(s.given, name), filepath.Join(top.path, name))
		case ".parquet":
			return fmt.Errorf("mnist: %s holds Parquet tables (%s); data sets are read as IDX files so far: write "+
				"its images and labels as four IDX files", s.given, name)
		}
	}
	classes, train, test := pictures(top), s.given, s.given
	for _, part := range top.below {
		inside := pictures(part)
		switch base := strings.ToLower(filepath.Base(part.path)); {
		case len(inside) == 0:
		case strings.HasPrefix(base, "train"):
			classes, train = inside, filepath.Join(s.given, filepath.Base(part.path))
		case strings.HasPrefix(base, "test"), strings.HasPrefix(base, "val") && test == s.given:
			test = filepath.Join(s.given, filepath.Base(part.path))
		}
	}
	if len(classes) == 0 {
		return nil
	}
	if train == s.given || test == s.given {
		test = train
	}
	return fmt.Errorf("mnist: %s holds a folder of pictures for each class (%s); data sets are read as IDX files so "+
		"far: if all have one size, convert them with %s", s.given, list(classes),
		python(pythonPictures, "numpy and Pillow", train, test))
}

// pictures names the folders of a folder that hold pictures.
func pictures(at *shelf) (classes []string) {
	for _, sub := range at.below {
		if slices.ContainsFunc(sub.names, isPicture) {
			classes = append(classes, filepath.Base(sub.path))
		}
	}
	return classes
}

func isPicture(name string) bool {
	switch strings.ToLower(filepath.Ext(name)) {
	case ".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff":
		return true
	}
	return false
}
