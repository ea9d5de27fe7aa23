package runs

import (
	"encoding/binary"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/engine/safetensors"
)

// oldRun makes the folder that the first version wrote after so many epochs: no sums in run.toml, in the headers, in
// the lines of metrics and in the log of frames, and no checkpoint before the end of an epoch.
func oldRun(t *testing.T, epochs int) map[string]string {
	t.Helper()
	all := trained(t, 1, epochs, false)
	m, err := parseManifest(all[manifestFile])
	if err != nil {
		t.Fatal(err)
	}
	all[manifestFile] = oldText(t, m)
	for _, name := range []string{initialFile, weightsFile, checkpointFile} {
		if all[name] == "" {
			continue
		}
		tensors, meta, err := safetensors.Read(strings.NewReader(all[name]), int64(len(all[name])))
		if err != nil {
			t.Fatal(err)
		}
		delete(meta, settingsKey)
		var b strings.Builder
		if err := safetensors.Write(&b, tensors, meta); err != nil {
			t.Fatal(err)
		}
		all[name] = b.String()
	}
	if epochs == 0 {
		delete(all, checkpointFile)
	}
	var lines strings.Builder
	for line := range strings.Lines(all[metricsFile]) {
		object, _, _ := strings.Cut(line, `,"crc32c"`)
		lines.WriteString(object + "}\n")
	}
	if epochs > 0 {
		all[metricsFile] = lines.String()
	}
	spec, err := m.Spec()
	if err != nil {
		t.Fatal(err)
	}
	var log []byte
	w := spec.NewParams().Weight(1)
	for epoch := range epochs + 1 {
		log = binary.LittleEndian.AppendUint32(log, uint32(epoch))
		for i := range w.Data {
			log = binary.LittleEndian.AppendUint32(log, math.Float32bits(w.Data[i]))
			w.Data[i]++
		}
	}
	all[frameLogFile] = string(log)
	return all
}

// A folder of the first version opens and goes on to the files that version would have written, and says once what
// cannot be checked.
func TestOldFolder(t *testing.T) {
	const record = 4 + 4*6*3
	repeat := func(log string) string { return log + log[len(log)-record:] } // the last epoch twice
	for name, c := range map[string]struct {
		epochs int
		change func(map[string]string)
		goesOn bool
		says   string // besides what is always said
		err    string
	}{
		"as it was":            {epochs: 3, change: func(map[string]string) {}, goesOn: true},
		"before its first end": {epochs: 0, change: func(map[string]string) {}, goesOn: true},
		"killed before its first checkpoint": {epochs: 1, change: func(all map[string]string) {
			delete(all, checkpointFile)
		}, goesOn: true},
		"a torn line and record": {epochs: 3, change: func(all map[string]string) {
			all[metricsFile] += `{"epoch":4,`
			all[frameLogFile] += "\x04\x00\x00\x00half"
		}, goesOn: true},
		"an epoch repeated in the log": {epochs: 3, change: func(all map[string]string) {
			all[frameLogFile] = repeat(all[frameLogFile])
		}, goesOn: true, says: "record 5 says epoch 3, which cannot follow"},
		"a checkpoint lost": {epochs: 3, change: func(all map[string]string) {
			delete(all, checkpointFile)
		}, err: "checkpoint.safetensors is missing"},
		"a checkpoint lost, and the metrics": {epochs: 3, change: func(all map[string]string) {
			delete(all, checkpointFile)
			delete(all, metricsFile)
		}, err: "checkpoint.safetensors is missing"},
		"a line damaged": {epochs: 3, change: func(all map[string]string) {
			all[metricsFile] = strings.Replace(all[metricsFile], `"epoch":2,"loss"`, `"epoch":2,"lass"`, 1)
		}, err: "metrics.jsonl, line 2"},
		"another run's weights, of today": {epochs: 3, change: func(all map[string]string) {
			all[weightsFile] = trained(t, 2, 3, false)[weightsFile]
		}, err: "weights.safetensors belongs to another run"},
	} {
		t.Run(name, func(t *testing.T) {
			all, whole := oldRun(t, c.epochs), oldRun(t, 5)
			c.change(all)
			dir := filepath.Join(t.TempDir(), "run")
			put(t, dir, all)
			f, st, err := Resume(dir)
			if !c.goesOn {
				if err == nil || !strings.Contains(err.Error(), c.err) {
					t.Errorf("%v, want %q", err, c.err)
				}
				if diff := cmp.Diff(all, content(t, dir)); diff != "" {
					delete(all, lockFile)
					t.Error(diff)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			said := strings.Join(f.Notices(), "\n")
			if strings.Count(said, "older version") != 1 || !strings.Contains(said, c.says) || c.says == "" &&
				strings.Contains(said, "\n") {
				t.Errorf("says %q", said)
			}
			goOn(t, f, st, 5-st.Epoch)
			log, err := f.readLog()
			if err != nil || len(log.frames) != 6 || log.damage != "" {
				t.Errorf("%d frames, %q %v", len(log.frames), log.damage, err)
			}
			got := content(t, dir)
			delete(got, frameLogFile)
			delete(whole, frameLogFile)
			if diff := cmp.Diff(whole, got); diff != "" {
				t.Errorf("in the end (-old +new):\n%s", diff)
			}
			if err := f.Finish(); err != nil {
				t.Fatal(err)
			}
			if _, meta, err := safetensors.ReadFile(f.file(framesFile)); err != nil || meta[settingsKey] != "" {
				t.Errorf("frames: %v %v", meta, err)
			}
		})
	}
}

// A frame that is damaged or there twice while the run is trained does not get into frames.safetensors.
func TestLogDamagedAtTheEnd(t *testing.T) {
	for name, change := range map[string]func(log []byte, record int) []byte{
		"damaged": func(log []byte, record int) []byte { log[len(log)-record-7] ^= 1; return log },
		"twice":   func(log []byte, record int) []byte { return append(log, log[len(log)-record:]...) },
		"torn":    func(log []byte, record int) []byte { return log[:len(log)-1] },
	} {
		dir := filepath.Join(t.TempDir(), "run")
		f := start(t, dir, 3)
		log, err := os.ReadFile(f.file(frameLogFile))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(f.file(frameLogFile), change(log, f.dataSize()+8), 0o666); err != nil {
			t.Fatal(err)
		}
		if err := f.Finish(); err != nil {
			t.Fatal(err)
		}
		frames, err := f.Frames()
		if want := map[string]int{"damaged": 2, "twice": 4, "torn": 3}[name]; err != nil || len(frames) != want {
			t.Errorf("%s: %d frames, want %d: %v", name, len(frames), want, err)
		}
		if said := f.Notices(); len(said) != 1 {
			t.Errorf("%s: says %q", name, said)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
		g, _, err := Resume(dir)
		if err != nil {
			t.Errorf("%s: not resumed: %v", name, err)
			continue
		}
		g.Close()
	}
}
