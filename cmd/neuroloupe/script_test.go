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
	for _, run := range args {
		ts.Check(older(ts.MkAbs(run)))
	}
}

// older makes a run folder one of format 1.
func older(run string) error {
	path := func(name string) string { return filepath.Join(run, name) }
	for _, e := range [][3]string{
		{"run.toml", `(?m)^ *raw_sha256 = .*\n|^sha256 = .*\n`, ""},
		{"run.toml", `(?m)^format = 3$`, "format = 1"},
		{"metrics.jsonl", `,"crc32c":"[0-9a-f]+"`, ""},
	} {
		text, err := os.ReadFile(path(e[0]))
		if err != nil {
			return err
		}
		text = regexp.MustCompile(e[1]).ReplaceAll(text, []byte(e[2]))
		if err := os.WriteFile(path(e[0]), text, 0o666); err != nil {
			return err
		}
	}
	for _, name := range []string{"initial", "weights", "checkpoint", "frames"} {
		file := path(name + ".safetensors")
		tensors, meta, err := safetensors.ReadFile(file)
		if err != nil {
			return err
		}
		delete(meta, "settings_sha256")
		if name == "frames" { // they had the first layer's weights alone
			tensors = slices.DeleteFunc(tensors, func(t safetensors.Tensor) bool {
				return strings.Contains(t.Name, ".")
			})
		}
		if err := safetensors.WriteFile(file, tensors, meta); err != nil {
			return err
		}
	}
	return nil
}
