// Package memory says how much memory this process may still take, so that what a file claims can be checked before
// memory is allocated for it.
package memory

import (
	"math"
	"os"
	"path"
	"runtime"
	"strconv"
	"strings"
)

// Available returns how many bytes this process may still take: the least of what the machine has free and what is left
// of each memory limit of its control groups (Linux, version 1 and 2). It is math.MaxInt64 where that is not known.
func Available() int64 {
	if runtime.GOOS != "linux" {
		return math.MaxInt64
	}
	return available("/")
}

// available reads the files of a system that is mounted at root.
func available(root string) int64 {
	left := int64(math.MaxInt64)
	for line := range strings.Lines(read(root, "proc/meminfo")) {
		if f := strings.Fields(line); len(f) >= 2 && f[0] == "MemAvailable:" {
			if kib, ok := number(f[1]); ok && kib <= math.MaxInt64/1024 {
				left = kib * 1024
			}
		}
	}
	for line := range strings.Lines(read(root, "proc/self/cgroup")) {
		part := strings.SplitN(strings.TrimSpace(line), ":", 3) // hierarchy:controllers:path
		if len(part) != 3 {
			continue
		}
		switch {
		case part[0] == "0" && part[1] == "":
			left = min(left, groups(root, "sys/fs/cgroup", part[2], "memory.max", "memory.current"))
		case strings.Contains(","+part[1]+",", ",memory,"):
			left = min(left, groups(root, "sys/fs/cgroup/memory", part[2], "memory.limit_in_bytes",
				"memory.usage_in_bytes"))
		}
	}
	return left
}

// groups returns what is left of the limits of a group and of those that it is in. Inside a container the group's path
// may be the host's; what is mounted is then the group itself, which is the last that is looked at.
func groups(root, mount, group, limit, usage string) int64 {
	left := int64(math.MaxInt64)
	for group = path.Clean("/" + group); ; group = path.Dir(group) {
		most, ok := number(read(root, path.Join(mount, group, limit)))
		used, known := number(read(root, path.Join(mount, group, usage)))
		if ok && known {
			used -= min(used, cached(read(root, path.Join(mount, group, "memory.stat"))))
			left = min(left, max(0, most-used))
		}
		if group == "/" {
			return left
		}
	}
}

// cached returns how much of a group's memory is pages of files, which the system gives up when memory is asked for; a
// group that has read much would else look full. total_ is version 1's, with the groups below as its usage has them.
func cached(stat string) int64 {
	sums := map[string]int64{}
	for line := range strings.Lines(stat) {
		if f := strings.Fields(line); len(f) == 2 {
			sums[f[0]], _ = number(f[1])
		}
	}
	if total, ok := sums["total_inactive_file"]; ok {
		return total + sums["total_active_file"]
	}
	return sums["inactive_file"] + sums["active_file"]
}

func read(root, name string) string {
	b, err := os.ReadFile(path.Join(root, name))
	if err != nil {
		return ""
	}
	return string(b)
}

// number reads a count; "max" is none.
func number(text string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	return n, err == nil && n >= 0
}
