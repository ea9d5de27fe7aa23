// Package kubernetes checks the manifest that docs/clusters.md shows.
package kubernetes

import (
	"os"
	"slices"
	"strings"
	"testing"

	batch "k8s.io/api/batch/v1"
	core "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// manifest is the block of YAML of docs/clusters.md.
func manifest(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../../../docs/clusters.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(text), "```yaml\n")
	block, _, end := strings.Cut(rest, "```")
	if !ok || !end {
		t.Fatal("docs/clusters.md shows no YAML")
	}
	return block
}

// Every field of the manifest is one that Kubernetes knows, and it says what the text around it promises: an index per
// shard, a shard that must not be tried again fails alone, a pod that is evicted does not count as a failure.
func TestManifest(t *testing.T) {
	var j batch.Job
	if err := yaml.UnmarshalStrict([]byte(manifest(t)), &j); err != nil {
		t.Fatal(err)
	}
	s := j.Spec
	if j.APIVersion != "batch/v1" || j.Kind != "Job" || s.CompletionMode == nil ||
		*s.CompletionMode != batch.IndexedCompletion || s.Completions == nil || s.Parallelism == nil ||
		*s.Parallelism > *s.Completions || s.BackoffLimitPerIndex == nil {
		t.Errorf("%+v", s)
	}
	pod := s.Template.Spec
	if pod.RestartPolicy != core.RestartPolicyNever || len(pod.Containers) != 1 {
		t.Fatalf("%+v", pod)
	}
	var codes []int32
	evicted := false
	for _, r := range s.PodFailurePolicy.Rules {
		switch {
		case r.OnExitCodes != nil && r.Action == batch.PodFailurePolicyActionFailIndex &&
			r.OnExitCodes.Operator == batch.PodFailurePolicyOnExitCodesOpIn:
			codes = append(codes, r.OnExitCodes.Values...)
		case len(r.OnPodConditions) > 0 && r.Action == batch.PodFailurePolicyActionIgnore:
			evicted = evicted || r.OnPodConditions[0].Type == core.DisruptionTarget
		}
	}
	if !slices.Equal(codes, []int32{2, 3}) || !evicted {
		t.Errorf("rules %+v", s.PodFailurePolicy.Rules)
	}
	c := pod.Containers[0]
	line := strings.Join(append(slices.Clone(c.Command), c.Args...), " ")
	if !strings.Contains(line, "--shard $(JOB_COMPLETION_INDEX)/") || !strings.Contains(line, "neuroloupe sweep ") {
		t.Errorf("the container runs %q", line)
	}
	shards := line[strings.Index(line, "INDEX)/")+len("INDEX)/"):]
	if want := strings.Fields(shards)[0]; want != "16" || *s.Completions != 16 {
		t.Errorf("%s shards, and %d completions", want, *s.Completions)
	}
	for _, m := range c.VolumeMounts {
		if !slices.ContainsFunc(pod.Volumes, func(v core.Volume) bool { return v.Name == m.Name }) {
			t.Errorf("no volume %s", m.Name)
		}
	}
}
