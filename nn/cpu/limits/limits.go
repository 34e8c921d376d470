// Package limits reports how much memory this process can still take before the system kills it: what is left on the
// machine and in the control groups around the process (those of containers, services and batch systems). It reads Linux's
// files; on other systems no limit is known.
package limits

import (
	"bufio"
	"cmp"
	"io/fs"
	"iter"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
)

// Limit is one bound on memory.
type Limit struct {
	// Name is the file that sets it, such as /sys/fs/cgroup/memory.max.
	Name string
	// Bytes is the bound, and Left what can still be taken. File memory that the system can reclaim counts as left, and so
	// does swap space.
	Bytes, Left int64
}

// Least returns the limit with the least memory left; false if none is known. system is the file system with /proc and the
// mounts.
func Least(system fs.FS) (Limit, bool) {
	memory := readNumbers(system, "proc/meminfo")
	swap := 1024 * memory["SwapFree:"]
	var limits []Limit
	if available, known := memory["MemAvailable:"]; known {
		limits = append(limits, Limit{Name: "/proc/meminfo", Bytes: 1024 * memory["MemTotal:"], Left: 1024*available + swap})
	}
	for _, h := range hierarchies(system) {
		for directory := range h.groups {
			if l, ok := h.version.limit(system, directory, swap); ok {
				limits = append(limits, l)
			}
		}
	}
	if len(limits) == 0 {
		return Limit{}, false
	}
	return slices.MinFunc(limits, func(a, b Limit) int { return cmp.Compare(a.Left, b.Left) }), true
}

// hierarchy is a mounted tree of control groups and this process's place in it.
type hierarchy struct {
	version version
	root    string // where it is mounted
	place   string // this process's group, below root
}

// groups yields the folders of the process's group and of its ancestors.
func (h hierarchy) groups(yield func(directory string) bool) {
	for place := path.Join("/", h.place); yield(path.Join(h.root, place)) && place != "/"; {
		place = path.Dir(place)
	}
}

// version is one of the two interfaces to control groups.
type version struct {
	limits           []string // files of bounds; the smallest counts
	usage            string
	files            []string // entries of memory.stat: memory of files, which the system can take back
	swapLimit        string
	swapUsage        string
	swapCountsMemory bool // whether swapLimit and swapUsage include memory
	fileSystem       string
	controller       string // the controller of the tree; empty if one tree has all
}

var (
	cgroup1 = version{
		limits: []string{"memory.limit_in_bytes"}, usage: "memory.usage_in_bytes",
		files:     []string{"total_inactive_file", "total_active_file"},
		swapLimit: "memory.memsw.limit_in_bytes", swapUsage: "memory.memsw.usage_in_bytes", swapCountsMemory: true,
		fileSystem: "cgroup", controller: "memory",
	}
	cgroup2 = version{
		limits: []string{"memory.max", "memory.high"}, usage: "memory.current",
		files:     []string{"inactive_file", "active_file"},
		swapLimit: "memory.swap.max", swapUsage: "memory.swap.current",
		fileSystem: "cgroup2",
	}
)

// limit reads the bound of one group; false if it has none. swap is the swap space left on the machine.
func (v version) limit(system fs.FS, directory string, swap int64) (Limit, bool) {
	limit := Limit{Bytes: math.MaxInt64}
	for _, file := range v.limits {
		if n, ok := readNumber(system, path.Join(directory, file)); ok && n < limit.Bytes {
			limit.Name, limit.Bytes = path.Join("/", directory, file), n
		}
	}
	usage, known := readNumber(system, path.Join(directory, v.usage))
	if limit.Name == "" || !known {
		return Limit{}, false
	}
	limit.Left = limit.Bytes - usage
	if most, ok := readNumber(system, path.Join(directory, v.swapLimit)); ok {
		used, _ := readNumber(system, path.Join(directory, v.swapUsage))
		left := most - used
		if v.swapCountsMemory {
			left -= limit.Left
		}
		swap = max(0, min(swap, left))
	}
	limit.Left += swap
	statistics := readNumbers(system, path.Join(directory, "memory.stat"))
	for _, name := range v.files {
		limit.Left += statistics[name]
	}
	return limit, true
}

