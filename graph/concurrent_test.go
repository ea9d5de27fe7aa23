package graph

import (
	"sync"
	"testing"

	"neuroloupe/engine"
)

// Networks are built by many goroutines at once (run with -race). gorgonia.Grad would write to a node that all graphs
// of the process share, but only the first time in a process: the name of this file puts the test first.
func TestConcurrentBuild(t *testing.T) {
	spec := engine.Spec{Inputs: 3}
	for range engine.MaxLayers { // deep, so that the goroutines meet
		spec.Layers = append(spec.Layers, layer(2, engine.Tanh))
	}
	start := make(chan struct{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			<-start
			if _, err := Compile(spec, 4); err != nil {
				t.Error(err)
			}
		})
	}
	close(start)
	wg.Wait()
}
