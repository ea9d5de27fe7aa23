package runs

import (
	"fmt"
	"strconv"
	"strings"

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
	all, shapes := tensors.Infos(), f.framed()
	each := len(shapes)
	epochs := make([]int, len(all)/each)
	for i, t := range all { // what the file claims is held against the network before any of it is read
		n, k := i/each, i%each
		if k == 0 {
			text, ok := strings.CutPrefix(t.Name, framePrefix)
			epoch, err := strconv.Atoi(text)
			if !ok || err != nil || n == len(epochs) || n > 0 && epoch <= epochs[n-1] || epoch < 0 {
				return f.notNext(t)
			}
			epochs[n] = epoch
		}
		if w := shapes[k]; t.Name != frameName(epochs[n], k, w) || fmt.Sprint(t.Shape) != fmt.Sprint(w.Shape) {
			return f.notNext(t)
		}
	}
	for n, epoch := range epochs {
		if !want(n, len(epochs)) {
			continue
		}
		ps := f.framed()
		for k := range ps {
			if ps[k].Data, err = tensors.Load(n*each + k); err != nil {
				return err
			}
		}
		if err := fn(f.frameOf(epoch, ps)); err != nil {
			return err
		}
	}
	return nil
}

// notNext is the error of a tensor of frames.safetensors that cannot stand where it does.
func (f *Folder) notNext(t safetensors.Info) error {
	return fmt.Errorf("%s: tensor %s is not the next frame of %v", f.file(framesFile), t.Name, f.Spec)
}
