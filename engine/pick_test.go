package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"neuroloupe/engine"
)

// fakeDriver has devices of one kind, and says when it is asked.
type fakeDriver struct {
	devices []engine.Device
	err     error
	asked   *int // counts calls of Devices and Open; may be nil
}

func (f fakeDriver) Name() string { return f.devices[0].Backend }

func (f fakeDriver) Devices() []engine.Device {
	f.count()
	return f.devices
}

func (f fakeDriver) Open(id string) (engine.Backend, error) {
	f.count()
	if f.err != nil {
		return nil, f.err
	}
	return fakeBackend(id), nil
}

func (f fakeDriver) count() {
	if f.asked != nil {
		*f.asked++
	}
}

type fakeBackend string

func (b fakeBackend) Device() engine.Device                          { return engine.Device{ID: string(b)} }
func (fakeBackend) Compile(*engine.Program) (engine.Executor, error) { return nil, nil }
func (fakeBackend) Close() error                                     { return nil }

func TestPick(t *testing.T) {
	none := fakeDriver{devices: []engine.Device{{ID: "cuda", Backend: "cuda", Reason: "no driver"}}}
	second := engine.Device{ID: "cuda:1", Backend: "cuda", Usable: true}
	two := fakeDriver{devices: []engine.Device{{ID: "cuda:0", Backend: "cuda", Usable: true}, second}}
	old := fakeDriver{devices: []engine.Device{{ID: "cuda:0", Backend: "cuda", Reason: "too old"}, second}}
	broken := fakeDriver{devices: two.devices, err: errors.New("out of memory")}
	cpu := fakeDriver{devices: []engine.Device{{ID: "cpu", Backend: "cpu", Usable: true}}}
	tape := fakeDriver{devices: []engine.Device{{ID: "tape", Backend: "tape", Usable: true, Oracle: true}}}
	for _, c := range []struct {
		name, want     string
		drivers        []engine.Driver
		id, reasonPart string // id "" = an error with reasonPart
	}{
		{"auto takes the first", "auto", []engine.Driver{two, cpu, tape}, "cuda:0", "first choice"},
		{"auto falls back and says why", "auto", []engine.Driver{none, cpu, tape}, "cpu", "no driver"},
		{"auto falls back when opening fails", "auto", []engine.Driver{broken, cpu}, "cpu", "out of memory"},
		{"auto never takes the oracle", "auto", []engine.Driver{none, tape}, "", "no device can be used"},
		{"explicit", "cuda:1", []engine.Driver{two, cpu}, "cuda:1", "asked for"},
		{"explicit oracle", "tape", []engine.Driver{two, cpu, tape}, "tape", "asked for"},
		{"a backend's first device", "cuda", []engine.Driver{two, cpu}, "cuda:0", "asked for"},
		{"a backend's first usable device", "cuda", []engine.Driver{old, cpu}, "cuda:1", "asked for"},
		{"explicit and unusable", "cuda:0", []engine.Driver{old, cpu}, "", "device cuda:0 cannot be used: too old"},
		{"explicit and not there", "cuda", []engine.Driver{none, cpu}, "", "no driver"},
		{"explicit second and none there", "cuda:1", []engine.Driver{none, cpu}, "", "no driver"},
		{"explicit and broken", "cuda:0", []engine.Driver{broken, cpu}, "", "out of memory"},
		{
			"explicit third of two", "cuda:2",
			[]engine.Driver{two, cpu},
			"",
			`no device "cuda:2"; want auto or one of cuda:0 cuda:1 cpu`,
		},
		{
			"explicit second of one", "cpu:1",
			[]engine.Driver{none, cpu},
			"",
			`no device "cpu:1"; want auto or one of cuda cpu`,
		},
		{"explicit third and the first is too old", "cuda:2", []engine.Driver{old, cpu}, "", `no device "cuda:2"`},
		{"unknown", "tpu", []engine.Driver{none, cpu}, "", "auto or one of cuda cpu"},
		{"nothing", "", []engine.Driver{none, cpu}, "", "auto or one of cuda cpu"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b, reason, err := engine.Pick(t.Context(), c.want, c.drivers...)
			switch {
			case c.id == "" && (err == nil || !strings.Contains(err.Error(), c.reasonPart)):
				t.Errorf("error %v, want one with %q", err, c.reasonPart)
			case c.id != "" && (err != nil || b.Device().ID != c.id || !strings.Contains(reason, c.reasonPart)):
				t.Errorf("got %v %q %v, want %s %q", b, reason, err, c.id, c.reasonPart)
			}
		})
	}
}

// A driver is asked only when the device may be its: asking one can take long, or hang.
func TestPickAsksOnlyWhoMayHaveIt(t *testing.T) {
	for want, asks := range map[string]bool{
		"auto": true, "cuda": true, "cuda:0": true, "cuda:7": true,
		"cpu": false, "tape": false, "tpu": false, "cudax": false, "cpu:1": false, "": false,
	} {
		asked := 0
		cuda := fakeDriver{devices: []engine.Device{{ID: "cuda", Backend: "cuda", Reason: "no driver"}}, asked: &asked}
		cpu := fakeDriver{devices: []engine.Device{{ID: "cpu", Backend: "cpu", Usable: true}}}
		tape := fakeDriver{devices: []engine.Device{{ID: "tape", Backend: "tape", Usable: true, Oracle: true}}}
		_, _, _ = engine.Pick(t.Context(), want, cuda, cpu, tape)
		if (asked > 0) != asks {
			t.Errorf("%q: CUDA asked %d times", want, asked)
		}
	}
}

// One device that was waited for in vain is enough: auto goes on with the next driver.
func TestPickOnlyWaitsOnce(t *testing.T) {
	asked := 0
	hung := fakeDriver{asked: &asked, err: fmt.Errorf("too slow: %w", engine.ErrNoAnswer), devices: []engine.Device{
		{ID: "cuda:0", Backend: "cuda", Usable: true}, {ID: "cuda:1", Backend: "cuda", Usable: true},
	}}
	cpu := fakeDriver{devices: []engine.Device{{ID: "cpu", Backend: "cpu", Usable: true}}}
	b, reason, err := engine.Pick(t.Context(), "auto", hung, cpu)
	if err != nil || b.Device().ID != "cpu" || !strings.Contains(reason, "too slow") {
		t.Errorf("got %v, %q, %v", b, reason, err)
	}
	if asked != 2 {
		t.Errorf("asked %d times, want once for the devices and once for the first", asked)
	}
}

// An interrupted search is no reason to take the next device.
func TestPickInterrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	none := fakeDriver{devices: []engine.Device{{ID: "cuda", Backend: "cuda", Reason: "interrupted"}}}
	cpu := fakeDriver{devices: []engine.Device{{ID: "cpu", Backend: "cpu", Usable: true}}}
	for _, want := range []string{"auto", "cuda"} {
		if b, _, err := engine.Pick(ctx, want, none, cpu); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v, %v", want, b, err)
		}
	}
}
