package runs

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"os"
	"strconv"

	"neuroloupe/engine"
	"neuroloupe/engine/safetensors"
)

const gammaKey = "gamma" // of the metadata of weights.safetensors

// Initial reads the start weights W₀. The error is a [*StartError] for a network that was made elsewhere.
func (f *Folder) Initial() (engine.Params, error) {
	if err := f.noStart(); err != nil {
		return nil, err
	}
	ps, _, err := f.readParams(initialFile)
	return ps, err
}

// Weights reads the weights handed out, and γ, which is NaN for a network that was made elsewhere.
func (f *Folder) Weights() (ps engine.Params, gamma float64, err error) {
	ps, meta, err := f.readParams(weightsFile)
	imported := f.Manifest.Import != nil
	var damaged *safetensors.FormatError
	switch {
	case errors.Is(err, fs.ErrNotExist) && !imported:
		return nil, 0, f.noWeights()
	case errors.As(err, &damaged) && !imported:
		return nil, 0, fmt.Errorf("%w; neuroloupe train --resume %s writes it again from the checkpoint", err, f.Path)
	case err != nil:
		return nil, 0, err
	case imported:
		return ps, math.NaN(), nil
	}
	if gamma, err = strconv.ParseFloat(meta[gammaKey], 64); err != nil {
		return nil, 0, fmt.Errorf("%s: gamma: %w", f.file(weightsFile), err)
	}
	return ps, gamma, nil
}

// noWeights says why a run that was trained here has no weights.
func (f *Folder) noWeights() error {
	if text, _, err := f.readMetrics(); err != nil || text != "" {
		return errors.Join(err, fmt.Errorf("%s is missing; neuroloupe train --resume %s writes it again from the "+
			"checkpoint",
			f.file(weightsFile), f.Path))
	}
	return fmt.Errorf("%s has no weights yet: its training has not finished an epoch; go on with neuroloupe train "+
		"--resume %s",
		f.Path, f.Path)
}

// writeKept writes the weights that the run would hand out now.
func (f *Folder) writeKept(st *engine.State) error {
	ps, gamma := st.Kept()
	return f.writeWeights(ps, map[string]string{gammaKey: strconv.FormatFloat(gamma, 'g', -1, 64)})
}

// writeWeights writes the weights to hand out. meta is added to what the file says of itself.
func (f *Folder) writeWeights(ps engine.Params, meta map[string]string) error {
	all := map[string]string{"net": f.Spec.String(), "layout": "weights are In×Out, one column per neuron"}
	maps.Copy(all, meta)
	if err := f.writeTensors(weightsFile, ps, all); err != nil {
		return fmt.Errorf("%s: %w", f.file(weightsFile), err)
	}
	return nil
}

// weightsLost reports whether weights.safetensors should be there after so many epochs and is missing or damaged, which
// is noted: the checkpoint has them too.
func (f *Folder) weightsLost(epoch int) (bool, error) {
	info, err := os.Stat(f.file(weightsFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if epoch > 0 {
			f.notice("%s is missing; it is written again from the checkpoint", f.file(weightsFile))
		}
		return epoch > 0, nil
	case err != nil:
		return false, err
	case !info.Mode().IsRegular() && !info.IsDir():
		return false, nil // a person's device, to be written to
	}
	_, _, err = f.Weights()
	if damaged := (*safetensors.FormatError)(nil); errors.As(err, &damaged) && !info.IsDir() {
		f.notice("%v; it is written again from the checkpoint", damaged)
		return true, nil
	}
	return false, err
}
