package mnist

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
)

// ensure returns the four files of an official set, from the cache or else from the first source that has them, and
// where they came from in words.
func (l *library) ensure(ctx context.Context, set official, o Options) (files [roleCount]kept, origin string, err error) {
	folder, err := cacheFolder(set, o)
	if err != nil {
		return files, "", err
	}
	want := set.files(folder)
	have, err := readCache(want, o)
	if err != nil {
		return files, "", err
	}
	origins := []string{}
	if slices.ContainsFunc(have[:], func(k *kept) bool { return k != nil && k.data != nil }) {
		origins = append(origins, "cache "+folder)
	}
	if slices.Contains(have[:], nil) {
		if err := os.MkdirAll(folder, 0o755); err != nil {
			return files, "", &cacheError{err}
		}
	}
	var attempts []Attempt
	for _, src := range l.sources(set, o) {
		if !slices.Contains(have[:], nil) {
			break
		}
		fetched, failed, err := fill(ctx, src, want, &have, o)
		if err != nil {
			return files, "", err
		}
		if fetched > 0 {
			origins = append(origins, src.String())
		}
		if failed != nil {
			o.notice("%s: %s", failed.Source, trimPackage(failed.Err))
			attempts = append(attempts, *failed)
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

// fill asks one source for the files that are still missing, until it fails. The failure is returned as failed when
// another source may help, as err when none can.
func fill(ctx context.Context, src source, want []File, have *[roleCount]*kept, o Options) (fetched int, failed *Attempt, err error) {
	defer src.close()
	o.notice("fetching from %s", src)
	for role, f := range want {
		if have[role] != nil {
			continue
		}
		k, err := fetchFile(ctx, src, f, o)
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
func fetchFile(ctx context.Context, src source, f File, o Options) (kept, error) {
	for again := false; ; again = true {
		body, err := src.open(ctx, f.Name)
		if err != nil {
			return kept{}, err
		}
		k, err := keep(body, f, f.Name, o)
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
