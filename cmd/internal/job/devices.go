package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"text/tabwriter"

	"neuroloupe/cmd/internal/bench"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/talk"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/graph"
)

// Listed is a device that was looked at.
type Listed struct {
	engine.Device
	Mode string `json:"mode,omitempty"` // what --cuda-mode auto is on a GPU for the default network
}

// Devices are what is here to train on, in the order of preference.
type Devices []Listed

// List looks at every device, and tries those of GPUs: what is listed as usable then is. It ends with
// engine.ErrInterrupted when ctx is done.
func List(ctx context.Context, t talk.Talk) (Devices, error) {
	var all Devices
	for _, d := range Drivers(ctx, Device{Want: "auto"}, t) {
		var hung error
		for _, dev := range d.Devices() {
			l := Listed{Device: dev}
			if dev.Usable && dev.Backend == GPUBackend {
				err := hung
				if err == nil {
					err = l.try(d)
				}
				if err != nil {
					l.Usable, l.Reason = false, words.Line(err)
				}
				if errors.Is(err, engine.ErrNoAnswer) {
					hung = err // nor would it for the next
				}
			}
			if ctx.Err() != nil {
				return nil, engine.ErrInterrupted
			}
			all = append(all, l)
		}
	}
	return all, nil
}

// try opens the device and finds the mode.
func (l *Listed) try(d engine.Driver) (err error) {
	r, err := runs.Preset("clear")
	if err != nil {
		return err
	}
	spec, err := r.Spec(28*28, 10, 50000)
	if err != nil {
		return err
	}
	p, err := graph.Compile(spec, r.Batch)
	if err != nil {
		return err
	}
	b, err := d.Open(l.ID)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.Close()) }()
	e, err := b.Compile(p)
	if err != nil {
		return err
	}
	l.Mode, _ = bench.Mode(e)
	return e.Close()
}

// auto is the device that --device auto takes, nil for none.
func (ds Devices) auto() *Listed {
	for i := range ds {
		if ds[i].Usable && !ds[i].Oracle {
			return &ds[i]
		}
	}
	return nil
}

// Print writes the devices as a table.
func (ds Devices) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "DEVICE\tUSABLE\tNAME\tMEMORY\tCAPABILITY\tDRIVER\tREMARK")
	auto := ds.auto()
	for i, d := range ds {
		remark := d.Reason
		if &ds[i] == auto {
			remark = "what --device auto takes"
		}
		if d.Mode != "" {
			if remark != "" {
				remark += "; "
			}
			remark += "mode " + d.Mode + " for the default network"
		}
		usable, memory := "no", "–"
		if d.Usable {
			usable = "yes"
		}
		if d.Memory > 0 {
			memory = fmt.Sprintf("%.1f GiB", float64(d.Memory)/(1<<30))
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.ID, usable, d.Name, memory, cmp.Or(d.Capability, "–"),
			cmp.Or(d.Driver, "–"), cmp.Or(remark, "–"))
	}
	return w.Flush()
}
