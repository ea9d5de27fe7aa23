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

	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/engine/atomicfile"
)

// frames.log is a line that says so and of which settings, then records of one size, the epochs rising: the epoch as a
// uint32, the tensors of framed, and the CRC-32C of both, little-endian. Folders of the first format had neither the
// line nor the CRC; those before wholeSince had the first layer's weights alone.

// Frame is a network after an epoch.
type Frame struct {
	Epoch   int
	Weights engine.Tensor // the first layer's, In×Out
	// Params are all parameters, Weights among them; nil where the first layer's weights alone are kept. See
	// [Folder.FramesLack].
	Params engine.Params
}

// framed are names and shapes of what a frame has: all parameters where the biases and the later layers are together no
// larger than the first layer's weights, so that a frame of them is at most twice as large; else those weights alone.
func (f *Folder) framed() engine.Params {
	all := f.Spec.ParamInfo()
	if f.FramesLack() != "" {
		return all[:1]
	}
	return all
}

// FramesLack says why the frames of the run have the first layer's weights alone; "" where they have the whole network.
func (f *Folder) FramesLack() string {
	all, rest := f.Spec.ParamInfo(), 0
	for _, t := range all[1:] {
		rest += t.Len()
	}
	switch first := all[0].Len(); {
	case f.Manifest.Format < wholeSince:
		return "the run was begun by an older version, which kept the first layer's weights alone"
	case rest > first:
		return fmt.Sprintf("the biases and the later layers, %s numbers, are more than the first layer's %s weights, "+
			"and are not kept", words.Thousands(rest), words.Thousands(first))
	}
	return ""
}

// frameOf is the frame of what framed has of a network's parameters, or of all of them.
func (f *Folder) frameOf(epoch int, ps engine.Params) Frame {
	fr := Frame{Epoch: epoch, Weights: ps.Weight(1)}
	if f.FramesLack() == "" {
		fr.Params = ps
	}
	return fr
}

// tensors are those of a frame, as framed.
func (fr Frame) tensors() engine.Params {
	if fr.Params == nil {
		return engine.Params{fr.Weights}
	}
	return fr.Params
}

// logPrefix begins the line; its number is the version of the log.
func (f *Folder) logPrefix() string {
	if f.Manifest.Format < wholeSince {
		return "neuroloupe frames 2 "
	}
	return "neuroloupe frames 3 "
}

func (f *Folder) logHeader(settings string) string {
	text := f.logPrefix() + settings
	return fmt.Sprintf("%s %08x\n", text, crc32.Checksum([]byte(text), castagnoli()))
}

// dataSize is the bytes of a frame's numbers.
func (f *Folder) dataSize() int {
	n := 0
	for _, t := range f.framed() {
		n += 4 * t.Len()
	}
	return n
}

// record appends a frame's record to b.
func (f *Folder) record(b []byte, fr Frame) []byte {
	start := len(b)
	b = slices.Grow(b, f.dataSize()+8)
	b = binary.LittleEndian.AppendUint32(b, uint32(fr.Epoch))
	for _, t := range fr.tensors() {
		for _, v := range t.Data {
			b = binary.LittleEndian.AppendUint32(b, math.Float32bits(v))
		}
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
		if _, err := io.WriteString(w, f.logHeader(settings)); err != nil {
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
	want, prefix := f.logHeader(settings), f.logPrefix()
	head := make([]byte, len(want))
	n, err := io.ReadFull(file, head)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return l, err
	}
	sums := true
	switch got := string(head[:n]); {
	case got == want:
		l.start = int64(n)
	case len(got) == len(want) && got == f.logHeader(got[len(prefix):][:len(settings)]):
		return l, f.belongs(frameLogFile, got[len(prefix):][:len(settings)])
	case f.Manifest.Format < sumsSince && !strings.HasPrefix(got, prefix):
		sums = false
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			return l, err
		}
	default:
		l.damage = "its first line is damaged"
		return l, nil
	}
	at, err := file.Seek(0, io.SeekCurrent)
	if err != nil {
		return l, err
	}
	info, err := file.Stat()
	if err != nil {
		return l, err
	}
	return l, f.readRecords(file, info.Size()-at, &l, sums)
}

// readRecords reads the records of a log of which left bytes are left; sums says whether they have checksums.
func (f *Folder) readRecords(r io.Reader, left int64, l *frameLog, sums bool) error {
	size := 4 + f.dataSize()
	whole := size
	if sums {
		whole += 4
	}
	if left < int64(whole) { // what run.toml says of the network's size is not believed before
		l.torn = left > 0
		return nil
	}
	rec := make([]byte, whole)
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
		ts, at := f.framed(), 4
		for k := range ts {
			ts[k].Data = make([]float32, ts[k].Len())
			for i := range ts[k].Data {
				ts[k].Data[i] = math.Float32frombits(binary.LittleEndian.Uint32(rec[at:]))
				at += 4
			}
		}
		l.frames = append(l.frames, f.frameOf(epoch, ts))
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
		l.start, keep = 0, []Frame{f.frameOf(0, initial)}
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

// frameName is what frames.safetensors calls the kth tensor of framed: the first layer's weights, which it always has,
// by the epoch alone, and the others by it and their own name.
func frameName(epoch, k int, t engine.Tensor) string {
	name := framePrefix + strconv.Itoa(epoch)
	if k > 0 {
		name += "." + t.Name
	}
	return name
}

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
		for k, t := range fr.tensors() {
			t.Name = frameName(fr.Epoch, k, t)
			tensors = append(tensors, t)
		}
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
