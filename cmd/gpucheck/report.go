package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"neuroloupe/engine"
	"neuroloupe/engine/atomicfile"
)

// formatVersion is the version of gpu-check.json that this program writes and reads.
const formatVersion = 1

// The files of a check.
const (
	reportName = "gpu-check.json"
	textName   = "gpu-check.txt"
)

// Report is gpu-check.json. Times are in seconds where the name does not say otherwise; what was not found out is
// absent.
type Report struct {
	Format    int       `json:"format"`
	Made      time.Time `json:"made"`
	Version   string    `json:"version"` // of the program
	PTX       string    `json:"ptx_sha256"`
	CPU       string    `json:"cpu"`
	Cores     int       `json:"cores"`
	Simulator bool      `json:"simulator"` // it was no card: nothing here says how fast one is
	Steps     []Step    `json:"steps"`
	Findings
}

// Step is one of the things that were tried, in order.
type Step struct {
	Name    string  `json:"name"`
	Result  string  `json:"result"` // passed, failed or skipped
	Reason  string  `json:"reason,omitempty"`
	Seconds float64 `json:"seconds"`
	Limit   float64 `json:"limit_seconds"` // after which it would have been ended
}

// The results of a Step.
const (
	passed  = "passed"
	failed  = "failed"
	skipped = "skipped"
)

// Findings is what steps find. A step tells them as it goes, as Findings of one thing each.
type Findings struct {
	Device      *engine.Device `json:"device,omitempty"`
	SMI         string         `json:"nvidia_smi,omitempty"` // what the driver's own tool says about the card, as CSV
	CUBLAS      string         `json:"cublas,omitempty"`     // the file, or why there is none
	Compilation []Compilation  `json:"compilation,omitempty"`
	// from the simulator's parameters after the runs of reference.json
	Reference []Difference `json:"reference,omitempty"`
	Parity    []Difference `json:"parity,omitempty"` // from the CPU's parameters after an epoch
	Tests     []Tests      `json:"tests,omitempty"`
	Peaks     []Peak       `json:"peaks,omitempty"`
	Speed     []Speed      `json:"speed,omitempty"`
	Fleets    []Fleet      `json:"fleets,omitempty"`
	Accuracy  []Accuracy   `json:"accuracy,omitempty"`
	Sanitizer []Sanitizer  `json:"sanitizer,omitempty"`
}

// Compilation is how long it takes to open the device and to compile the kernels' PTX for it.
type Compilation struct {
	Cached  bool    `json:"cached"` // the driver had it compiled already
	Seconds float64 `json:"seconds"`
}

// Difference is the largest one of a parameter between two runs of the same training.
type Difference struct {
	Net     string  `json:"net"`
	Mode    string  `json:"mode"`
	Steps   int     `json:"steps"`
	Batch   int     `json:"batch"`
	Largest float64 `json:"largest_difference"` // absolute
	In      string  `json:"in"`                 // the tensor it is in
	Bound   float64 `json:"bound"`
	OK      bool    `json:"ok"`
	Why     string  `json:"left_out,omitempty"` // it was not run

	NotFinite bool `json:"not_finite,omitempty"` // the difference is no number; largest_difference is 0
}

// Tests is the result of the backend's own tests on the card.
type Tests struct {
	Name     string   `json:"name"` // of the test, with the mode where it has one
	Passed   int      `json:"passed"`
	Failed   int      `json:"failed"`
	Skipped  int      `json:"skipped"`
	Failures []string `json:"failures,omitempty"` // names
}

// Peak is the most arithmetic that was reached.
type Peak struct {
	Precision string  `json:"precision"`
	GFLOPS    float64 `json:"gflops"` // 10⁹ operations a second, a multiply and an add counted as two
	By        string  `json:"by"`     // what was run
}

