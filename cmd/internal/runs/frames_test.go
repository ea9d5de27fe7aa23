package runs

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"neuroloupe/engine"
	"neuroloupe/engine/safetensors"
)

// A frame has the whole network where that is at most twice the first layer's weights, else those alone, and says why.
func TestFramesAreWhole(t *testing.T) {
	for net, lack := range map[string]string{
		"6-3-2":   "",                                                       // 18 weights, and 3 + 6 + 2 numbers more
		"6-5-1-2": "",                                                       // 30, and 5 + 5 + 1 + 2 + 2
		"6-2-9-2": "49 numbers, are more than the first layer's 12 weights", // 2 + 18 + 9 + 18 + 2
		"6-2":     "",
	} {
		m := manifest(t)
		m.Train.Net = net
		spec, err := m.Spec()
		check(t, err)
		initial := spec.NewParams()
		f, err := Create(filepath.Join(t.TempDir(), "run"), m, initial)
		check(t, err)
		goOn(t, f, spec.NewState(initial.Clone()), 3)
		check(t, f.Finish())
		if got := f.FramesLack(); (got == "") != (lack == "") || !strings.Contains(got, lack) {
			t.Errorf("%s: frames lack %q, want %q", net, got, lack)
		}
		frames, err := f.Frames()
		check(t, err)
		if len(frames) != 4 {
			t.Fatalf("%s: %d frames", net, len(frames))
		}
		want := initial.Clone()
		for _, fr := range frames {
			if !cmp.Equal(fr.Weights, want.Weight(1)) {
				t.Errorf("%s, epoch %d: the first layer's weights are others", net, fr.Epoch)
			}
			if whole := cmp.Equal(fr.Params, want); whole != (lack == "") || !whole && fr.Params != nil {
				t.Errorf("%s, epoch %d: the network is %v", net, fr.Epoch, fr.Params)
			}
			for _, p := range want {
				for i := range p.Data {
					p.Data[i]++
				}
			}
		}
		check(t, f.Close())
	}
}

// formatTwo makes of a run's files those that the second version of the folder had written: frames of the first layer
// alone, as the log and, with ended, as frames.safetensors.
func formatTwo(t *testing.T, all map[string]string, epochs int, ended bool) map[string]string {
	t.Helper()
	m, err := parseManifest(all[manifestFile])
	check(t, err)
	settings, err := m.Settings()
	check(t, err)
	m.Format = 2
	f := &Folder{Path: t.TempDir(), Manifest: m}
	f.lock, err = os.Create(f.file(lockFile))
	check(t, err)
	defer f.lock.Close()
	was := strings.Replace(all[manifestFile], "format = 3", "format = 2", 1)
	sum, err := m.sum()
	check(t, err)
	all[manifestFile] = strings.Replace(was, m.SHA256, sum, 1)
	spec, err := m.Spec()
	check(t, err)
	castagnoli := crc32.MakeTable(crc32.Castagnoli)
	line := "neuroloupe frames 2 " + settings
	log := fmt.Appendf(nil, "%s %08x\n", line, crc32.Checksum([]byte(line), castagnoli))
	w := spec.NewParams().Weight(1)
	var tensors []engine.Tensor
	for epoch := range epochs + 1 {
		start := len(log)
		log = binary.LittleEndian.AppendUint32(log, uint32(epoch))
		data := make([]float32, len(w.Data))
		for i, v := range w.Data {
			log = binary.LittleEndian.AppendUint32(log, math.Float32bits(v))
			data[i] = v
			w.Data[i]++
		}
		log = binary.LittleEndian.AppendUint32(log, crc32.Checksum(log[start:], castagnoli))
		tensors = append(tensors, engine.Tensor{Name: fmt.Sprintf("epoch%d", epoch), Shape: w.Shape, Data: data})
	}
	delete(all, framesFile)
	delete(all, frameLogFile)
	if !ended {
		all[frameLogFile] = string(log)
		return all
	}
	var b bytes.Buffer
	check(t, safetensors.Write(&b, tensors, map[string]string{
		"tensor": "layer1.weight", "net": spec.String(), "settings_sha256": settings,
	}))
	all[framesFile] = b.String()
	return all
}

