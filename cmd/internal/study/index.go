package study

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"

	"neuroloupe/cmd/internal/runs"
	"neuroloupe/engine/atomicfile"
)

// The index of a folder is a line that says what it is and its sum, and then a JSON object:
//
//	neuroloupe runs index, sha256 0badcafe…
//	{"format":1,"written":…,"settings":[…],"device":[…],"runs":{"NAME":{"stamps":[…],"facts":{…}}}}
//
// Nothing depends on it. What cannot be read, is damaged or of another version counts as not there.

const (
	// IndexFile is the name of the index in a folder that was listed.
	IndexFile = ".runs-index.json"

	indexFormat = 1
	indexTitle  = "neuroloupe runs index, sha256 "
	maxIndex    = 1 << 30 // bytes

	// worthIndex is how many runs a folder must hold to get an index: of fewer, everything is read in a moment.
	worthIndex = 64

	// young is how old a file must have been when it was read to be told from a later one of the same size by its
	// time: file systems count time in steps, of up to two seconds.
	young = 2 * time.Second
)

// stamps say whether the files that the facts come from are still those that were read: time of change in nanoseconds
// and size of run.toml and metrics.jsonl, zeros for a file that is not there.
type stamps [4]int64

func stampsOf(path string) (s stamps) {
	for i, name := range []string{runs.ManifestFile, runs.MetricsFile} {
		if info, err := os.Stat(filepath.Join(path, name)); err == nil {
			s[2*i], s[2*i+1] = info.ModTime().UnixNano(), info.Size()
		}
	}
	return s
}

// entry is what is known of a run.
type entry struct {
	Stamps stamps `json:"stamps"`
	Facts  Facts  `json:"facts"`
}

type index struct {
	Format   int              `json:"format"`
	Written  time.Time        `json:"written"` // when reading began
	Settings []string         `json:"settings"`
	Device   []string         `json:"device"`
	Runs     map[string]entry `json:"runs"`
}

// readIndex returns what the index of a folder knows and may be trusted with; nil for nothing.
func readIndex(folder string) map[string]entry {
	data, err := atomicfile.ReadBytes(filepath.Join(folder, IndexFile), maxIndex)
	if err != nil {
		return nil
	}
	head, body, _ := bytes.Cut(data, []byte("\n"))
	if string(head) != titleOf(body) {
		return nil
	}
	var ix index
	if json.Unmarshal(body, &ix) != nil || ix.Format != indexFormat || !slices.Equal(ix.Settings, settingNames) ||
		!slices.Equal(ix.Device, deviceNames) {
		return nil
	}
	since := ix.Written.Add(-young).UnixNano()
	for key, e := range ix.Runs {
		if e.Stamps[0] >= since || e.Stamps[2] >= since {
			e.Stamps = stamps{} // is that of no run, whose run.toml has a time
			ix.Runs[key] = e
		}
	}
	return ix.Runs
}

func titleOf(body []byte) string {
	sum := sha256.Sum256(body)
	return indexTitle + hex.EncodeToString(sum[:])
}

// writeIndex writes what was read, if it is worth it. That it cannot be written is no error: the next listing takes
// longer, no more.
func writeIndex(folder string, began time.Time, places []found, all []*Run) {
	ix := index{
		Format: indexFormat, Written: began, Settings: settingNames, Device: deviceNames,
		Runs: map[string]entry{},
	}
	for i, r := range all {
		if r != nil && r.Damage == "" && places[i].manifest {
			ix.Runs[places[i].key] = entry{places[i].stamps, r.Facts}
		}
	}
	if len(ix.Runs) < worthIndex {
		return
	}
	body, err := json.Marshal(ix)
	if err == nil {
		_ = atomicfile.WriteBytes(filepath.Join(folder, IndexFile), append([]byte(titleOf(body)+"\n"), body...))
	}
}
