package runs

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/BurntSushi/toml"

	"neuroloupe/engine"
	"neuroloupe/engine/atomicfile"
)

const (
	errorFile   = "error.txt"
	stoppedFile = "stopped.txt"

	maxEnding = 1 << 20 // bytes of one of them
)

// Failure is error.txt: why a training ended before its last epoch. Going on with the run removes it.
type Failure struct {
	Reason string    `toml:"reason"`
	Final  bool      `toml:"final"` // the same settings would fail again: training diverged, or no network can have them
	Epoch  int       `toml:"epoch"` // in which, from 1; 0 = before the first
	Step   int       `toml:"step"`  // of that epoch, from 1; 0 = not known
	When   time.Time `toml:"when"`

	Last *engine.Metrics `toml:"last,omitempty"` // of the last whole epoch
}

// Stop is stopped.txt: why a run that could go on is not worth it. Going on with the run removes it.
type Stop struct {
	Rule     string    `toml:"rule"`     // halving or asha
	Rung     int       `toml:"rung"`     // from 1
	Epoch    int       `toml:"epoch"`    // epochs done
	Accuracy float64   `toml:"accuracy"` // on the validation images, after that epoch
	Rank     int       `toml:"rank"`     // among the runs of the rung, from 1
	Of       int       `toml:"of"`       // runs of the rung
	Kept     int       `toml:"kept"`     // of them
	Cut      float64   `toml:"cut"`      // the accuracy of the last one kept
	When     time.Time `toml:"when"`
}

// Fail writes why the run that a path names ended; the folder may be missing or empty, for a run that never began.
func Fail(path string, e Failure) error {
	return writeEnding(path, errorFile, "Why the training ended.", e)
}

// StopAt writes why a run is not gone on with.
func StopAt(path string, s Stop) error {
	return writeEnding(path, stoppedFile, "Why the training was not gone on with; --resume does.", s)
}

func writeEnding(path, name, title string, ending any) error {
	var text bytes.Buffer
	fmt.Fprintf(&text, "# %s\n", title)
	err := toml.NewEncoder(&text).Encode(ending)
	if err == nil {
		err = atomicfile.MkdirAll(path)
	}
	if err == nil {
		err = atomicfile.WriteBytes(filepath.Join(path, name), text.Bytes())
	}
	if err != nil {
		return fmt.Errorf("run folder: %w", err)
	}
	return nil
}

// readEnding reads a file of an ending; it is nil when there is none.
func readEnding[T any](path, name string) (*T, error) {
	file := filepath.Join(path, name)
	text, err := atomicfile.ReadBytes(file, maxEnding)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	ending := new(T)
	if err == nil {
		if _, err = toml.Decode(string(text), ending); err != nil {
			err = fmt.Errorf("%s: %w", file, err)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("run folder: %w", err)
	}
	return ending, nil
}

// clearEnding removes what an earlier training has said of its end.
func (f *Folder) clearEnding() error {
	for _, name := range []string{errorFile, stoppedFile} {
		if err := f.remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// State is how far a run is.
type State int

// The states of a run.
const (
	Queued      State = iota // it never began
	Running                  // a process has its lock
	Interrupted              // it can go on
	Stopped                  // it can go on, and a rule has decided that it is not worth it
	Failed
	Done // trained to its end, and drawn
)

var stateNames = [...]string{"queued", "running", "interrupted", "stopped", "failed", "done"}

func (s State) String() string { return stateNames[s] }

// Standing is where a run stands, as its folder says.
type Standing struct {
	State   State
	Failure *Failure // of a failed one
	Stop    *Stop    // of a stopped one
	Holder  string   // who trains it: a process and its machine; "" when that is not known
}

// StandingOf tells where the run of a folder stands; it is queued when there is no such folder. It asks the lock of a
// run, so that a run whose process died is not called running.
func StandingOf(path string) (s Standing, err error) {
	fail := func(err error) (Standing, error) { return Standing{}, err }
	held, holder, err := lockedBy(path)
	if err != nil {
		return fail(err)
	}
	if held {
		return Standing{State: Running, Holder: holder}, nil
	}
	if s.Failure, err = readEnding[Failure](path, errorFile); err != nil {
		return fail(err)
	}
	if s.Stop, err = readEnding[Stop](path, stoppedFile); err != nil {
		return fail(err)
	}
	there := func(name string) bool {
		_, statErr := os.Stat(filepath.Join(path, name))
		if statErr != nil && !errors.Is(statErr, fs.ErrNotExist) {
			err = errors.Join(err, statErr)
		}
		return statErr == nil
	}
	switch {
	case s.Failure != nil:
		s.State = Failed
	case !there(manifestFile):
		s.State = Queued
	case s.Stop != nil:
		s.State = Stopped
	case there(sheetFile) && !there(frameLogFile):
		s.State = Done
	default:
		s.State = Interrupted
	}
	return s, err
}