// A run that the version before began goes on in its way, to the bytes that version would have written, whether it had
// been stopped or had ended; and says what its frames lack.
func TestFramesOfTheVersionBefore(t *testing.T) {
	whole := formatTwo(t, trained(t, 1, 5, true), 5, true)
	for _, ended := range []bool{false, true} {
		dir := filepath.Join(t.TempDir(), "run")
		put(t, dir, formatTwo(t, trained(t, 1, 3, ended), 3, ended))
		f, st, err := Resume(dir)
		check(t, err)
		if said := f.Notices(); said != nil {
			t.Errorf("it says %q", said)
		}
		if !strings.Contains(f.FramesLack(), "older version") {
			t.Errorf("its frames lack %q", f.FramesLack())
		}
		goOn(t, f, st, 2)
		check(t, f.Finish())
		frames, err := f.Frames()
		check(t, err)
		if len(frames) != 6 || frames[5].Params != nil {
			t.Errorf("%d frames, the last with %v", len(frames), frames[5].Params)
		}
		check(t, f.Close())
		got := content(t, dir)
		for name, data := range whole {
			if name != lockFile && got[name] != data {
				t.Errorf("ended %v: in the end %s is another", ended, name)
			}
		}
	}
}

// A log that a kill has cut anywhere gives the frames that are whole in it.
func TestFramesCutAnywhere(t *testing.T) {
	f := start(t, filepath.Join(t.TempDir(), "run"), 3)
	defer f.Close()
	log, err := os.ReadFile(f.file(frameLogFile))
	check(t, err)
	const record = 4 + 4*(18+3+6+2) + 4
	first := len(log) - 4*record
	for n := range len(log) + 1 {
		check(t, os.WriteFile(f.file(frameLogFile), log[:n], 0o666))
		l, err := f.readLog()
		want := max(0, (n-first)/record)
		if err != nil || len(l.frames) != want || l.torn != (n > first && (n-first)%record != 0) ||
			(l.damage != "") != (n < first) {
			t.Errorf("cut after %d bytes: %d frames, want %d; torn %v, damage %q, %v", n, len(l.frames), want, l.torn,
				l.damage, err)
		}
	}
}

// frames.safetensors that does not have all of each network, in order, is an error, whatever sums it has.
func TestFramesOfOtherTensors(t *testing.T) {
	f := start(t, filepath.Join(t.TempDir(), "run"), 2)
	defer f.Close()
	check(t, f.Finish())
	good, meta, err := safetensors.ReadFile(f.file(framesFile))
	check(t, err)
	if len(good) != 3*4 || good[4].Name != "epoch1" || good[7].Name != "epoch1.layer2.bias" {
		t.Fatalf("the tensors are %v", good)
	}
	for name, change := range map[string]func(ts []engine.Tensor) []engine.Tensor{
		"one of the last":   func(ts []engine.Tensor) []engine.Tensor { return ts[:11] },
		"one in the middle": func(ts []engine.Tensor) []engine.Tensor { return append(ts[:5:5], ts[6:]...) },
		"the first layer alone": func(ts []engine.Tensor) []engine.Tensor {
			return []engine.Tensor{ts[0], ts[4], ts[8]}
		},
		"two exchanged": func(ts []engine.Tensor) []engine.Tensor { ts[5], ts[6] = ts[6], ts[5]; return ts },
		"one twice": func(ts []engine.Tensor) []engine.Tensor {
			return append(ts, engine.Tensor{Name: "epoch2.layer3.bias", Shape: []int{2}, Data: make([]float32, 2)})
		},
		"another shape": func(ts []engine.Tensor) []engine.Tensor {
			ts[10].Shape = []int{2, 3}
			return ts
		},
		"a frame of another epoch": func(ts []engine.Tensor) []engine.Tensor {
			ts[5].Name = "epoch2.layer1.bias"
			ts[9].Name = "epoch1.layer1.bias"
			return ts
		},
	} {
		ts := change(append([]engine.Tensor(nil), good...))
		check(t, safetensors.WriteFile(f.file(framesFile), ts, meta))
		if _, err := f.Frames(); err == nil || !strings.Contains(err.Error(), "is not the next frame of 6-3-2") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What run.toml says of a network's size takes no memory where frames.log is too short to have a frame of it.
func TestFramesClaimNothing(t *testing.T) {
	f := start(t, filepath.Join(t.TempDir(), "run"), 1)
	defer f.Close()
	f.Spec.Layers[0].Units = 100 << 20 // 2.4 GB of weights
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	l, err := f.readLog()
	runtime.ReadMemStats(&after)
	if err != nil || len(l.frames) != 0 || !l.torn {
		t.Errorf("%d frames, torn %v, %v", len(l.frames), l.torn, err)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 1<<20 {
		t.Errorf("it took %d bytes", took)
	}
}
