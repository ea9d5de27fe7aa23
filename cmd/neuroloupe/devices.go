package main

import (
	"fmt"
	"text/tabwriter"

	"neuroloupe/engine"
)

type devicesCmd struct {
	JSON bool `name:"json" help:"Print one JSON document instead of a table."`
}

func (devicesCmd) Help() string {
	return `Shows what is here to train on, which of it --device auto takes, and why not the others.

Examples:

    neuroloupe devices
    neuroloupe devices --json
`
}

func (c *devicesCmd) Run(a *app) error {
	var all []engine.Device
	auto := ""
	for _, d := range drivers(0) {
		for _, dev := range d.Devices() {
			if auto == "" && dev.Usable && !dev.Oracle {
				auto = dev.ID
			}
			all = append(all, dev)
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
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", d.ID, yes(d.Usable), d.Name, memory(d.Memory), or(d.Capability), or(d.Driver), or(remark))
	}
	return w.Flush()
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
