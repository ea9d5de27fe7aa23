package mnist

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"neuroloupe/engine/atomicfile"
)

// source is a place that has the files of an official set.
type source interface {
	// String names the place.
	String() string
	// open returns the bytes of a file; the caller closes it. temp is a folder that it may use, the same one each time.
	open(ctx context.Context, file, temp string) (io.ReadCloser, error)
}

// sources returns the places that have a set, in the order in which they are asked.
func (l *library) sources(set official, o Options) []source {
	var list []source
	if set.module != "" {
		list = append(list, &folderSource{name: "Go module " + set.module, locate: l.goModule(set, o)})
	}
	if set.aptFolder != "" {
		list = append(list, &folderSource{
			name:   fmt.Sprintf("folder %s of the package %s", set.aptFolder, set.aptPackage),
			locate: set.installed,
		})
	}
	if o.Offline {
		return list
	}
	if set.aptPackage != "" {
		list = append(list, &folderSource{name: "apt-get download " + set.aptPackage, locate: l.aptPackage(set)})
	}
	for _, base := range set.mirrors {
		stall := o.Stall
		if stall == 0 {
			stall = 30 * time.Second
		}
		list = append(list, mirror{base: base, client: l.client, stall: stall})
	}
	return list
}

// folderSource is a folder with the files, which may first have to be brought about.
type folderSource struct {
	name   string
	locate func(ctx context.Context, temp string) (folder string, err error) // temp is an empty folder it may use

	folder string // empty until the first open
}

func (s *folderSource) String() string { return s.name }

func (s *folderSource) open(ctx context.Context, file, temp string) (io.ReadCloser, error) {
	if s.folder == "" {
		work, err := os.MkdirTemp(temp, "source-")
		if err != nil {
			return nil, &cacheError{err: err}
		}
		if s.folder, err = s.locate(ctx, work); err != nil {
			return nil, err
		}
	}
	return atomicfile.Open(filepath.Join(s.folder, file))
}

// runner runs a program in a folder with further environment variables and returns its standard output. The error ends
// with the start of what the program said on standard error, on one line.
type runner func(ctx context.Context, dir string, env []string, name string, args ...string) ([]byte, error)

func runCommand(ctx context.Context, dir string, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	withChildren(cmd)
	cmd.WaitDelay = 2 * time.Second // where a grandchild cannot be ended, it may hold the pipes
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	switch {
	case errors.Is(err, exec.ErrNotFound):
		err = fmt.Errorf("%s is not on the PATH", name)
	case err != nil:
		said := []rune(strings.Join(strings.Fields(stderr.String()), " "))
		err = fmt.Errorf("%s %s: %w: %s", name, args[0], err, string(said[:min(len(said), 300)]))
	}
	return stdout.Bytes(), err
}

// goSettings are the go command's for a download. Where modules come from, how they are checked and where they are kept
// is the person's to say; what is set here is for building, and would make the command fail, look for another project,
// or fetch another go.
func goSettings(flags string) []string {
	keep := "-mod=mod" // an empty GOFLAGS would let go env -w's in
	if slices.Contains(strings.Fields(flags), "-modcacherw") {
		keep += " -modcacherw"
	}
	return []string{
		"GOFLAGS=" + keep, "GO111MODULE=on", "GOWORK=off", "GOTOOLCHAIN=local", "GOROOT=", "GOEXPERIMENT=none",
		"GOFIPS140=off",
	}
}

// goModule finds the folder of a Go module through the go command, so that the person's own proxy, checksum database
// and module cache are used.
func (l *library) goModule(set official, o Options) func(context.Context, string) (string, error) {
	return func(ctx context.Context, temp string) (string, error) {
		// A go.mod of its own keeps go from a project that the folder for temporary files may be in.
		if err := os.WriteFile(filepath.Join(temp, "go.mod"), []byte("module data\n"), 0o600); err != nil {
			return "", err
		}
		env := goSettings(os.Getenv("GOFLAGS"))
		if o.Offline {
			env = append(env, "GOPROXY=off")
		}
		out, err := l.run(ctx, temp, env, "go", "mod", "download", "-json", set.module)
		var module struct{ Dir, Error string }
		if json.Unmarshal(out, &module) == nil && module.Error != "" {
			return "", errors.New(strings.TrimPrefix(module.Error, set.module+": ")) // clearer than the exit status
		}
		if err != nil {
			return "", err
		}
		if module.Dir == "" {
			return "", errors.New("go mod download names no folder")
		}
		return filepath.Join(module.Dir, set.moduleFolder), nil
	}
}

// installed finds the folder that the Debian package installs.
func (o official) installed(context.Context, string) (string, error) {
	is, err := isFolder(o.aptFolder)
	if err == nil && !is {
		err = errors.New("not installed")
	}
	return o.aptFolder, err
}

// aptPackage downloads and unpacks a Debian package without installing it, which needs no root.
func (l *library) aptPackage(set official) func(context.Context, string) (string, error) {
	return func(ctx context.Context, temp string) (string, error) {
		if _, err := l.run(ctx, temp, nil, "apt-get", "download", set.aptPackage); err != nil {
			return "", err
		}
		packages, err := filepath.Glob(filepath.Join(temp, "*.deb"))
		if err != nil || len(packages) != 1 {
			return "", fmt.Errorf("apt-get download left %d packages, want 1", len(packages))
		}
		if _, err := l.run(ctx, temp, nil, "dpkg-deb", "-x", packages[0], temp); err != nil {
			return "", err
		}
		return filepath.Join(temp, set.aptFolder), nil
	}
}
