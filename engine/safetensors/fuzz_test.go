package safetensors

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// FuzzRead: no panic, no memory beyond the size of the input, errors that name what is wrong, and what reads is
// written and read again with equal values. The corpus in testdata holds files of each dtype and of each defect.
func FuzzRead(f *testing.F) {
	f.Fuzz(func(t *testing.T, file []byte) {
		before := allocated()
		tensors, meta, err := read(file)
		if used := allocated() - before; used > allowance(len(file)) {
			t.Errorf("%d bytes allocated for a file of %d", used, len(file))
		}
		if err != nil {
			if f := (*FormatError)(nil); !errors.As(err, &f) || f.Reason == "" {
				t.Errorf("error %#v, want a FormatError with its reason", err)
			}
			return
		}
		for _, x := range tensors {
			if x.Len() != len(x.Data) {
				t.Errorf("tensor %q: %d values for shape %v", x.Name, len(x.Data), x.Shape)
			}
		}
		var again bytes.Buffer
		if err := Write(&again, tensors, meta); err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		tensors2, meta2, err := read(again.Bytes())
		if err != nil {
			t.Fatalf("what was written cannot be read: %v", err)
		}
		if d := cmp.Diff(tensors, tensors2, bits); d != "" {
			t.Errorf("tensors (-first +second):\n%s", d)
		}
		if d := cmp.Diff(meta, meta2); d != "" {
			t.Errorf("metadata (-first +second):\n%s", d)
		}
	})
}
