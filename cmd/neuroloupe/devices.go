package main

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"neuroloupe/cmd/internal/bench"
	"neuroloupe/cmd/internal/job"
	"neuroloupe/cmd/internal/runs"
	"neuroloupe/cmd/internal/words"
	"neuroloupe/engine"
	"neuroloupe/graph"
)

type devicesCmd struct {
	JSON bool `name:"json" help:"Print one JSON document instead of a table."`
}

func (devicesCmd) Help() string {
	return `Shows what is here to train on, which of it --device auto takes, and why not the others. The first time, an
NVIDIA driver compiles the kernels for its device, which takes some seconds. One that does not answer within 5 seconds
is left out.

Examples:

    neuroloupe devices
    neuroloupe devices --json
`
}

// listed is a device as it is printed.
type listed struct {
	engine.Device
	Mode string `json:"mode,omitempty"` // what --cuda-mode auto is on a GPU for the default network
}

func (c *devicesCmd) Run(a *app) error {
	var all []listed
	auto := ""
	for _, d := range job.Drivers(a.ctx, job.Device{Want: "auto"}, a) {
		var hung error
		for _, dev := range d.Devices() {
			l := listed{Device: dev}
			if dev.Usable && dev.Backend == job.GPUBackend {
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
			if a.ctx.Err() != nil {
				return engine.ErrInterrupted
			}
			if auto == "" && l.Usable && !l.Oracle {
				auto = l.ID
			}
			all = append(all, l)
		}
	}
	if c.JSON {
		return a.printJSON(all)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 3, ' ', 0)
	fmt.Fprintln(w, "DEVICE\tUSABLE\tNAME\tMEMORY\tCAPABILITY\tDRIVER\tREMARK")
	for _, d := range all {
		remark := d.Reason
		if d.ID == auto {
			remark = "what --device auto takes"
		}
		if d.Mode != "" {
			remark = strings.TrimPrefix(remark+"; mode "+d.Mode+" for the default network", "; ")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.ID, yes(d.Usable), d.Name, memory(d.Memory), or(d.Capability),
			or(d.Driver), or(remark))
	}
	return w.Flush()
}

// try opens the device and finds the mode; what is listed as usable then is.
func (l *listed) try(d engine.Driver) (err error) {
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

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// or returns s, or a dash for nothing.
func or(s string) string {
	if s == "" {
		return "–"
	}
	return s
}

func memory(n int64) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}
