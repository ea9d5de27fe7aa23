package main

import (
	"bytes"
	"image/gif"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"neuroloupe/render"
)

// What a command writes goes by the name it is given, and what cannot be written is told before any work: a run that is
// not there is not even looked for.
func TestOutputNamesAreCheckedFirst(t *testing.T) {
	const run = "no-such-run"
	pictures := [][]string{
		{"sheet", run},
		{"why", run, "--image", "test:0"},
		{"class", run, "0"},
		{"neuron", run, "0"},
		{"templates", run},
		{"top", run},
		{"ablate", run},
		{"classes", run},
		{"attribute", run, "--image", "test:0"},
		{"dream", run},
		{"errors", run},
		{"compare", run, run},
	}
	type flag struct {
		args    []string
		name    string
		endings []string // none are all
	}
	var flags []flag
	for _, args := range pictures {
		flags = append(flags, flag{args, "-o", []string{".png"}},
			flag{args, "--data", []string{".csv", ".json", ".npz"}})
	}
	flags = append(flags,
		flag{[]string{"film", run}, "-o", []string{".gif", ".png", ".apng"}},
		flag{[]string{"report", run}, "-o", []string{".html", ".htm"}},
		flag{[]string{"runs", "sheet", run}, "-o", []string{".png"}},
		flag{[]string{"runs", "sheet", run}, "--data", []string{".csv", ".json", ".npz"}},
		flag{[]string{"runs", "report", run}, "-o", []string{".html", ".htm"}},
		flag{[]string{"export", run}, "--npz", nil},
		flag{[]string{"export", run}, "--onnx", nil},
		flag{[]string{"export", run}, "--safetensors", nil},
		flag{[]string{"bench", run}, "--plot", []string{".png"}})
	dir := t.TempDir()
	for _, d := range []string{"folder.png", "folder.csv", "folder.gif", "folder.html"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	for _, f := range flags {
		tells := func(path, want string, wantCode int) {
			t.Helper()
			out, talk, code := neuroloupe(t, append(slices.Clone(f.args), f.name, path)...)
			if code != wantCode || !strings.Contains(talk, want) || strings.Count(talk, "\n") != 1 || out != "" {
				t.Errorf("%s %s %s: exit %d, want %d; want %q in one line, got\n%s%s",
					f.args[0], f.name, path, code, wantCode, want, out, talk)
			}
		}
		ending := ".bin"
		if f.endings != nil {
			ending = f.endings[0]
		}
		for _, e := range []string{
			"", ".pdf", ".jpg", ".jpeg", ".svg", ".webp", ".tif", ".txt",
			".png", ".PNG", ".gif", ".apng", ".html", ".csv", ".json", ".npz",
		} {
			path := filepath.Join(dir, "x"+e)
			if f.endings != nil && !slices.Contains(f.endings, strings.ToLower(e)) {
				tells(path, f.name+" "+path+": want a name that ends in "+f.endings[0], exitUsage)
			} else {
				tells(path, run, exitFailed)
			}
		}
		tells(filepath.Join(dir, "none", "x"+ending), "there is no folder "+filepath.Join(dir, "none"), exitFailed)
		tells(filepath.Join(file, "x"+ending), file, exitFailed)
		tells(filepath.Join(dir, "folder"+ending)+string(filepath.Separator), "that is a folder", exitUsage)
		if ending == ".png" || ending == ".csv" || ending == ".gif" || ending == ".html" {
			tells(filepath.Join(dir, "folder"+ending), "that is a folder", exitUsage)
		}
		tells(os.DevNull, run, exitFailed)
	}
	left, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(left) != 5 {
		t.Errorf("refusing left %v behind", left)
	}
}

// "-" is standard output: it gets the file's bytes and nothing else; what is printed otherwise goes to stderr.
func TestOutputToStandardOutput(t *testing.T) {
	run, dir := trained(t, "--net", "120-6-4", "--epochs", "2"), t.TempDir()
	for _, c := range []struct {
		args []string
		name string
	}{
		{[]string{"sheet", run}, "x.png"},
		{[]string{"why", run, "--image", "test:0"}, "x.png"}, // which has a table to print, too
		{[]string{"film", run}, "x.gif"},
		{[]string{"film", run, "--apng"}, "x.png"},
		{[]string{"report", run}, "x.html"},
	} {
		file, numbers := filepath.Join(dir, c.name), filepath.Join(dir, "x.json")
		must(t, append(slices.Clone(c.args), "-o", file)...)
		out, talk, code := neuroloupe(t, append(slices.Clone(c.args), "-o", "-", "--data", numbers)...)
		if want := mustRead(t, file); code != exitDone || out != string(want) {
			t.Errorf("%v: exit %d, %d bytes on standard output, want the %d of the file: %.40q",
				c.args, code, len(out), len(want), out)
		}
		if !strings.Contains(talk, numbers) || strings.Contains(talk, "\n-\n") {
			t.Errorf("%v: stderr is %q, want the path of the numbers", c.args, talk)
		}
		var err error
		switch filepath.Ext(c.name) {
		case ".png":
			_, err = png.Decode(strings.NewReader(out))
		case ".gif":
			_, err = gif.DecodeAll(bytes.NewReader([]byte(out)))
		}
		if err != nil {
			t.Errorf("%v: %v", c.args, err)
		}
	}
	if _, err := os.Stat("-"); err == nil {
		t.Error(`a file "-" was made`)
	}
	_, talk, code := neuroloupe(t, "why", run, "--image", "test:0", "--json", "-o", "-")
	if code != exitUsage || !strings.Contains(talk, "--json and -o -") {
		t.Errorf("--json -o -: exit %d, %q", code, talk)
	}
}

// A number that is wrong is told with its flag and its limits, one that makes a picture too large with what would help.
func TestNumbersNameTheirFlags(t *testing.T) {
	run := trained(t, "--net", "120-6-4", "--epochs", "1")
	for _, c := range []struct{ args, want string }{
		{"sheet RUN --tile=-1", "--tile -1: want 1 to 32767"},
		{"sheet RUN --tile 40000", "--tile 40000: want 1 to 32767"},
		{"sheet RUN --cols=-2", "--cols -2: want 1 to 32767"},
		{"sheet RUN --top=-3", "--top -3: want 1 or more"},
		{"sheet RUN --tile 9000", "smaller --tile (now 9000) or other --cols (now "},
		{"film RUN --tile 9000", "smaller --tile (now 9000) or other --cols (now "},
		{"film RUN --every 0", "--every 0: want 1 or more"},
		{"film RUN --cols=-2", "--cols -2: want 1 to 32767"},
		{"top RUN --top 0", "--top 0: want 1 or more"},
		{"top RUN --count 0", "--count 0: want 1 or more"},
		{"neuron RUN 0 --count 0", "--count 0: want 1 or more"},
		{"class RUN 0 --top 0", "--top 0: want 1 or more"},
		{"classes RUN --top 0", "--top 0: want 1 or more"},
		{"ablate RUN --top 0", "--top 0: want 1 or more"},
		{"errors RUN --top 0", "--top 0: want 1 or more"},
		{"compare RUN RUN --top 0", "--top 0: want 1 or more"},
		{"why RUN --image test:0 --top 0", "--top 0: want 1 or more"},
		{"attribute RUN --image test:0 --steps 0", "--steps 0: want 1 or more"},
		{"dream RUN --top=-1", "--top -1: want 0 or more"},
		{"dream RUN --l2 nan", "--l2 NaN: want 0 or more, and finite"},
		{"dream RUN --tv inf", "--tv +Inf: want 0 or more, and finite"},
		{"bench RUN --runs 0", "--runs 0: want 1 or more"},
		{"bench RUN --batch 5,0", "--batch 0: want 1 or more"},
		{"bench RUN --lr nan", "--lr NaN: want 0 or more, and finite"},
		{"bench RUN --workers=-1", "--workers -1: want 0 or more"},
		{"bench RUN --to-accuracy 1.5", "--to-accuracy 1.5: want 0 to 1"},
		{"runs best RUN --n 0", "--n 0: want 1 or more"},
		{"runs sheet RUN --neurons=-1", "--neurons -1: want 1 or more"},
		{"runs report RUN --neurons=-1", "--neurons -1: want 1 or more"},
		{"serve RUN --port=-1", "--port -1: want 0 to 65535"},
		{"serve RUN --port 65536", "--port 65536: want 0 to 65535"},
		{"serve RUN --listen :65536 --token FILE", `--listen ":65536": want HOST:PORT or HOST`},
		{"train --epochs 0", "--epochs 0: want 1 or more"},
		{"train --batch 0", "--batch 0: want 1 or more"},
		{"train --lr=-1", "--lr -1: want 0 or more, and finite"},
		{"train --l2 inf", "--l2 +Inf: want 0 or more, and finite"},
		{"train --l1=-1", "--l1 -1: want 0 or more, and finite"},
		{"train --dropout 1", "--dropout 1: want 0 to below 1"},
		{"train --momentum nan", "--momentum NaN: want 0 to below 1"},
		{"train --early-stop=-1", "--early-stop -1: want 0 or more"},
		{"train --seed 9223372036854775808", "--seed 9223372036854775808: want 0 to "},
	} {
		args := strings.Fields(strings.ReplaceAll(c.args, "RUN", run))
		out, talk, code := neuroloupe(t, args...)
		last := strings.TrimSuffix(talk, "\n")
		last = last[strings.LastIndex(last, "\n")+1:]
		if code == exitDone || !strings.Contains(last, c.want) || strings.Contains(talk, "TilePx") {
			t.Errorf("%s: exit %d, want %q, got\n%s%s", c.args, code, c.want, out, talk)
		}
	}
	size := &render.SizeError{Width: 32472, Height: 3678}
	said := tooLarge(size, []flagNumber{sizing("--top", 10), sizing("--count", 300)}).Error()
	for _, want := range []string{"32472×3678", "use a smaller --top (now 10) or a smaller --count (now 300)"} {
		if !strings.Contains(said, want) {
			t.Errorf("a picture that is too large: %s, want %q", said, want)
		}
	}
}
