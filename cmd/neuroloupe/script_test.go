package main

import (
	"bytes"
	"encoding/json"
	"image/gif"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"

	"neuroloupe/engine/safetensors"
)

// scriptFrames: frames FILE N checks that it is a GIF or an animated PNG of N frames.
func scriptFrames(ts *testscript.TestScript, neg bool, args []string) {
	data := []byte(ts.ReadFile(args[0]))
	n := bytes.Count(data, []byte("fcTL"))
	if strings.HasSuffix(args[0], ".gif") {
		g, err := gif.DecodeAll(bytes.NewReader(data))
		ts.Check(err)
		n = len(g.Image)
	}
	if strconv.Itoa(n) != args[1] {
		ts.Fatalf("%s has %d frames, want %s", args[0], n, args[1])
	}
}

// scriptNumbers: numbers FILE.json NAME… checks that these arrays are what the file holds.
func scriptNumbers(ts *testscript.TestScript, neg bool, args []string) {
	var all map[string]json.RawMessage
	ts.Check(json.Unmarshal([]byte(ts.ReadFile(args[0])), &all))
	var names []string
	for name := range all {
		names = append(names, name)
	}
	slices.Sort(names)
	want := slices.Sorted(slices.Values(args[1:]))
	if !slices.Equal(names, want) {
		ts.Fatalf("%s holds %v, want %v", args[0], names, want)
	}
}

// scriptOlder: older RUN… makes a run folder what the program wrote before formats had sums: format 1.
func scriptOlder(ts *testscript.TestScript, neg bool, args []string) {
	edit := func(path, pattern, with string) {
		ts.Check(os.WriteFile(path, regexp.MustCompile(pattern).ReplaceAll([]byte(ts.ReadFile(path)), []byte(with)),
			0o666))
	}
	for _, run := range args {
		path := func(name string) string { return ts.MkAbs(filepath.Join(run, name)) }
		edit(path("run.toml"), `(?m)^ *raw_sha256 = .*\n|^sha256 = .*\n`, "")
		edit(path("run.toml"), `(?m)^format = 3$`, "format = 1")
		edit(path("metrics.jsonl"), `,"crc32c":"[0-9a-f]+"`, "")
		for _, name := range []string{"initial", "weights", "checkpoint", "frames"} {
			file := path(name + ".safetensors")
			tensors, meta, err := safetensors.ReadFile(file)
			ts.Check(err)
			delete(meta, "settings_sha256")
			if name == "frames" {
				tensors = slices.DeleteFunc(tensors, func(t safetensors.Tensor) bool { return strings.Contains(t.Name, ".") })
			}
			ts.Check(safetensors.WriteFile(file, tensors, meta))
		}
	}
}
