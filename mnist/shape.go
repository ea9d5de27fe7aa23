package mnist

import "fmt"

// Shape is the size of an image: Rows×Cols pixels of Channels bytes each, 1 for grey. Its bytes lie row-major, the
// channels of a pixel together.
type Shape struct{ Rows, Cols, Channels int }

// Grey returns the shape of grey images of rows×cols pixels.
func Grey(rows, cols int) Shape { return Shape{Rows: rows, Cols: cols, Channels: 1} }

// Pixels returns Rows·Cols·Channels, how many numbers an image has: the inputs of a network that takes it.
func (s Shape) Pixels() int { return s.Rows * s.Cols * s.Channels }

// String returns "28×28" of grey images, "32×32×3" of those with more channels.
func (s Shape) String() string {
	if s.Channels > 1 {
		return times([]int{s.Rows, s.Cols, s.Channels})
	}
	return times([]int{s.Rows, s.Cols})
}

// Validate returns an error for images that are not grey: nothing can be made of those yet.
func (s Shape) Validate() error {
	if s.Channels != 1 {
		return fmt.Errorf("mnist: images of %d×%d pixels with %d channels, want 1: only grey images can be used",
			s.Rows, s.Cols, s.Channels)
	}
	return nil
}
