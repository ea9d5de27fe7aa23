package main

import "neuroloupe/cmd/internal/job"

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

// Run lists what is here to train on.
func (c *devicesCmd) Run(a *app) error {
	all, err := job.List(a.ctx, a)
	if err != nil {
		return err
	}
	if c.JSON {
		return a.printJSON(all)
	}
	return all.Print(a.stdout)
}
