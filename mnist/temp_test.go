//go:build unix && !solaris && !aix

package mnist

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestHelperTemp is a process that holds a folder for a fetch until it is killed.
func TestHelperTemp(t *testing.T) {
	cache := os.Getenv("MNIST_TEST_TEMP")
	if cache == "" {
		return
	}
	path, _, err := makeTemp(cache)
	if err == nil {
		err = os.WriteFile(filepath.Join(path, "half"), []byte("half a file"), 0o600)
	}
	fmt.Println(path, err)
	io.Copy(io.Discard, os.Stdin) // until killed
}

// TestKilledFetchLeavesNothing: the next fetch removes what a killed one left, and never what one that lives is
// writing.
func TestKilledFetchLeavesNothing(t *testing.T) {
	set, files := tiny(t)
	cache := t.TempDir()
	folder := filepath.Join(cache, "tiny")
	write(t, folder, nil)
	start := func() (path string, kill func()) {
		cmd := exec.Command(os.Args[0], "-test.run=^TestHelperTemp$")
		cmd.Env = append(os.Environ(), "MNIST_TEST_TEMP="+folder)
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		out, err := cmd.StdoutPipe()
		if err == nil {
			err = cmd.Start()
		}
		if err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(out).ReadString('\n')
		path, failed, _ := strings.Cut(strings.TrimSpace(line), " ")
		if err != nil || failed != "<nil>" {
			t.Fatalf("%q, %v", line, err)
		}
		kill = func() {
			cmd.Process.Kill()
			cmd.Wait()
			in.Close()
		}
		t.Cleanup(kill)
		return path, kill
	}
	living, end := start()
	killed, kill := start()
	kill()
	old := time.Now().Add(-48 * time.Hour)
	write(t, folder, map[string][]byte{"." + hard + ".1.part": []byte("of an earlier version"), "." + hard +
		".2.part": []byte("perhaps in use")})
	if err := os.Chtimes(filepath.Join(folder, "."+hard+".1.part"), old, old); err != nil {
		t.Fatal(err)
	}
	s := serve(t, files, nil)
	set.mirrors = []string{s.base()}
	l := &library{sets: []official{set}, client: s.Client()}
	if _, err := l.fetch(t.Context(), "tiny", Options{Cache: cache}); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(killed); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("what the killed fetch left is still there: %v", err)
	}
	if _, err := os.Stat(filepath.Join(living, "half")); err != nil {
		t.Errorf("what a living fetch is writing is gone: %v", err)
	}
	end()
	if _, err := l.fetch(t.Context(), "tiny", Options{Cache: cache}); err != nil {
		t.Fatal(err)
	}
	files["."+hard+".2.part"] = []byte("perhaps in use")
	checkCache(t, cache, files)
}

// TestCancelEndsAllThatWasStarted: a program that a cancelled fetch waits for ends with what it has started itself,
// which else holds its output open.
func TestCancelEndsAllThatWasStarted(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go"), []byte("#!/bin/sh\necho $$ >started\nsleep 1000 &\nwait\n"),
		0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	done := make(chan error, 1)
	go func() {
		_, err := runCommand(ctx, dir, nil, filepath.Join(dir, "go"), "mod")
		done <- err
	}()
	for {
		if text, err := os.ReadFile(filepath.Join(dir, "started")); err == nil && len(text) > 0 {
			break
		}
		select {
		case err := <-done:
			t.Fatalf("it did not start: %v", err)
		case <-time.After(time.Millisecond):
		}
	}
	cancel()
	if err := <-done; err == nil || errors.Is(err, exec.ErrWaitDelay) {
		t.Errorf("got %v, want that it was killed and its output closed", err)
	}
}