// hierarchies finds where memory control groups are mounted, and this process's place in them.
func hierarchies(system fs.FS) []hierarchy {
	var found []hierarchy
	for _, v := range []version{cgroup1, cgroup2} {
		place, ok := v.place(system)
		if !ok {
			continue
		}
		best := ""
		h := hierarchy{version: v}
		for m := range mounts(system) {
			if m.kind != v.fileSystem || v.controller != "" && !slices.Contains(m.options, v.controller) {
				continue
			}
			// In a container the mount may start at the process's own group, while /proc gives a path outside the mount.
			below, inside := strings.CutPrefix(place+"/", strings.TrimSuffix(m.root, "/")+"/")
			switch {
			case inside && (best == "" || len(m.root) < len(best)): // the mount that shows most of the ancestors
				best, h.root, h.place = m.root, m.at, below
			case best == "" && h.root == "":
				h.root = m.at
			}
		}
		if h.root != "" {
			found = append(found, h)
		}
	}
	return found
}

// place is this process's group, as named in /proc.
func (v version) place(system fs.FS) (string, bool) {
	for line := range lines(system, "proc/self/cgroup") {
		fields := strings.SplitN(line, ":", 3)
		if len(fields) < 3 {
			continue
		}
		mine := fields[1] == ""
		if v.controller != "" {
			mine = slices.Contains(strings.Split(fields[1], ","), v.controller)
		}
		if mine {
			return path.Clean(fields[2]), true
		}
	}
	return "", false
}

// mount is a mounted file system.
type mount struct {
	kind     string
	root, at string // the folder of the file system and its mount point, the latter without the leading slash
	options  []string
}

// mounts yields the mounts in /proc/self/mountinfo.
func mounts(system fs.FS) iter.Seq[mount] {
	return func(yield func(mount) bool) {
		for line := range lines(system, "proc/self/mountinfo") {
			// 31 23 0:24 ROOT AT rw,nosuid shared:9 - KIND SOURCE rw,memory
			before, after, found := strings.Cut(line, " - ")
			place, kind := strings.Fields(before), strings.Fields(after)
			if !found || len(place) < 5 || len(kind) < 3 {
				continue
			}
			m := mount{kind: kind[0], root: unescape(place[3]), options: strings.Split(kind[2], ",")}
			m.at = strings.TrimPrefix(path.Clean("/"+unescape(place[4])), "/")
			if !yield(m) {
				return
			}
		}
	}
}

// unescape decodes \040 and the like, which stand for spaces, tabs, line breaks and backslashes in mountinfo.
func unescape(text string) string {
	var out strings.Builder
	for {
		before, after, found := strings.Cut(text, `\`)
		out.WriteString(before)
		if !found {
			return out.String()
		}
		if len(after) >= 3 {
			if c, err := strconv.ParseUint(after[:3], 8, 8); err == nil {
				out.WriteByte(byte(c))
				text = after[3:]
				continue
			}
		}
		out.WriteByte('\\')
		text = after
	}
}

// readNumber reads a file with one number; false if there is none, or if it means "no limit".
func readNumber(system fs.FS, name string) (int64, bool) {
	const unbounded = 1 << 60 // version 1 writes the largest number of whole pages
	for line := range lines(system, name) {
		n, err := strconv.ParseInt(strings.TrimSpace(line), 10, 64)
		return n, err == nil && n >= 0 && n < unbounded
	}
	return 0, false
}

// readNumbers reads lines of a name, a number, and perhaps a unit.
func readNumbers(system fs.FS, name string) map[string]int64 {
	numbers := map[string]int64{}
	for line := range lines(system, name) {
		fields := strings.Fields(line)
		if len(fields) < 2 {
			continue
		}
		if n, err := strconv.ParseInt(fields[1], 10, 50); err == nil && n >= 0 { // times 1024, it fits 64 bits
			numbers[fields[0]] = n
		}
	}
	return numbers
}

// lines yields the lines of a file that can be read.
func lines(system fs.FS, name string) iter.Seq[string] {
	return func(yield func(string) bool) {
		f, err := system.Open(name)
		if err != nil {
			return
		}
		defer f.Close()
		for s := bufio.NewScanner(f); s.Scan() && yield(s.Text()); {
		}
	}
}
