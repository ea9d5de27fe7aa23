package memory

import (
	"math"
	"os"
	"path/filepath"
	"testing"
)

func TestAvailable(t *testing.T) {
	const free = "MemTotal: 8000 kB\nMemFree: 10 kB\nMemAvailable:    4000 kB\n"
	for _, c := range []struct {
		name  string
		files map[string]string
		want  int64
	}{
		{"nothing known", nil, math.MaxInt64},
		{"the machine alone", map[string]string{"proc/meminfo": free}, 4000 * 1024},
		{"version 2, no limit", map[string]string{
			"proc/meminfo": free, "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/b/memory.current": "5\n",
		}, 4000 * 1024},
		{"version 2, the outer group's limit", map[string]string{
			"proc/meminfo": free, "proc/self/cgroup": "0::/a/b\n",
			"sys/fs/cgroup/a/b/memory.max": "3000000\n", "sys/fs/cgroup/a/b/memory.current": "5\n",
			"sys/fs/cgroup/a/memory.max": "2000000\n", "sys/fs/cgroup/a/memory.current": "500000\n",
		}, 1500000},
		{"version 2 in a container", map[string]string{
			"proc/meminfo": free, "proc/self/cgroup": "0::/host/path\n",
			"sys/fs/cgroup/memory.max": "1000\n", "sys/fs/cgroup/memory.current": "900\n",
		}, 100},
		{"version 1", map[string]string{
			"proc/meminfo": free, "proc/self/cgroup": "7:cpu,memory:/g\n3:pids:/g\n",
			"sys/fs/cgroup/memory/g/memory.limit_in_bytes": "700\n",
			"sys/fs/cgroup/memory/g/memory.usage_in_bytes": "800\n",
		}, 0},
		{"version 2, full of what was read from files", map[string]string{
			"proc/self/cgroup": "0::/a\n", "sys/fs/cgroup/a/memory.max": "1000\n",
			"sys/fs/cgroup/a/memory.current": "990\n",
			"sys/fs/cgroup/a/memory.stat":    "anon 90\nfile 950\nshmem 50\ninactive_file 600\nactive_file 300\n",
		}, 910},
		{"version 1, full of what was read from files", map[string]string{
			"proc/self/cgroup": "7:memory:/g\n",
			"sys/fs/cgroup/memory/g/memory.limit_in_bytes": "1000\n",
			"sys/fs/cgroup/memory/g/memory.usage_in_bytes": "990\n",
			"sys/fs/cgroup/memory/g/memory.stat": "inactive_file 1\nactive_file 1\ntotal_inactive_file " +
				"600\ntotal_active_file 300\n",
		}, 910},
	} {
		t.Run(c.name, func(t *testing.T) {
			root := t.TempDir()
			for name, text := range c.files {
				path := filepath.Join(root, filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			if got := available(root); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}
