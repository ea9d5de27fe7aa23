package safetensors

import (
	"fmt"
	"io"

	"neuroloupe/engine/atomicfile"
)

// WriteFile writes the file at path as [Write] does, whole or not at all: see [atomicfile.Write].
func WriteFile(path string, tensors []Tensor, meta map[string]string) error {
	var bad error
	err := atomicfile.Write(path, func(w io.Writer) error {
		bad = Write(w, tensors, meta)
		return bad
	})
	switch {
	case bad != nil:
		return named(bad, path)
	case err != nil:
		return fmt.Errorf("safetensors: %w", err)
	}
	return nil
}
