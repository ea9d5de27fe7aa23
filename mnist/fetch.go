package mnist

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
)

// ensure returns the four files of an official set, from the cache or else from the first source that has them, and
// where they came from in words.
func (l *library) ensure(ctx context.Context, set official, o Options) (files [roleCount]kept, origin string,
	err error,
) {
	folder, err := cacheFolder(set, o)
	if err != nil {
		return files, "", err
	}
	want := set.files(folder)
	if !o.Offline { // which only looks
		sweep(folder)
	}
	have, bad, err := readCache(ctx, want, o)
	if err != nil {
		return files, "", err
	}
	origins := []string{}
	if slices.ContainsFunc(have[:], func(k *kept) bool { return k != nil && k.data != nil }) {
		origins = append(origins, "cache "+folder)
	}
	var attempts []Attempt
	var damaged *ChecksumError
	for role, b := range bad {
		if b != nil {
			damaged = b
			attempts = append(attempts, Attempt{Source: "the cache", File: want[role].Name, Err: b})
		}
	}
	if slices.Contains(have[:], nil) {
		from, tried, err := l.fetchMissing(ctx, set, want, &have, o)
		origins, attempts = append(origins, from...), append(attempts, tried...)
		var cache *cacheError
		switch {
		case errors.As(err, &cache) && o.Offline: // what is not there and cannot be put there is only missing
			attempts = append(attempts, Attempt{Source: "the cache", File: folder, Err: cache.err})
		case errors.As(err, &cache) && damaged != nil:
			return files, "", &cacheError{err: fmt.Errorf("%w, and it cannot be replaced: %w", damaged, cache.err)}
		case err != nil:
			return files, "", err
		}
	}
	var missing []string
	for role, k := range have {
		if k == nil {
			missing = append(missing, want[role].Name)
			continue
		}
		files[role] = *k
	}
	if missing != nil {
		advice := set.advice
		if o.Offline {
			advice = "go online once, or " + advice
		}
		return files, "", &FetchError{Set: set.title, Files: missing, Attempts: attempts, Advice: advice}
	}
	return files, strings.Join(origins, " and "), nil
}

// fetchMissing gets the files that are still missing from the sources that have them, and returns which did, and which
// did not and why.
func (l *library) fetchMissing(ctx context.Context, set official, want []File, have *[roleCount]*kept, o Options) (
	from []string, tried []Attempt, err error,
) {
	folder := filepath.Dir(want[0].Path)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, nil, &cacheError{err: err}
	}
	temp, remove, err := makeTemp(folder)
	if err != nil {
		return nil, nil, &cacheError{err: err}
	}
	defer func() {
		// What it had to do is done, but it leaves something behind.
		if failed := remove(); failed != nil && err == nil {
			err = &cacheError{err: failed}
		}
	}()
	for _, src := range l.sources(set, o) {
		if !slices.Contains(have[:], nil) {
			break
		}
		fetched, failed, err := fill(ctx, src, want, have, temp, o)
		if err != nil {
			return from, tried, err
		}
		if fetched > 0 {
			from = append(from, src.String())
		}
		if failed != nil {
			o.notice("%s: %s", failed.Source, trimPackage(failed.Err))
			tried = append(tried, *failed)
		}
	}
	return from, tried, nil
}

// fill asks one source for the files that are still missing, until it fails. The failure is returned as failed when
// another source may help, as err when none can.
func fill(ctx context.Context, src source, want []File, have *[roleCount]*kept, temp string, o Options) (
	fetched int, failed *Attempt, err error,
) {
	o.notice("fetching from %s", src)
	for role, f := range want {
		if have[role] != nil {
			continue
		}
		k, err := fetchFile(ctx, src, f, temp, o)
		var cache *cacheError
		switch {
		case ctx.Err() != nil:
			return fetched, nil, fmt.Errorf("mnist: fetching %s stopped: %w", f.Name, context.Cause(ctx))
		case errors.As(err, &cache):
			return fetched, nil, err
		case err != nil:
			return fetched, &Attempt{Source: src.String(), File: f.Name, Err: err}, nil
		}
		have[role] = &k
		fetched++
	}
	return fetched, nil, nil
}

// fetchFile gets one file into the cache. A copy that arrives damaged is fetched once more.
func fetchFile(ctx context.Context, src source, f File, temp string, o Options) (kept, error) {
	for again := false; ; again = true {
		body, err := src.open(ctx, f.Name, temp)
		if err != nil {
			return kept{}, err
		}
		k, err := keep(ctx, body, f, f.Name, temp, o)
		body.Close()
		var bad *ChecksumError
		damaged := errors.As(err, &bad) || errors.Is(err, io.ErrUnexpectedEOF)
		if !damaged || again {
			return k, err
		}
		o.notice("%s: the copy from %s is dropped and fetched again", trimPackage(err), src)
	}
}

// parallel calls f(0), …, f(n-1) at the same time and returns when all have.
func parallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { f(i) })
	}
	wg.Wait()
}

// trimPackage returns an error's text without the package prefix, for use inside a longer line.
func trimPackage(err error) string { return strings.TrimPrefix(err.Error(), "mnist: ") }
