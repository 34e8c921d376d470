package limits

import (
	"io/fs"
	"maps"
	"os"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
)

// files is a system that holds texts.
func files(texts ...map[string]string) fs.FS {
	system := fstest.MapFS{}
	for _, some := range texts {
		for name, text := range some {
			system[name] = &fstest.MapFile{Data: []byte(text)}
		}
	}
	return system
}

var (
	// machine has 8 GB, of which 4 GB are left, and no swap.
	machine = map[string]string{"proc/meminfo": "MemTotal:        8000000 kB\nMemFree:          100000 kB\nMemAvailable:    4000000 kB\nSwapFree:              0 kB\n"}
	swap    = map[string]string{"proc/meminfo": "MemTotal: 8000000 kB\nMemAvailable: 4000000 kB\nSwapTotal: 2000000 kB\nSwapFree: 1000000 kB\n"}

	// version1 is a process in a group of its own, seen from outside of containers.
	version1 = map[string]string{
		"proc/self/cgroup": "5:devices:/\n4:cpu,memory:/system.slice/job\n0::/\n",
		"proc/self/mountinfo": "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755\n" +
			"34 31 0:31 / /sys/fs/cgroup/cpuset rw,relatime shared:4 - cgroup cgroup rw,cpuset\n" +
			"35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:5 master:1 - cgroup cgroup rw,cpu,memory\n",
		"sys/fs/cgroup/memory/memory.limit_in_bytes":                           "9223372036854771712\n",
		"sys/fs/cgroup/memory/memory.usage_in_bytes":                           "5000000000\n",
		"sys/fs/cgroup/memory/system.slice/memory.limit_in_bytes":              "9223372036854771712\n",
		"sys/fs/cgroup/memory/system.slice/memory.usage_in_bytes":              "900000000\n",
		"sys/fs/cgroup/memory/system.slice/job/memory.limit_in_bytes":          "300000000\n",
		"sys/fs/cgroup/memory/system.slice/job/memory.usage_in_bytes":          "120000000\n",
		"sys/fs/cgroup/memory/system.slice/job/memory.stat":                    "inactive_file 7\ntotal_inactive_file 30000000\ntotal_active_file 10000000\n",
		"sys/fs/cgroup/memory/system.slice/job/inner/memory.limit_in_bytes":    "1\n",
		"sys/fs/cgroup/memory/system.slice/another/memory.limit_in_bytes":      "1\n",
		"sys/fs/cgroup/memory/system.slice/job/memory.kmem.limit_in_bytes":     "1\n",
		"sys/fs/cgroup/memory/system.slice/job/memory.soft_limit_in_bytes":     "1\n",
		"sys/fs/cgroup/memory/system.slice/job/memory.memsw.max_usage_in_byte": "1\n",
	}

	// version2 is a process three groups deep.
	version2 = map[string]string{
		"proc/self/cgroup":                                       "0::/user.slice/app.scope/job\n",
		"proc/self/mountinfo":                                    "25 1 0:23 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate,memory_recursiveprot\n",
		"sys/fs/cgroup/memory.stat":                              "inactive_file 1000\n",
		"sys/fs/cgroup/user.slice/memory.max":                    "max\n",
		"sys/fs/cgroup/user.slice/memory.high":                   "max\n",
		"sys/fs/cgroup/user.slice/memory.current":                "3000000000\n",
		"sys/fs/cgroup/user.slice/app.scope/memory.max":          "1000000000\n",
		"sys/fs/cgroup/user.slice/app.scope/memory.high":         "max\n",
		"sys/fs/cgroup/user.slice/app.scope/memory.current":      "950000000\n",
		"sys/fs/cgroup/user.slice/app.scope/memory.stat":         "anon 900000000\ninactive_file 20000000\nactive_file 5000000\n",
		"sys/fs/cgroup/user.slice/app.scope/job/memory.max":      "800000000\n",
		"sys/fs/cgroup/user.slice/app.scope/job/memory.high":     "max\n",
		"sys/fs/cgroup/user.slice/app.scope/job/memory.current":  "100000000\n",
		"sys/fs/cgroup/user.slice/app.scope/job/memory.swap.max": "0\n",
	}
)

