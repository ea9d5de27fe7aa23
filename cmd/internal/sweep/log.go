package sweep

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"neuroloupe/engine/atomicfile"
)

// Event is a change of state, a line of the log.
type Event struct {
	Time    time.Time `json:"time"`
	Kind    Kind      `json:"event"`
	Run     string    `json:"run,omitempty"`
	Name    string    `json:"name,omitempty"` // what tells the run from the others
	Epoch   int       `json:"epoch,omitempty"`
	Epochs  int       `json:"epochs,omitempty"` // asked for
	Rung    int       `json:"rung,omitempty"`
	Device  string    `json:"device,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Final   bool      `json:"final,omitempty"` // of a failure: trying again is of no use
	Process string    `json:"process"`

	Loss       *float64 `json:"loss,omitempty"`
	Validation *float64 `json:"validation_accuracy,omitempty"`
	Test       *float64 `json:"test_accuracy,omitempty"`
	Seconds    float64  `json:"seconds,omitempty"`
}

// Kind is what has happened.
type Kind string

// The kinds of events.
const (
	Opened      Kind = "opened"      // a process has begun with the sweep
	Began       Kind = "began"       // a run, after Epoch epochs
	Epoch       Kind = "epoch"       // one has ended and is safe in the run's folder
	Paused      Kind = "paused"      // a run has reached its rung
	Promoted    Kind = "promoted"    // a run goes on from its rung
	StoppedRun  Kind = "stopped"     // a run does not go on from its rung
	Finished    Kind = "done"        // a run
	FailedRun   Kind = "failed"      // a run
	Interrupted Kind = "interrupted" // a run, which can go on
	Closed      Kind = "closed"      // a process has ended
)

// eventLog is a process's file of the log.
type eventLog struct {
	process string
	also    io.Writer // told every line too; nil for nobody

	mu   sync.Mutex
	file *os.File
}

// openLog makes a file of the log for this process.
func (f Folder) openLog(now time.Time, also io.Writer) (*eventLog, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	l := &eventLog{process: fmt.Sprintf("%s:%d", host, os.Getpid()), also: also}
	stamp := now.UTC().Format("20060102T150405.000000000")
	name := fmt.Sprintf("%s-%s-%d.jsonl", stamp, host, os.Getpid())
	l.file, err = os.OpenFile(filepath.Join(f.Path, logDir, name), os.O_CREATE|os.O_EXCL|os.O_APPEND|os.O_WRONLY, 0o666)
	return l, err
}

// add writes an event and flushes it to the disk.
func (l *eventLog) add(e Event) error {
	e.Process = l.process
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	line = append(line, '\n')
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.also != nil {
		if _, err := l.also.Write(line); err != nil {
			return err
		}
	}
	_, err = l.file.Write(line)
	return errors.Join(err, l.file.Sync())
}

func (l *eventLog) close() error { return l.file.Close() }

const maxLog = 1 << 30 // bytes of a process's file

// Events are all that any process has logged, in the order of time. A line that a kill has cut short is left out.
func (f Folder) Events() ([]Event, error) {
	dir := filepath.Join(f.Path, logDir)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var all []Event
	for _, entry := range entries {
		if filepath.Ext(entry.Name()) != ".jsonl" {
			continue
		}
		path := filepath.Join(dir, entry.Name())
		text, err := atomicfile.ReadBytes(path, maxLog)
		if err != nil {
			return nil, err
		}
		n := 0
		for line := range strings.Lines(string(text)) {
			n++
			var e Event
			switch err := json.Unmarshal([]byte(line), &e); {
			case err == nil:
				all = append(all, e)
			case strings.HasSuffix(line, "\n"):
				return nil, fmt.Errorf("%s, line %d: it is damaged: %w; delete that line", path, n, err)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Event) int { return cmp.Compare(a.Time.UnixNano(), b.Time.UnixNano()) })
	return all, nil
}
