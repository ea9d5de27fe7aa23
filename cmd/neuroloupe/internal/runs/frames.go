package runs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"

	"neuroloupe/engine"
	"neuroloupe/engine/atomicfile"
	"neuroloupe/engine/safetensors"
)

// frames.log is a row of records of one size: the epoch as a uint32, then the first layer's weights, little-endian.

func (f *Folder) recordSize() int64 {
	return 4 + 4*int64(f.Spec.Inputs)*int64(f.Spec.Layers[0].Units)
}

// record appends a frame's record to b.
func record(b []byte, epoch int, w engine.Tensor) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(epoch))
	for _, v := range w.Data {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return b
}

// appendFrame adds the first layer's weights after an epoch.
func (f *Folder) appendFrame(epoch int, ps engine.Params) error {
	return appendFile(f.file(frameLogFile), record(nil, epoch, ps.Weight(1)))
}

// cutFrames drops the records after an epoch, and one that a kill left unfinished. When the run had ended, the log is
// made again from frames.safetensors.
func (f *Folder) cutFrames(epoch int) error {
	if _, err := os.Stat(f.file(frameLogFile)); errors.Is(err, os.ErrNotExist) {
		frames, err := f.Frames()
		if err != nil {
			return err
		}
		return atomicfile.Write(f.file(frameLogFile), func(w io.Writer) error {
			for _, fr := range frames {
				if fr.Epoch > epoch {
					continue
				}
				if _, err := w.Write(record(nil, fr.Epoch, fr.Weights)); err != nil {
					return err
				}
			}
			return nil
		})
	}
	keep := int64(0)
	err := f.eachRecord(func(e int, _ []byte) error {
		if e <= epoch {
			keep += f.recordSize()
		}
		return nil
	})
	if err != nil {
		return err
	}
	return os.Truncate(f.file(frameLogFile), keep)
}

// eachRecord calls fn for each whole record of the log; data is only good during the call.
func (f *Folder) eachRecord(fn func(epoch int, data []byte) error) error {
	log, err := os.Open(f.file(frameLogFile))
	if err != nil {
		return err
	}
	defer log.Close()
	rec := make([]byte, f.recordSize())
	for {
		switch _, err := io.ReadFull(log, rec); {
		case err == io.EOF || err == io.ErrUnexpectedEOF:
			return nil
		case err != nil:
			return err
		}
		if err := fn(int(binary.LittleEndian.Uint32(rec)), rec[4:]); err != nil {
			return err
		}
	}
}

// Frame is the first layer's weights after an epoch.
type Frame struct {
	Epoch   int
	Weights engine.Tensor // In×Out
}

const framePrefix = "epoch"

// Finish turns the log of frames into frames.safetensors; the run has ended.
func (f *Folder) Finish() error {
	var tensors []engine.Tensor
	info := f.Spec.ParamInfo().Weight(1)
	err := f.eachRecord(func(epoch int, data []byte) error {
		t := engine.Tensor{Name: fmt.Sprintf("%s%d", framePrefix, epoch), Shape: info.Shape, Data: make([]float32, len(data)/4)}
		for i := range t.Data {
			t.Data[i] = math.Float32frombits(binary.LittleEndian.Uint32(data[4*i:]))
		}
		tensors = append(tensors, t)
		return nil
	})
	if err != nil {
		return err
	}
	meta := map[string]string{"tensor": info.Name, "net": f.Spec.String()}
	if err := safetensors.WriteFile(f.file(framesFile), tensors, meta); err != nil {
		return err
	}
	return os.Remove(f.file(frameLogFile))
}

// Frames reads frames.safetensors, in the order of the epochs; the run must have ended. The error is a [*StartError] for
// a network that was made elsewhere.
func (f *Folder) Frames() ([]Frame, error) {
	if im := f.Manifest.Import; im != nil {
		return nil, &StartError{Run: f.Path, File: filepath.Base(im.File)}
	}
	tensors, _, err := safetensors.ReadFile(f.file(framesFile))
	if err != nil {
		return nil, err
	}
	frames := make([]Frame, len(tensors))
	for i, t := range tensors {
		if _, err := fmt.Sscanf(t.Name, framePrefix+"%d", &frames[i].Epoch); err != nil || len(t.Data) != f.Spec.Inputs*f.Spec.Layers[0].Units {
			return nil, fmt.Errorf("%s: tensor %s is not a frame of %v", f.file(framesFile), t.Name, f.Spec)
		}
		frames[i].Weights = t
	}
	return frames, nil
}
