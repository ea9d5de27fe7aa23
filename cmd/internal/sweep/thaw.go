package sweep

import (
	"context"
	"fmt"
	"path/filepath"

	"neuroloupe/cmd/internal/dataset"
	"neuroloupe/cmd/internal/job"
	"neuroloupe/mnist"
)

// Thaw is the plan that a sweep's folder holds: its runs as they were worked out when its file was given, not as that
// file or another data set would give them now.
func (f Folder) Thaw(ctx context.Context, load Loader, version string) (*Plan, error) {
	z, err := f.readPlan()
	if err != nil {
		return nil, err
	}
	file, err := Read(filepath.Join(f.Path, fileCopy))
	if err != nil {
		return nil, err
	}
	p := &Plan{File: file, Varied: z.Varied}
	m := maker{file: file, load: load, version: version, data: map[[2]string]*mnist.Dataset{}, cuts: map[string]*cut{}}
	for _, r := range z.Runs {
		if r.Train.Net == "" || r.Train.Check() != nil || dataset.CheckClasses(r.Train.Classes) != nil {
			return nil, fmt.Errorf("%s is damaged: the settings of run %s are none; give the sweep's file once more, "+
				"which writes it anew", filepath.Join(f.Path, planFile), r.ID)
		}
		o := job.Order{Recipe: r.Train, Name: r.Data, Dir: r.Folder, Version: version}
		run, err := m.of(ctx, o, nil)
		if err != nil {
			return nil, err
		}
		if run.ID != r.ID {
			return nil, fmt.Errorf("run %s was planned for another %s than the one that is there now; bring back the "+
				"data set, or give the sweep's file once more", r.ID, r.Data)
		}
		run.Varied = r.Varied
		p.Runs = append(p.Runs, run)
	}
	return p, nil
}
