package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
)

// Call is a call that is about a file or folder below [Command.Root].
type Call struct {
	Name  string // of the system call: openat, write, …
	File  string // path in Root, random parts of its name as ~; "." is Root itself
	Path  string // the same as it is
	To    string // for a rename, the new path in Root as it is
	K     int    // how many calls of this Name and File there have been, this one included
	N     int    // how many calls there have been in all, this one included
	Bytes int    // asked for, of a read or a write
	Makes bool   // it opens a file that it may create
}

// String names the call as another run of the program will name it, whatever its threads do: its place among those
// about the same file.
func (c Call) String() string { return fmt.Sprintf("%s_%s_%d", c.Name, c.File, c.K) }

// Writes reports whether the call gives a file bytes.
func (c Call) Writes() bool {
	switch c.Name {
	case "write", "pwrite64", "writev", "copy_file_range", "sendfile":
		return true
	}
	return false
}

// Reads reports whether the call takes bytes from a file.
func (c Call) Reads() bool { return c.Name == "read" || c.Name == "pread64" }

// Changes reports whether the call changes what is on the disk.
func (c Call) Changes() bool {
	switch c.Name {
	case "renameat", "renameat2", "mkdirat", "unlinkat", "ftruncate", "truncate",
		"fchmod", "fchmodat", "linkat", "symlinkat", "fallocate":
		return true
	}
	return c.Makes || c.Writes()
}

// NeedsRoom reports whether the call can fail because the disk is full.
func (c Call) NeedsRoom() bool {
	switch c.Name {
	case "renameat", "renameat2", "mkdirat", "fsync", "fdatasync", "linkat", "symlinkat", "fallocate":
		return true
	}
	return c.Makes || c.Writes()
}

// Fault is what is to happen to a call. The zero value is nothing.
type Fault struct {
	Errno syscall.Errno // it fails with this, having done nothing; close closes all the same, as the kernel's does
	Half  bool          // it is asked for half as many bytes; a read or a write
	Kill  Moment        // the process is killed
}

// Moment is when the process is killed.
type Moment int

// Moments.
const (
	Never Moment = iota
	Before
	After
)

// Command is a program to run.
type Command struct {
	Path           string   // of the program
	Args           []string // without the program's name
	Dir            string   // it runs in
	Env            []string
	Stdout, Stderr *os.File // nil is nowhere

	// Root is the folder whose files are counted, whole and without links in it.
	Root string
	// Decide says what is to happen to a call, before it is made; nil is nothing.
	Decide func(Call) Fault
	// Done is told each call that has succeeded, while the program stands still.
	Done func(Call)
	// KillAt is the system call, of any kind, of all threads, before which the process is killed; 0 is none.
	KillAt int
}

// Result is how a program ended.
type Result struct {
	Exit   int            // the exit code; -1 when a signal ended it
	Signal syscall.Signal // that ended it
	Hung   bool           // it was ended because it took too long
	Calls  []Call         // about files below Root
	Total  int            // system calls of any kind
}

// String says how a program ended.
func (r Result) String() string {
	switch {
	case r.Hung:
		return "it hung"
	case r.Exit < 0:
		return r.Signal.String()
	}
	return "exit " + strconv.Itoa(r.Exit)
}

// random are the parts of names that differ from run to run: of temporary files beside their target, and in TMPDIR.
var random = regexp.MustCompile(`\.[0-9a-z]{6,}\.(tmp|part)$|(neuroloupe|\.fetch)-[0-9]+`)

// Temporary reports whether a path has the name of a temporary file, or is in a temporary folder.
func Temporary(path string) bool { return random.MatchString(path) }

// inRoot returns a path below root as it is and without what is random; ok is false for one elsewhere.
func inRoot(root, path string) (rel, label string, ok bool) {
	path = filepath.Clean(strings.TrimSuffix(path, " (deleted)"))
	if path == root {
		return ".", ".", true
	}
	rel, ok = strings.CutPrefix(path, root+"/")
	return rel, random.ReplaceAllString(rel, "~"), ok
}
