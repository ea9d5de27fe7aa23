package runs

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"strings"

	"neuroloupe/engine"
	"neuroloupe/engine/atomicfile"
)

// A line of metrics.jsonl is a JSON object whose last member is the CRC-32C of the settings that the run has and of the
// object without it:
//
//	{"epoch":1,…,"gamma":1,"crc32c":"0badcafe"}
//
// Lines of folders of the first format have none.

const maxMetrics = 1 << 30 // bytes of metrics.jsonl

// castagnoli is the polynomial of CRC-32C.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// sumMember returns the end of the line of an object.
func sumMember(settings, object string) string {
	return fmt.Sprintf(`,"crc32c":"%08x"}`, crc32.Checksum([]byte(settings+object), castagnoli()))
}

// metricsLine returns the line of an epoch.
func (f *Folder) metricsLine(m engine.Metrics) ([]byte, error) {
	object, err := json.Marshal(m)
	if err != nil {
		return nil, fmt.Errorf("run folder: metrics of epoch %d: %w", m.Epoch, err)
	}
	if f.Manifest.Format < sumsSince {
		return append(object, '\n'), nil
	}
	settings, err := f.Manifest.Settings()
	if err != nil {
		return nil, err
	}
	return append(object[:len(object)-1], sumMember(settings, string(object))+"\n"...), nil
}

// lineParser returns what reads the line of an epoch.
func (f *Folder) lineParser() (func(line string, epoch int) (engine.Metrics, error), error) {
	if f.Manifest.Format < sumsSince {
		return parseMetrics, nil
	}
	settings, err := f.Manifest.Settings()
	return func(line string, epoch int) (engine.Metrics, error) {
		line = strings.TrimSuffix(line, "\n")
		i := max(0, len(line)-len(sumMember("", "")))
		object := line[:i] + "}"
		if line[i:] != sumMember(settings, object) {
			return engine.Metrics{}, errors.New("it is damaged, or another run's: its crc32c is not that of what it " +
				"says")
		}
		return parseMetrics(object, epoch)
	}, err
}

// parseMetrics reads the object of an epoch.
func parseMetrics(object string, epoch int) (m engine.Metrics, err error) {
	d := json.NewDecoder(strings.NewReader(object))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil {
		return m, fmt.Errorf("it is damaged: %w", err)
	}
	if _, err := d.Token(); err != io.EOF {
		return m, errors.New("it is damaged: more than one JSON object")
	}
	if m.Epoch != epoch {
		return m, fmt.Errorf("epoch %d, want %d: lines are missing or there twice", m.Epoch, epoch)
	}
	return m, nil
}

// readMetrics returns the text of metrics.jsonl, empty when it is not there, and what reads its lines.
func (f *Folder) readMetrics() (text string, parse func(line string, epoch int) (engine.Metrics, error), err error) {
	b, err := atomicfile.ReadBytes(f.file(metricsFile), maxMetrics)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", nil, err
	}
	parse, err = f.lineParser()
	return string(b), parse, err
}

// Metrics reads the lines of metrics.jsonl. A last line without an end, which a kill leaves, counts when it is whole.
func (f *Folder) Metrics() ([]engine.Metrics, error) {
	text, parse, err := f.readMetrics()
	if err != nil {
		return nil, err
	}
	var ms []engine.Metrics
	for line := range strings.Lines(text) {
		m, err := parse(line, len(ms)+1)
		if err != nil && !strings.HasSuffix(line, "\n") {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w", f.file(metricsFile), len(ms)+1, err)
		}
		ms = append(ms, m)
	}
	return ms, nil
}

// checkMetrics makes sure that the lines up to an epoch are whole, and returns what cuts off those after it.
func (f *Folder) checkMetrics(epoch int) (cut func() error, err error) {
	text, parse, err := f.readMetrics()
	if err != nil {
		return nil, err
	}
	var kept bytes.Buffer
	rest := text
	for e := 1; e <= epoch; e++ {
		line, _, _ := strings.Cut(rest, "\n")
		rest = rest[min(len(line)+1, len(rest)):]
		_, err := parse(line, e)
		if line == "" {
			err = errors.New("it is missing")
		}
		if err != nil {
			return nil, fmt.Errorf("%s, line %d: %w; the checkpoint is that after epoch %d, and every epoch up to it "+
				"must have its line: put the file back from a copy; nothing has been changed", f.file(metricsFile), e,
				err, epoch)
		}
		kept.WriteString(line + "\n")
	}
	if n := strings.Count(rest, "\n"); n > 1 {
		f.notice("%s: %d lines after epoch %d, that of the checkpoint, are cut off", f.file(metricsFile), n, epoch)
	}
	return func() error {
		if kept.String() == text {
			return nil
		}
		return f.replace(metricsFile, func(w io.Writer) error {
			_, err := w.Write(kept.Bytes())
			return err
		})
	}, nil
}
