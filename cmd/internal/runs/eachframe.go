package runs

import (
	"fmt"
	"strconv"
	"strings"

	"neuroloupe/engine"
	"neuroloupe/engine/safetensors"
)

// EachFrame calls fn for those frames of frames.safetensors that want asks for, in the order of the epochs; want is
// told the place of each and how many there are. The run must have ended. The frames are read one by one, because all
// those of a large network may be more than memory holds, and after the whole file is known to be undamaged. An error
// of fn ends it. The error is a [*StartError] for a network that was made elsewhere.
func (f *Folder) EachFrame(want func(i, of int) bool, fn func(Frame) error) error {
	if err := f.noStart(); err != nil {
		return err
	}
	tensors, err := safetensors.OpenFile(f.file(framesFile))
	if err != nil {
		return err
	}
	defer tensors.Close()
	if err := tensors.Verify(); err != nil {
		return err
	}
	if err := f.checkMeta(framesFile, tensors.Meta()); err != nil {
		return err
	}
	all, last := tensors.Infos(), -1
	for i, t := range all {
		text, ok := strings.CutPrefix(t.Name, framePrefix)
		epoch, err := strconv.Atoi(text)
		if shape := f.Spec.ParamInfo().Weight(1).Shape; !ok || err != nil || epoch <= last ||
			fmt.Sprint(t.Shape) != fmt.Sprint(shape) {
			return fmt.Errorf("%s: tensor %s is not the next frame of %v", f.file(framesFile), t.Name, f.Spec)
		}
		if last = epoch; !want(i, len(all)) {
			continue
		}
		data, err := tensors.Load(i)
		if err != nil {
			return err
		}
		if err := fn(Frame{Epoch: epoch, Weights: engine.Tensor{
			Name: t.Name, Shape: t.Shape,
			Data: data,
		}}); err != nil {
			return err
		}
	}
	return nil
}