func TestLeast(t *testing.T) {
	one := func(name, text string) map[string]string { return map[string]string{name: text} }
	container := func(root, place string) []map[string]string {
		return []map[string]string{machine, {
			"proc/self/cgroup":                  "0::" + place + "\n",
			"proc/self/mountinfo":               "9 8 0:7 " + root + " /sys/fs/cgroup ro - cgroup2 cgroup rw\n",
			"sys/fs/cgroup/memory.max":          "500\n",
			"sys/fs/cgroup/memory.current":      "100\n",
			"sys/fs/cgroup/part/memory.max":     "300\n",
			"sys/fs/cgroup/part/memory.current": "200\n",
		}}
	}
	const job1, job2 = "sys/fs/cgroup/memory/system.slice/job/", "sys/fs/cgroup/user.slice/app.scope/job/"
	for _, c := range []struct {
		name   string
		system []map[string]string
		want   Limit // without a name where nothing is known
	}{
		{"nothing", nil, Limit{}},
		{"the machine", []map[string]string{machine}, Limit{"/proc/meminfo", 8192000000, 4096000000}},
		{"the machine with swap", []map[string]string{swap}, Limit{"/proc/meminfo", 8192000000, 4096000000 + 1024000000}},
		{"an old kernel", []map[string]string{one("proc/meminfo", "MemTotal: 8000000 kB\nMemFree: 1 kB\n")}, Limit{}},
		{"a full machine", []map[string]string{version1, one("proc/meminfo", "MemTotal: 8000000 kB\nMemAvailable: 1000 kB\n")}, Limit{"/proc/meminfo", 8192000000, 1024000}},

		{"version 1", []map[string]string{machine, version1}, Limit{"/" + job1 + "memory.limit_in_bytes", 300000000, 220000000}},
		{"version 1, the group above is tighter", []map[string]string{machine, version1,
			one("sys/fs/cgroup/memory/system.slice/memory.limit_in_bytes", "1000000000")},
			Limit{"/sys/fs/cgroup/memory/system.slice/memory.limit_in_bytes", 1000000000, 100000000}},
		{"version 1 with swap that nobody limits", []map[string]string{swap, version1}, Limit{"/" + job1 + "memory.limit_in_bytes", 300000000, 220000000 + 1024000000}},
		{"version 1 with as much swap as memory", []map[string]string{swap, version1,
			{job1 + "memory.memsw.limit_in_bytes": "600000000", job1 + "memory.memsw.usage_in_bytes": "120000000"}},
			Limit{"/" + job1 + "memory.limit_in_bytes", 300000000, 220000000 + 300000000}},
		{"version 1 with a limit that leaves no swap", []map[string]string{swap, version1,
			{job1 + "memory.memsw.limit_in_bytes": "300000000", job1 + "memory.memsw.usage_in_bytes": "150000000"}},
			Limit{"/" + job1 + "memory.limit_in_bytes", 300000000, 220000000}},

		{"version 2, the group above is tighter", []map[string]string{machine, version2}, Limit{"/sys/fs/cgroup/user.slice/app.scope/memory.max", 1000000000, 75000000}},
		{"version 2, its own group is tighter", []map[string]string{machine, version2, one(job2+"memory.max", "150000000")}, Limit{"/" + job2 + "memory.max", 150000000, 50000000}},
		{"version 2, memory.high", []map[string]string{machine, version2, one(job2+"memory.high", "110000000")}, Limit{"/" + job2 + "memory.high", 110000000, 10000000}},
		{"version 2, beyond its limit", []map[string]string{machine, version2, one(job2+"memory.high", "90000000")}, Limit{"/" + job2 + "memory.high", 90000000, -10000000}},
		{"version 2 with swap", []map[string]string{swap, version2, one(job2+"memory.max", "150000000"),
			{"sys/fs/cgroup/user.slice/app.scope/memory.swap.max": "max", job2 + "memory.swap.max": "9000000", job2 + "memory.swap.current": "2000000"}},
			Limit{"/" + job2 + "memory.max", 150000000, 57000000}},

		{"a container that sees its own group as the root", container("/", "/"), Limit{"/sys/fs/cgroup/memory.max", 500, 400}},
		{"a container that sees the machine's groups", container("/docker/abc", "/docker/abc"), Limit{"/sys/fs/cgroup/memory.max", 500, 400}},
		{"a group within such a container", container("/docker/abc", "/docker/abc/part"), Limit{"/sys/fs/cgroup/part/memory.max", 300, 100}},
		{"a name that begins alike", container("/docker/abc", "/docker/abcd"), Limit{"/sys/fs/cgroup/memory.max", 500, 400}},
		{"a group outside of what is mounted", container("/../..", "/../../else"), Limit{"/sys/fs/cgroup/memory.max", 500, 400}},
		{"a group that is gone", container("/", "/gone"), Limit{"/sys/fs/cgroup/memory.max", 500, 400}},
		{"a mount with a space in its name", []map[string]string{machine, {
			"proc/self/cgroup":            "0::/\n",
			"proc/self/mountinfo":         `9 8 0:7 / /my\040groups rw - cgroup2 cgroup rw` + "\n",
			"my groups/memory.max":        "500\n",
			"my groups/memory.current":    "100\n",
			`my\040groups/memory.max`:     "1\n",
			`my\040groups/memory.current`: "0\n",
		}}, Limit{"/my groups/memory.max", 500, 400}},
		{"the larger of two mounts", []map[string]string{machine, version2, one("proc/self/mountinfo",
			"9 8 0:7 /user.slice/app.scope/job /inner rw - cgroup2 cgroup rw\n"+version2["proc/self/mountinfo"]+"10 8 0:7 /user.slice /outer rw - cgroup2 cgroup rw\n")},
			Limit{"/sys/fs/cgroup/user.slice/app.scope/memory.max", 1000000000, 75000000}},

		{"no mounts", []map[string]string{machine, version2, one("proc/self/mountinfo", "")}, Limit{"/proc/meminfo", 8192000000, 4096000000}},
		{"nonsense", []map[string]string{machine, {"proc/self/cgroup": "a\n::\n0::\n\n:memory", "proc/self/mountinfo": "a - b\n1 2 3 / / - cgroup2\n1 2 3 / / rw - cgroup2 x y\n",
			"memory.max": "-5", "memory.current": "x"}}, Limit{"/proc/meminfo", 8192000000, 4096000000}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, known := Least(files(c.system...))
			if got != c.want || known != (c.want.Name != "") {
				t.Errorf("got %+v, %v, want %+v", got, known, c.want)
			}
		})
	}
}

