package job_test

import (
	"bytes"
	"testing"

	"neuroloupe/cmd/internal/job"
	"neuroloupe/engine"
)

// The remark is on the first device that can be used and is not for comparison alone, wherever it stands; what is not
// known of a device is a dash.
func TestPrintDevices(t *testing.T) {
	var out bytes.Buffer
	err := job.Devices{
		{Device: engine.Device{ID: "cuda:0", Name: "old card", Reason: "it has compute capability 3.5", Driver: "470"}},
		{Device: engine.Device{ID: "tape", Name: "slow", Usable: true, Oracle: true, Reason: "for comparison"}},
		{
			Device: engine.Device{ID: "cuda:1", Name: "card", Memory: 3 << 29, Usable: true, Capability: "9.0"},
			Mode:   "graph",
		},
		{
			Device: engine.Device{ID: "cuda:2", Name: "twin", Memory: 3 << 29, Usable: true, Capability: "9.0"},
			Mode:   "graph",
		},
		{Device: engine.Device{ID: "cpu", Name: "a processor", Usable: true, Reason: "slower"}},
	}.Print(&out)
	want := `DEVICE   USABLE   NAME          MEMORY    CAPABILITY   DRIVER   REMARK
cuda:0   no       old card      –         –            470      it has compute capability 3.5
tape     yes      slow          –         –            –        for comparison
cuda:1   yes      card          1.5 GiB   9.0          –        what --device auto takes; mode graph for the default network
cuda:2   yes      twin          1.5 GiB   9.0          –        mode graph for the default network
cpu      yes      a processor   –         –            –        slower
`
	if err != nil || out.String() != want {
		t.Errorf("%v\n%s\nwant\n%s", err, out.String(), want)
	}
}
