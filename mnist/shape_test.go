package mnist

import "testing"

func TestShape(t *testing.T) {
	const colour = "mnist: images of 32×32 pixels with 3 channels, want 1: only grey images can be used"
	const none = "mnist: images of 2×3 pixels with 0 channels, want 1: only grey images can be used"
	for _, tt := range []struct {
		shape  Shape
		text   string
		pixels int
		err    string
	}{
		{Grey(28, 28), "28×28", 784, ""},
		{Grey(1, 5), "1×5", 5, ""},
		{Shape{32, 32, 3}, "32×32×3", 3072, colour},
		{Shape{Rows: 2, Cols: 3}, "2×3", 0, none},
	} {
		if got := tt.shape.String(); got != tt.text {
			t.Errorf("%#v is written %s, want %s", tt.shape, got, tt.text)
		}
		if got := tt.shape.Pixels(); got != tt.pixels {
			t.Errorf("%#v has %d pixels, want %d", tt.shape, got, tt.pixels)
		}
		got := ""
		if err := tt.shape.Validate(); err != nil {
			got = err.Error()
		}
		if got != tt.err {
			t.Errorf("%#v: error %q, want %q", tt.shape, got, tt.err)
		}
	}
}