// On Linux something is known of the machine that runs the test.
func TestLeastHere(t *testing.T) {
	limit, known := Least(os.DirFS("/"))
	if known != (runtime.GOOS == "linux") || known && (limit.Bytes <= 0 || !strings.HasPrefix(limit.Name, "/")) {
		t.Errorf("got %+v, %v", limit, known)
	}
}

func FuzzLeast(f *testing.F) {
	for _, seed := range []map[string]string{version1, version2} {
		f.Add(seed["proc/self/cgroup"], seed["proc/self/mountinfo"], machine["proc/meminfo"], "5000\n", "inactive_file 12\n")
	}
	f.Add("0::/../x", `1 2 3 /.. /a\0 rw - cgroup2 x y`, "MemAvailable: 9223372036854775807 kB", "99999999999999999999", "inactive_file -1")
	f.Fuzz(func(t *testing.T, cgroup, mountinfo, meminfo, number, statistics string) {
		texts := maps.Clone(version2)
		texts["proc/self/cgroup"], texts["proc/self/mountinfo"], texts["proc/meminfo"] = cgroup, mountinfo, meminfo
		texts["sys/fs/cgroup/memory.max"], texts["sys/fs/cgroup/memory.current"], texts["sys/fs/cgroup/memory.stat"] = number, number, statistics
		if limit, known := Least(files(texts)); known && (limit.Name == "" || limit.Bytes < 0) {
			t.Errorf("got %+v", limit)
		}
	})
}
