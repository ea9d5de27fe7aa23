package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"text/tabwriter"

	"neuroloupe/cmd/internal/dataset"
	"neuroloupe/mnist"
)

type dataCmd struct {
	List   dataListCmd   `cmd:"" help:"The data sets known by name, and where they come from."`
	Fetch  dataFetchCmd  `cmd:"" help:"Put a data set's files into the cache."`
	Verify dataVerifyCmd `cmd:"" help:"Check a data set's files against their checksums."`
	Show   dataShowCmd   `cmd:"" help:"Images, classes, counts and never-inked pixels of a data set."`
}

func (dataCmd) Help() string {
	return `Examples:

    neuroloupe data fetch mnist
    neuroloupe data show fashion
`
}

type dataListCmd struct {
	JSON bool `name:"json" help:"Print one JSON document instead of a table."`
}

func (dataListCmd) Help() string {
	return `Examples:

    neuroloupe data list
    neuroloupe data list --json
`
}

type listedData struct {
	Name        string   `json:"name"`
	Description string   `json:"description"`
	Classes     []string `json:"classes"`
	Sources     []string `json:"sources"`
}

func (c *dataListCmd) Run(a *app) error {
	sets := []listedData{}
	for _, k := range mnist.Known() {
		sets = append(sets, listedData{k.Name, k.Description, k.Classes, k.Sources})
	}
	if c.JSON {
		return a.printJSON(sets)
	}
	for _, s := range sets {
		err := printRows(a.stdout, [][2]string{
			{s.Name, s.Description},
			{"  classes", strings.Join(s.Classes, ", ")},
			{"  sources", strings.Join(s.Sources, "\n"+strings.Repeat(" ", 16))},
		})
		if err != nil {
			return err
		}
	}
	_, err := fmt.Fprintln(a.stdout, "or the path of a folder with four IDX files")
	return err
}

// dataSource is the data set that a command is about.
type dataSource struct {
	Dataset string `arg:"" optional:"" help:"mnist (default), fashion, or a folder with IDX files."`
	DataDir string `name:"folder" predictor:"dir" placeholder:"DIR" help:"Take the files from this folder."`
	JSON    bool   `name:"json" help:"Print one JSON document instead of a table."`
}

type dataFetchCmd struct{ dataSource }

func (dataFetchCmd) Help() string {
	return `Examples:

    neuroloupe data fetch
    neuroloupe data fetch fashion
`
}

type listedFile struct {
	Name   string `json:"name"`
	Path   string `json:"path"`
	SHA256 string `json:"sha256"`
	Bytes  int64  `json:"bytes"`
	Status string `json:"status"`
}

func (c *dataFetchCmd) Run(a *app) error {
	name, err := dataset.Name(c.Dataset)
	if err != nil {
		return err
	}
	o, done := a.Downloads()
	defer done()
	o.Dir = c.DataDir
	files, err := mnist.Fetch(a.ctx, name, o)
	if err != nil {
		return err
	}
	done()
	var listed []listedFile
	for _, f := range files {
		listed = append(listed, listedFile{f.Name, f.Path, f.SHA256, f.Bytes, "there"})
	}
	return a.printFiles(listed, c.JSON)
}

type dataVerifyCmd struct{ dataSource }

func (dataVerifyCmd) Help() string {
	return `Changes nothing. Exits 1 when a file is missing or not what it must be.

Examples:

    neuroloupe data verify
    neuroloupe data verify ~/my-idx-files
`
}

func (c *dataVerifyCmd) Run(a *app) error {
	name, err := dataset.Name(c.Dataset)
	if err != nil {
		return err
	}
	files, err := mnist.Verify(a.ctx, name, mnist.Options{Dir: c.DataDir})
	if err != nil {
		return err
	}
	var listed []listedFile
	var bad []error
	for _, f := range files {
		status := "good"
		switch {
		case errors.Is(f.Err, fs.ErrNotExist):
			status = "missing"
		case f.Err != nil:
			status = "BAD"
		case f.Official != "":
			status = "official " + f.Official
		}
		if f.Err != nil {
			bad = append(bad, f.Err)
		}
		listed = append(listed, listedFile{f.Name, f.Path, f.SHA256, f.Bytes, status})
	}
	if err := a.printFiles(listed, c.JSON); err != nil {
		return err
	}
	if len(bad) > 0 && c.DataDir == "" && dataset.Known(name) {
		bad = append(bad, fmt.Errorf("neuroloupe data fetch %s fetches what is missing or bad", name))
	}
	return errors.Join(bad...)
}

func (a *app) printFiles(files []listedFile, asJSON bool) error {
	if asJSON {
		return a.printJSON(files)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 0, 2, ' ', 0)
	for _, f := range files {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", f.Status, f.Path, f.Bytes, f.SHA256)
	}
	return w.Flush()
}

type dataShowCmd struct{ dataSource }

func (dataShowCmd) Help() string {
	return `Counts images and classes, and says what is odd about them: classes without images, pixels that are not ink
from 0 to 255, digits that lie on their side, copies.

Examples:

    neuroloupe data show
    neuroloupe data show fashion --json
`
}

func (c *dataShowCmd) Run(a *app) error {
	name, err := dataset.Name(c.Dataset)
	if err != nil {
		return err
	}
	d, err := a.Load(a.ctx, name, c.DataDir)
	if err != nil {
		return err
	}
	sum := dataset.Summarize(d)
	if c.JSON {
		return a.printJSON(sum)
	}
	return printRows(a.stdout, sum.Lines())
}
