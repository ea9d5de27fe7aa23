package sweep

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"neuroloupe/cmd/internal/runs"
	"neuroloupe/engine/atomicfile"
)

const (
	fileCopy = "sweep.toml"
	planFile = "plan.json"
	runsDir  = "runs"
	logDir   = "log"
)

// Folder is a sweep's folder.
type Folder struct{ Path string }

// Run is the path of a run's folder.
func (f Folder) Run(id string) string { return filepath.Join(f.Path, runsDir, id) }

// frozen is plan.json.
type frozen struct {
	Format int         `json:"format"`
	Varied []string    `json:"varied"`
	Runs   []frozenRun `json:"runs"`
}

// frozenRun is one network of plan.json.
type frozenRun struct {
	ID     string      `json:"id"`
	Varied []string    `json:"varied"` // the values of what varies
	Data   string      `json:"data"`
	Folder string      `json:"folder,omitempty"`
	Train  runs.Recipe `json:"train"`
}

const (
	planFormat = 1
	maxPlan    = 1 << 28 // bytes
)

// Write puts a plan into the folder, which it makes. The runs of an earlier plan stay where they are.
func (f Folder) Write(p *Plan) error {
	z := frozen{Format: planFormat, Varied: p.Varied}
	for _, r := range p.Runs {
		z.Runs = append(z.Runs, frozenRun{r.ID, r.Varied, r.Order.Name, r.Order.Dir, r.Order.Recipe})
	}
	text, err := json.MarshalIndent(z, "", " ")
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	for _, dir := range []string{f.Path, filepath.Join(f.Path, runsDir), filepath.Join(f.Path, logDir)} {
		if err := atomicfile.MkdirAll(dir); err != nil {
			return err
		}
	}
	if err := atomicfile.WriteBytes(filepath.Join(f.Path, planFile), append(text, '\n')); err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(f.Path, fileCopy), []byte(p.File.Text))
}

// readPlan reads plan.json.
func (f Folder) readPlan() (*frozen, error) {
	path := filepath.Join(f.Path, planFile)
	text, err := atomicfile.ReadBytes(path, maxPlan)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is not the folder of a sweep: it has no %s; give the sweep's file", f.Path, planFile)
	}
	if err != nil {
		return nil, err
	}
	z := &frozen{}
	if err := json.Unmarshal(text, z); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w; give the sweep's file once more, which writes it anew", path, err)
	}
	if z.Format != planFormat {
		return nil, fmt.Errorf("%s has format %d, this program reads %d", path, z.Format, planFormat)
	}
	for _, r := range z.Runs {
		if filepath.Base(r.ID) != r.ID || r.ID == "." || r.ID == ".." || len(r.Varied) != len(z.Varied) {
			return nil, fmt.Errorf("%s is damaged: run %q; give the sweep's file once more, which writes it anew", path,
				r.ID)
		}
	}
	return z, nil
}

// IsFolder reports whether a path is the folder of a sweep.
func IsFolder(path string) bool {
	_, err := os.Stat(filepath.Join(path, planFile))
	return err == nil
}

// Listed is a run as plan.json lists it.
type Listed struct {
	ID    string
	Data  string
	Train runs.Recipe
}

// List are the runs of a sweep's folder in the order of its plan, trained or not.
func (f Folder) List() ([]Listed, error) {
	z, err := f.readPlan()
	if err != nil {
		return nil, err
	}
	var all []Listed
	for _, r := range z.Runs {
		all = append(all, Listed{r.ID, r.Data, r.Train})
	}
	return all, nil
}
