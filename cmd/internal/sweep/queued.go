package sweep

import (
	"path/filepath"

	"neuroloupe/cmd/internal/study"
)

// Queued returns the runs of the plan of a sweep's folder as rows of a table, for [study.Finder]; none for a folder
// that is no sweep's.
func Queued(folder string) ([]study.Run, error) {
	if !IsFolder(folder) {
		return nil, nil
	}
	f := Folder{folder}
	planned, err := f.List()
	var all []study.Run
	for _, l := range planned {
		all = append(all, study.Run{
			Path: f.Run(l.ID), Facts: study.Facts{Settings: study.SettingsOf(filepath.Base(l.Data), l.Train)},
		})
	}
	return all, err
}