// Speed is how fast a program trains.
type Speed struct {
	Net       string `json:"net"`
	Batch     int    `json:"batch"`
	Precision string `json:"precision"`
	Program   string `json:"program"` // neuroloupe or PyTorch
	// neuroloupe: persistent, graph, cpu; PyTorch: eager, CUDA graphs, compile
	How              string  `json:"how"`
	Version          string  `json:"version,omitempty"`
	Rounds           int     `json:"rounds,omitempty"`
	Examples         int     `json:"examples,omitempty"`          // of an epoch: whole batches
	SecondsPerEpoch  float64 `json:"seconds_per_epoch,omitempty"` // median of the rounds, like all that follows from it
	Fastest          float64 `json:"fastest_seconds_per_epoch,omitempty"`
	Slowest          float64 `json:"slowest_seconds_per_epoch,omitempty"`
	MicrosPerStep    float64 `json:"us_per_step,omitempty"`
	SamplesPerSecond float64 `json:"samples_per_second,omitempty"`
	EpochsPerSecond  float64 `json:"epochs_per_second,omitempty"`
	GFLOPS           float64 `json:"gflops,omitempty"`     // of the dense work; see bench.FLOPs
	PeakShare        float64 `json:"peak_share,omitempty"` // of the Peak of that precision
	TestAccuracy     float64 `json:"test_accuracy,omitempty"`
	LeftOut          string  `json:"left_out,omitempty"` // why there are no figures
}

// Fleet is how many networks an hour a program trains, without tests between. One after another is a network by itself
// on the whole device.
type Fleet struct {
	Net           string  `json:"net"`
	Batch         int     `json:"batch"`
	Program       string  `json:"program"` // neuroloupe or PyTorch
	How           string  `json:"how"`     // one after another, fleet; vmap, with CUDA graphs too
	Version       string  `json:"version,omitempty"`
	Networks      int     `json:"networks"`
	Slots         int     `json:"slots,omitempty"`  // of them side by side
	Steps         int     `json:"steps,omitempty"`  // of each that were measured
	Rounds        int     `json:"rounds,omitempty"` // that seconds is the median of
	Seconds       float64 `json:"seconds,omitempty"`
	MicrosPerStep float64 `json:"us_per_step,omitempty"`       // of a network: seconds/(networks·steps)
	PerHour       float64 `json:"networks_per_hour,omitempty"` // trained for 30 epochs, from that
	LeftOut       string  `json:"left_out,omitempty"`          // why there are no figures
}

// Accuracy is how long a network took to reach a test accuracy.
type Accuracy struct {
	Net      string  `json:"net"`
	Batch    int     `json:"batch"`
	Mode     string  `json:"mode"`
	Target   float64 `json:"target"`
	Reached  bool    `json:"reached"`
	Best     float64 `json:"best"`
	Epochs   int     `json:"epochs"`
	Training float64 `json:"training_seconds"` // without evaluation
}

// Sanitizer is the result of a tool of NVIDIA's compute-sanitizer on the runs of reference.json.
type Sanitizer struct {
	Tool    string `json:"tool"`
	OK      bool   `json:"ok"`
	Summary string `json:"summary"` // its last lines
}

// add takes over what f has.
func (r *Report) add(f Findings) {
	if f.Device != nil {
		r.Device, r.Simulator = f.Device, f.Device.Name == simulatorName
	}
	if f.SMI != "" {
		r.SMI = f.SMI
	}
	if f.CUBLAS != "" {
		r.CUBLAS = f.CUBLAS
	}
	r.Compilation = append(r.Compilation, f.Compilation...)
	r.Reference = append(r.Reference, f.Reference...)
	r.Parity = append(r.Parity, f.Parity...)
	r.Tests = append(r.Tests, f.Tests...)
	r.Peaks = append(r.Peaks, f.Peaks...)
	r.Speed = append(r.Speed, f.Speed...)
	r.Fleets = append(r.Fleets, f.Fleets...)
	r.Accuracy = append(r.Accuracy, f.Accuracy...)
	r.Sanitizer = append(r.Sanitizer, f.Sanitizer...)
}

// simulatorName is what the driver simulator calls its devices.
const simulatorName = "CUDA driver simulator"

// write replaces the two files in folder.
func (r *Report) write(folder, log string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := atomicfile.WriteBytes(filepath.Join(folder, reportName), append(data, '\n')); err != nil {
		return err
	}
	return atomicfile.WriteBytes(filepath.Join(folder, textName), []byte(r.text(log)))
}

// readReport reads a report of measurements and refuses what is none.
func readReport(path string) (*Report, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	r := &Report{}
	if err := json.Unmarshal(data, r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	switch {
	case r.Format != formatVersion:
		return nil, fmt.Errorf("%s: format %d, this program reads %d", path, r.Format, formatVersion)
	case r.Device == nil:
		return nil, fmt.Errorf("%s: no device was found: there is nothing to tell", path)
	case r.Simulator || r.Device.Name == simulatorName:
		return nil, fmt.Errorf("%s was made on the driver simulator, which says nothing about a card", path)
	}
	return r, nil
}
