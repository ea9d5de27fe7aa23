package runs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"

	"neuroloupe/engine"
	"neuroloupe/engine/atomicfile"
)

// frames.log is a line that says so and of which settings, then records of one size, the epochs rising: the epoch as a
// uint32, the first layer's weights, and the CRC-32C of both, little-endian. Folders of the first format had neither
// the line nor the CRC.

// Frame is the first layer's weights after an epoch.
type Frame struct {
	Epoch   int
	Weights engine.Tensor // In×Out
}

// logPrefix begins the line; 2 is the version of the log.
const logPrefix = "neuroloupe frames 2 "

func logHeader(settings string) string {
	text := logPrefix + settings
	return fmt.Sprintf("%s %08x\n", text, crc32.Checksum([]byte(text), castagnoli()))
}

// dataSize is the bytes of a frame's weights.
func (f *Folder) dataSize() int { return 4 * f.Spec.Inputs * f.Spec.Layers[0].Units }

// record appends a frame's record to b.
func (f *Folder) record(b []byte, fr Frame) []byte {
	start := len(b)
	b = slices.Grow(b, f.dataSize()+8)
	b = binary.LittleEndian.AppendUint32(b, uint32(fr.Epoch))
	for _, v := range fr.Weights.Data {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
	}
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b[start:], castagnoli()))
}

// writeLog writes frames.log anew.
func (f *Folder) writeLog(frames []Frame) error {
	settings, err := f.Manifest.Settings()
	if err != nil {
		return err
	}
	return f.replace(frameLogFile, func(w io.Writer) error {
		if _, err := io.WriteString(w, logHeader(settings)); err != nil {
			return err
		}
		var b []byte
		for _, fr := range frames {
			b = f.record(b[:0], fr)
			if _, err := w.Write(b); err != nil {
				return err
			}
		}
		return nil
	})
}

// frameLog is what frames.log holds.
type frameLog struct {
	frames []Frame
	// what is wrong with the record after them; "" when there is none, or the file ends in the middle of it
	damage string
	torn   bool  // the file ends in the middle of a record, which a kill leaves
	start  int64 // of the first record; 0 when the file has not the form that writeLog gives it
}

// readLog reads frames.log up to the first record that is not whole and good.
func (f *Folder) readLog() (l frameLog, err error) {
	file, err := atomicfile.Open(f.file(frameLogFile))
	if err != nil {
		return l, err
	}
	defer file.Close()
	settings, err := f.Manifest.Settings()
	if err != nil {
		return l, err
	}
	want := logHeader(settings)
	head := make([]byte, len(want))
	n, err := io.ReadFull(file, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return l, err
	}
	sums := true
	switch got := string(head[:n]); {
	case got == want:
		l.start = int64(n)
	case len(got) == len(want) && got == logHeader(got[len(logPrefix):][:len(settings)]):
		return l, f.belongs(frameLogFile, got[len(logPrefix):][:len(settings)])
	case f.Manifest.Format < sumsSince && !strings.HasPrefix(got, logPrefix):
		sums = false
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return l, err
		}
	default:
		l.damage = "its first line is damaged"
		return l, nil
	}
	return l, f.readRecords(file, &l, sums)
}

// readRecords reads the records of a log; sums says whether they have checksums.
func (f *Folder) readRecords(r io.Reader, l *frameLog, sums bool) error {
	size := 4 + f.dataSize()
	rec := make([]byte, size, size+4)
	if sums {
		rec = rec[:size+4]
	}
	info := f.Spec.ParamInfo().Weight(1)
	for {
		switch _, err := io.ReadFull(r, rec); {
		case err == io.EOF:
			return nil
		case err == io.ErrUnexpectedEOF:
			l.torn = true
			return nil
		case err != nil:
			return err
		}
		epoch := int(binary.LittleEndian.Uint32(rec))
		if sums && crc32.Checksum(rec[:size], castagnoli()) != binary.LittleEndian.Uint32(rec[size:]) {
			l.damage = fmt.Sprintf("record %d is damaged", len(l.frames)+1)
			return nil
		}
		if n := len(l.frames); epoch > math.MaxInt32 || n > 0 && epoch <= l.frames[n-1].Epoch || n == 0 && epoch != 0 {
			l.damage = fmt.Sprintf("record %d says epoch %d, which cannot follow", n+1, epoch)
			return nil
		}
		t := engine.Tensor{Shape: info.Shape, Data: make([]float32, f.dataSize()/4)}
		for i := range t.Data {
			t.Data[i] = math.Float32frombits(binary.LittleEndian.Uint32(rec[4+4*i:]))
		}
		l.frames = append(l.frames, Frame{epoch, t})
	}
}

// noteDamage says what of the log is left out.
func (f *Folder) noteDamage(l frameLog) {
	if l.damage != "" {
		f.notice("%s: %s; the frames from there on are left out", f.file(frameLogFile), l.damage)
	}
}

// checkFrames returns what makes frames.log hold the frames up to an epoch: by cutting off those after it and a record
// that is not whole, or, when the run had ended, from frames.safetensors. Frames that are lost are noted; the training
// does not need them.
func (f *Folder) checkFrames(epoch int, initial engine.Params) (cut func() error, err error) {
	l, err := f.readLog()
	if errors.Is(err, fs.ErrNotExist) {
		if l.frames, err = f.Frames(); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	if err != nil {
		return nil, err
	}
	f.noteDamage(l)
	keep := l.frames
	for len(keep) > 0 && keep[len(keep)-1].Epoch > epoch {
		keep = keep[:len(keep)-1]
	}
	if len(keep) == 0 {
		l.start, keep = 0, []Frame{{Weights: initial.Weight(1)}}
	}
	every, err := f.Manifest.Train.FrameEvery()
	if err != nil {
		return nil, err
	}
	want := 1
	if every > 0 {
		want += epoch / every
	}
	if lost := want - len(keep); lost > 0 {
		f.notice("%s: %d of the %d frames up to epoch %d are lost; the training goes on without them", f.Path, lost,
			want, epoch)
	}
	if l.start > 0 {
		return func() error { return f.truncate(frameLogFile, l.start+int64(len(keep))*int64(f.dataSize()+8)) }, nil
	}
	return func() error { return f.writeLog(keep) }, nil
}

const framePrefix = "epoch"

// Finish turns the log of frames into frames.safetensors; the run has ended.
func (f *Folder) Finish() error {
	if err := f.held(); err != nil {
		return err
	}
	l, err := f.readLog()
	if err != nil {
		return err
	}
	if l.torn { // nobody has been killed here
		l.damage = "its last record is cut short"
	}
	f.noteDamage(l)
	info := f.Spec.ParamInfo().Weight(1)
	var tensors []engine.Tensor
	for _, fr := range l.frames {
		fr.Weights.Name = framePrefix + strconv.Itoa(fr.Epoch)
		tensors = append(tensors, fr.Weights)
	}
	meta := map[string]string{"tensor": info.Name, "net": f.Spec.String()}
	if err := f.writeTensors(framesFile, tensors, meta); err != nil {
		return err
	}
	return f.remove(frameLogFile)
}

// Running reports whether frames are still in the log, because the training has not ended.
func (f *Folder) Running() (bool, error) {
	_, err := os.Stat(f.file(frameLogFile))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Frames reads frames.safetensors, in the order of the epochs; the run must have ended. The error is a [*StartError]
// for a network that was made elsewhere.
func (f *Folder) Frames() ([]Frame, error) {
	var frames []Frame
	err := f.EachFrame(func(int, int) bool { return true }, func(fr Frame) error {
		frames = append(frames, fr)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return frames, nil
}
