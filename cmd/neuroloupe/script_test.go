package main

import (
	"bytes"
	"encoding/json"
	"image/gif"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
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
