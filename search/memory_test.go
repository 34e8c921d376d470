package search_test

import (
	"runtime/debug"
	"strings"
	"testing"
	"testing/fstest"

	"mixmas/nn/cpu"
	"mixmas/nn/device"
	"mixmas/search/store"
)

// In a container with little memory, candidates that are too wide for it lose, and the search ends as if they were not there.
func TestSearchInAContainer(t *testing.T) {
	limit := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(limit) })
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	system := fstest.MapFS{
		"proc/self/cgroup":                           file("4:memory:/docker/abc\n"),
		"proc/self/mountinfo":                        file("9 8 0:7 /docker/abc /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"),
		"sys/fs/cgroup/memory/memory.stat":           file("total_inactive_file 1000000\n"),
		"sys/fs/cgroup/memory/memory.limit_in_bytes": file("300000000\n"),
		"sys/fs/cgroup/memory/memory.usage_in_bytes": file("293000000\n"), // 8 MB are left
	}
	want := newFixture(t)
	want.run()
	f := newFixture(t)
	f.change("[mlp_mixer, monarch_mixer]", "[mlp_mixer, monarch_mixer,"+
		"{name: mlp_mixer, label: wide, channel_width: 20000}, {name: mlp_mixer, label: wider, channel_width: 200000}]")
	f.wrap = func(device.Device) device.Device { return cpu.New(cpu.Options{Workers: f.workers, System: system}) }
	r := f.run()
	for _, o := range r.Stages[0].Outcomes()[2:] {
		reason := map[string]string{"wide": "load train/16: ", "wider": "open cpu session: "}[o.Job.Label]
		if o.Score.Status != store.Failed || !strings.HasPrefix(o.Score.Reason, reason) ||
			!strings.Contains(o.Score.Reason, " needed, ") || !strings.Contains(o.Score.Reason, " of the 286 MiB in /sys/fs/cgroup/memory/memory.limit_in_bytes left") {
			t.Errorf("%s: %s, %q", o.Job.Label, o.Score.Status, o.Score.Reason)
		}
	}
	scores := f.scores()
	for name, score := range want.scores() {
		if scores[name] != score {
			t.Errorf("%s is %s, without the limit %s", name, scores[name], score)
		}
		delete(scores, name)
	}
	if len(scores) > 0 {
		t.Errorf("scores of what did not fit were kept: %v", scores)
	}
}
