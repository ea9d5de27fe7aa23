package mnist_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"neuroloupe/mnist"
)

// A folder with four IDX files; the name "mnist" in place of the folder's fetches the handwritten digits.
func ExampleLoad() {
	folder, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(folder)
	for name, idx := range map[string][]byte{
		"train-images-idx3-ubyte": images(6, 2, 3), "train-labels-idx1-ubyte": labels(0, 1, 2, 0, 1, 2),
		"t10k-images-idx3-ubyte": images(3, 2, 3), "t10k-labels-idx1-ubyte": labels(2, 1, 0),
	} {
		if err := os.WriteFile(filepath.Join(folder, name), idx, 0o600); err != nil {
			log.Fatal(err)
		}
	}
	data, err := mnist.Load(context.Background(), folder, mnist.Options{})
	if err != nil {
		log.Fatal(err)
	}
	zeroTwo, err := data.Train.Subset([]int{0, 2}) // renumbered to 0 and 1, names kept
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(data.Train.Len(), "training images of classes", data.Train.Classes)
	fmt.Println(zeroTwo.Len(), "of classes", zeroTwo.Classes, "labelled", zeroTwo.Labels)
	// Output:
	// 6 training images of classes [0 1 2]
	// 4 of classes [0 2] labelled [0 1 0 1]
}

// images writes n images of rows×cols pixels as IDX.
func images(n, rows, cols int) []byte {
	b := []byte{0, 0, 8, 3}
	for _, size := range []int{n, rows, cols} {
		b = binary.BigEndian.AppendUint32(b, uint32(size))
	}
	for i := range n * rows * cols {
		b = append(b, byte(i))
	}
	return b
}

func labels(ls ...byte) []byte {
	return append(binary.BigEndian.AppendUint32([]byte{0, 0, 8, 1}, uint32(len(ls))), ls...)
}
