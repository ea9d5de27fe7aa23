package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// spoil changes the IDX files of writeShapes: inverted (dark on bright paper), binary (pixels 0 and 1), dark (pixels to
// 15), shifted (labels from 1), alike (one label), permuted (label k becomes 3k+1 mod 4).
func spoil(dir, fault string) error {
	pixel := map[string]func(byte) byte{
		"inverted": func(v byte) byte { return 255 - v },
		"binary":   func(v byte) byte { return v >> 7 },
		"dark":     func(v byte) byte { return v >> 4 },
	}[fault]
	label := map[string]func(byte) byte{
		"shifted":  func(v byte) byte { return v + 1 },
		"alike":    func(v byte) byte { return 0 },
		"permuted": func(v byte) byte { return (3*v + 1) % 4 },
	}[fault]
	if pixel == nil && label == nil {
		return fmt.Errorf("no fault %q", fault)
	}
	for _, set := range []string{"train", "t10k"} {
		for name, change := range map[string]func(byte) byte{"-images-idx3-ubyte": pixel, "-labels-idx1-ubyte": label} {
			if change == nil {
				continue
			}
			path := filepath.Join(dir, set+name)
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			head := 4 + 4*int(data[3])
			for i, v := range data[head:] {
				data[head+i] = change(v)
			}
			if err := os.WriteFile(path, data, 0o666); err != nil {
				return err
			}
		}
	}
	return nil
}
