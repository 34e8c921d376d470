package page

import (
	"fmt"
	"regexp"
	"strings"

	"mixmas/search/chart"
	"mixmas/search/report"
)

// untried is what was not tried and why, and what to bear in mind when reading the numbers.
func (c *Contents) untried() (blocks []block) {
	d := c.Document
	var list []string
	for _, s := range d.Stages {
		for _, l := range s.LeftByReason() {
			because := "it"
			if len(l.Names) > 1 {
				because = "each"
			}
			list = append(list, fmt.Sprintf("%s, stage %s: left out, because %s %s", strings.Join(l.Names, ", "), s.Name, because, l.Reason))
		}
		if len(s.Untried) > 0 {
			list = append(list, fmt.Sprintf("Stage %s: %s not tried, because the budget would not have sufficed", s.Name, strings.Join(s.Untried, ", ")))
		}
		for _, k := range s.Candidates {
			if k.Failed != "" {
				list = append(list, fmt.Sprintf("%s, stage %s: failed: %s", k.Name, s.Name, strings.Join(strings.Fields(k.Failed), " ")))
			}
		}
	}
	list = append(list, d.LeftOut...)
	if c.Assessment != nil {
		list = append(list, c.Assessment.Untested...)
	}
	if len(list) > 0 {
		blocks = append(blocks, block{Title: "Not tried", List: sentences(list)})
	}
	if notes := d.Warnings(); len(notes) > 0 {
		blocks = append(blocks, block{Title: "To bear in mind", List: sentences(notes)})
	}
	return blocks
}

// seedLine is the line of a complete configuration with the seed.
var seedLine = regexp.MustCompile(`(?m)^seed: *([0-9]+)`)

// reproduce is what another needs to get the same numbers.
func (c *Contents) reproduce() (blocks []block) {
	d := c.Document
	t := &table{Caption: "What the numbers depend on", Head: []string{"what", "value"}, Words: 2}
	add := func(what, value string) {
		if value != "" {
			t.Rows = append(t.Rows, row{Cells: []string{what, value}})
		}
	}
	command := d.Command
	if c.Run != nil {
		add("run", c.Run.ID)
		add("version of mixmas", c.Run.Version)
		add("numerics", c.Run.Numerics)
	}
	add("machine", d.Machine)
	if d.PeakMemory > 0 {
		add("peak memory", memory(d.PeakMemory))
	}
	if c.Run != nil {
		if seed := seedLine.FindStringSubmatch(c.Run.Configuration); seed != nil {
			add("seed", seed[1])
		}
	}
	add("fingerprint of the data", d.Dataset.Fingerprint)
	add("strategy", d.Strategy)
	if command != "" {
		blocks = append(blocks, block{Title: "Command", Code: command})
	}
	blocks = append(blocks, block{Table: t})
	if len(d.Filled) > 0 {
		blocks = append(blocks, block{Title: "What followed from the data", List: d.Filled})
	}
	if c.Run != nil && c.Run.Configuration != "" {
		blocks = append(blocks, block{Fold: "Configuration, with every value", Code: c.Run.Configuration})
	}
	if k := c.keyTable(); len(k.Rows) > 0 {
		blocks = append(blocks, block{Fold: "Keys of the scores", Table: k})
	}
	return blocks
}

// keyTable lists the keys of all trainings.
func (c *Contents) keyTable() *table {
	t := &table{Caption: "Keys of the scores", Head: []string{"training", "key", "score", "seconds", "from the store"}, Words: 2}
	add := func(name, key string, score report.Number, seconds float64, cached bool) {
		stored := ""
		if cached {
			stored = "yes"
		}
		t.Rows = append(t.Rows, row{Cells: []string{name, key, score.Text(), chart.Short(seconds), stored}})
	}
	for _, s := range c.Document.Stages {
		for _, k := range s.Candidates {
			if len(k.Repeats) == 0 {
				add(s.Name+"/"+k.Name, k.Key, k.Score, k.Seconds, k.Cached)
			}
			for i, r := range k.Repeats {
				name := s.Name + "/" + k.Name
				if i > 0 {
					name += fmt.Sprintf(" (repeat %d)", i+1)
				}
				add(name, r.Key, r.Score, r.Seconds, r.Cached)
			}
		}
	}
	return t
}
