//go:build gpu && linux && amd64

package sim

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// BuildEnv is the environment variable that says how the simulator is built: "asan" with AddressSanitizer, "race" with
// the search for races, anything else plainly.
const BuildEnv = "NEUROLOUPE_SIM_BUILD"

// Build compiles the simulator with the kernels of cuda/kernels and any more files of kernels, and returns its path.
// What was built from the same sources by the same compiler is used again. Without g++ the test is skipped.
func Build(t testing.TB, more ...string) string {
	t.Helper()
	compiler, err := exec.LookPath("g++")
	if err != nil {
		t.Skip("the driver simulator is built with g++, which is not here")
	}
	building.Lock() // the tests of a process share a build
	defer building.Unlock()
	path, err := build(compiler, more)
	if err != nil {
		t.Fatalf("building the driver simulator: %v", err)
	}
	return path
}

var building sync.Mutex

func build(compiler string, more []string) (string, error) {
	root, err := moduleRoot()
	if err != nil {
		return "", err
	}
	cuda := filepath.Join(root, "cuda")
	hash, err := SourceHash(filepath.Join(cuda, "kernels"))
	if err != nil {
		return "", err
	}
	args := []string{
		"-std=c++17", "-O2", "-g", "-march=native", "-ffp-contract=off", "-fPIC", "-Wall", "-Wno-unknown-pragmas",
		"-DNEUROLOUPE_SIM", `-DSOURCE_SHA256="` + hash + `"`,
		"-I" + filepath.Join(cuda, "sim"), "-I" + filepath.Join(cuda, "include"), "-I" + filepath.Join(cuda, "kernels"),
	}
	// A card wants what is read as one to be aligned as one.
	kernelArgs := []string{"-fsanitize=alignment", "-fsanitize-undefined-trap-on-error"}
	var linkArgs []string
	switch os.Getenv(BuildEnv) {
	case "asan":
		if !strings.Contains(os.Getenv("LD_PRELOAD"), "libasan") {
			return "", fmt.Errorf("%s=asan needs LD_PRELOAD=$(g++ -print-file-name=libasan.so)", BuildEnv)
		}
		kernelArgs = append(kernelArgs, "-fsanitize=address")
		linkArgs = []string{"-fsanitize=address"}
	case "race":
		args = append(args, "-DNEUROLOUPE_SIM_RACE")
		kernelArgs = append(kernelArgs, "-fsanitize=thread")
	}
	sources, err := filepath.Glob(filepath.Join(cuda, "sim", "libcuda", "*.cpp"))
	if err != nil {
		return "", err
	}
	for i, m := range more {
		if more[i], err = filepath.Abs(m); err != nil {
			return "", err
		}
	}

	key, err := buildKey(compiler, slices.Concat(args, kernelArgs, linkArgs), cuda, more)
	if err != nil {
		return "", err
	}
	folder, err := cacheFolder()
	if err != nil {
		return "", err
	}
	library := filepath.Join(folder, key+".so")
	unlock, err := lock(library + ".lock") // the tests of other packages wait, and use it too
	if err != nil {
		return "", err
	}
	defer unlock()
	if _, err := os.Stat(library); err == nil {
		return library, nil
	}

	work, err := os.MkdirTemp(folder, "build")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(work)
	unit := filepath.Join(work, "kernels.cpp")
	if err := os.WriteFile(unit, kernelUnit(more), 0o600); err != nil {
		return "", err
	}
	objects := make([]string, len(sources)+1)
	errs := make([]error, len(objects))
	var wg sync.WaitGroup
	for i, source := range append(sources, unit) {
		objects[i] = filepath.Join(work, fmt.Sprintf("%d.o", i))
		one := slices.Concat(args, []string{"-c", "-o", objects[i], source})
		if source == unit {
			one = append(one, kernelArgs...)
		}
		wg.Go(func() { errs[i] = run(compiler, one...) })
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return "", err
		}
	}
	// The kernels' static variables are the shared memory of a block.
	if err := run("objcopy", "--rename-section", ".bss=sim_shared", objects[len(sources)]); err != nil {
		return "", err
	}
	made := filepath.Join(work, "libcuda.so.1")
	link := slices.Concat([]string{"-shared", "-Wl,-soname,libcuda.so.1", "-Wl,-Bsymbolic", "-Wl,-z,defs", "-o", made},
		linkArgs, objects)
	if err := run(compiler, link...); err != nil {
		return "", err
	}
	return library, os.Rename(made, library)
}

// lock waits until no other process has the lock of that file, and takes it.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { f.Close() }, nil
}

// kernelUnit returns the source of all kernels as one. They are in a namespace without a name, so that the shared
// memory of templates belongs to the file, as all other does, and not to the program.
func kernelUnit(more []string) []byte {
	var b strings.Builder
	b.WriteString("#include \"device_sim.h\"\nnamespace {\n#include \"kernels.cu\"\n#include \"fleet.cu\"\n")
	for _, m := range more {
		fmt.Fprintf(&b, "#include %q\n", m)
	}
	b.WriteString("}\n")
	return []byte(b.String())
}

func run(name string, args ...string) error {
	c := exec.Command(name, args...)
	c.Env = append(os.Environ(), "LD_PRELOAD=") // which is for the test
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w\n%s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// SourceHash returns the sha256 of the kernels' sources in a folder, as cuda/kernels/mkptx.sh writes it into the PTX:
// of all *.cu and *.h, one after the other in the order of their names.
func SourceHash(folder string) (string, error) {
	files, err := os.ReadDir(folder)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	for _, f := range files { // sorted by name
		if ext := filepath.Ext(f.Name()); ext != ".cu" && ext != ".h" {
			continue
		}
		data, err := os.ReadFile(filepath.Join(folder, f.Name()))
		if err != nil {
			return "", err
		}
		h.Write(data)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// buildKey returns a name for what is built: it changes with the sources, the flags and the compiler.
func buildKey(compiler string, args []string, cuda string, more []string) (string, error) {
	version, err := exec.Command(compiler, "--version").Output()
	if err != nil {
		return "", err
	}
	h := sha256.New()
	fmt.Fprintf(h, "%s\n%q\n", version, args)
	files := slices.Clone(more)
	for _, pattern := range []string{"sim/*.h", "sim/libcuda/*", "include/*.h", "kernels/*.cu", "kernels/*.h"} {
		found, err := filepath.Glob(filepath.Join(cuda, filepath.FromSlash(pattern)))
		if err != nil {
			return "", err
		}
		files = append(files, found...)
	}
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(h, "%s %d\n", f, len(data))
		h.Write(data)
	}
	return hex.EncodeToString(h.Sum(nil))[:32], nil
}

// cacheFolder returns a folder for temporary files that no other user can write to, because what lies in it is run.
func cacheFolder() (string, error) {
	folder := filepath.Join(os.TempDir(), fmt.Sprintf("neuroloupe-sim-%d", os.Getuid()))
	if err := os.Mkdir(folder, 0o700); err != nil && !os.IsExist(err) {
		return "", err
	}
	info, err := os.Lstat(folder)
	if err != nil {
		return "", err
	}
	if !info.IsDir() || info.Mode().Perm() != 0o700 || !owned(info) {
		return os.MkdirTemp("", "neuroloupe-sim")
	}
	return folder, nil
}

// moduleRoot returns the folder of go.mod, which is above the tests of the module.
func moduleRoot() (string, error) {
	start, err := os.Getwd()
	for dir := start; err == nil; dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", fmt.Errorf("no go.mod in %s or above", start)
		}
	}
	return "", err
}
