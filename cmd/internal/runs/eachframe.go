package runs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"neuroloupe/engine"
	"neuroloupe/engine/atomicfile"
	"neuroloupe/engine/safetensors"
)

// EachFrame calls fn for those frames of frames.safetensors that want asks for, in the order of the epochs; want is told
// the place of each and how many there are. The run must have ended. The frames are read one by one, because all those
// of a large network may be more than memory holds, and after the whole file is known to be undamaged. An error of fn
// ends it. The error is a [*StartError] for a network that was made elsewhere.
func (f *Folder) EachFrame(want func(i, of int) bool, fn func(Frame) error) error {
	if err := f.noStart(); err != nil {
		return err
	}
	file, err := atomicfile.Open(f.file(framesFile))
	if err != nil {
		return err
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	tensors, err := safetensors.Open(file, info.Size())
	if err == nil {
		err = tensors.Verify()
	}
	if err != nil {
		return inFile(err, f.file(framesFile))
	}
	if err := f.checkMeta(framesFile, tensors.Meta()); err != nil {
		return err
	}
	all, last := tensors.Infos(), -1
	for i, t := range all {
		text, ok := strings.CutPrefix(t.Name, framePrefix)
		epoch, err := strconv.Atoi(text)
		if shape := f.Spec.ParamInfo().Weight(1).Shape; !ok || err != nil || epoch <= last || fmt.Sprint(t.Shape) != fmt.Sprint(shape) {
			return fmt.Errorf("%s: tensor %s is not the next frame of %v", f.file(framesFile), t.Name, f.Spec)
		}
		if last = epoch; !want(i, len(all)) {
			continue
		}
		data, err := tensors.Load(i)
		if err != nil {
			return inFile(err, f.file(framesFile))
		}
		if err := fn(Frame{Epoch: epoch, Weights: engine.Tensor{Name: t.Name, Shape: t.Shape, Data: data}}); err != nil {
			return err
		}
	}
	return nil
}

// inFile says in which file something is wrong.
func inFile(err error, path string) error {
	if format := (*safetensors.FormatError)(nil); errors.As(err, &format) {
		in := *format
		in.File = path
		return &in
	}
	return fmt.Errorf("%s: %w", path, err)
}
