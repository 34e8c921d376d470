package cmd

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/urfave/cli/v2"

	"mixmas/search/align"
	"mixmas/search/escape"
	"mixmas/search/metric"
	"mixmas/search/store"
)

// scoresListCommand lists scores.
func scoresListCommand() *cli.Command {
	return &cli.Command{
		Name: "ls", Usage: "list all scores, or those with the given names", ArgsUsage: "[NAME...]",
		Description: "The metric of a training that was stopped early is shown with its epoch.\n" +
			"NAME is a score's name, or its beginning up to a slash, such as encoder/image, fusion, network, full or test.\n" +
			"* and ? match anything but a slash: 'encoder/*/ramlp', or '*/digits' for the model of the search named digits.\n" +
			"TIME is in UTC: a date, a date and time, or how long ago, such as 36h or 7d.",
		Flags: []cli.Flag{
			storeFlag(),
			&cli.StringFlag{Name: "metric", Value: "accuracy", Usage: "`NAME` of the metric to show"},
			&cli.StringFlag{Name: "sort", Value: "name", Usage: "sort `BY` name, metric (best first), params, seconds or finished"},
			&cli.StringFlag{Name: "search", Usage: "only scores computed by the search with this `NAME`"},
			&cli.StringFlag{Name: "data", Usage: "only scores on data whose fingerprint begins with `HEX`"},
			&cli.StringFlag{Name: "since", Usage: "only trials that ended at this `TIME` or later"},
			&cli.StringFlag{Name: "until", Usage: "only trials that ended at this `TIME` or earlier; a date means the end of that day"},
			&cli.BoolFlag{Name: "json", Usage: "print JSON"},
		},
		Action: scoresList,
	}
}

// scoresShowCommand prints one score.
func scoresShowCommand() *cli.Command {
	return &cli.Command{
		Name: "show", Usage: "print everything stored about a score, as JSON", ArgsUsage: "KEY|NAME",
		Description: "The beginning of a key is enough. NAME is as for ls, and must match exactly one score.",
		Flags:       []cli.Flag{storeFlag()},
		Action:      scoresShow,
	}
}

// scoresList lists all readable scores, even if some records are damaged.
func scoresList(c *cli.Context) error {
	wanted, err := parseSelection(c, time.Now())
	if err != nil {
		return err
	}
	s, err := openStore(c, store.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	list, damaged := s.List(c.Context)
	if damaged != nil && !errors.Is(damaged, store.ErrDamaged) {
		return damaged
	}
	m := c.String("metric")
	if err := checkMetric(m, list); err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(sc store.Score) bool { return !wanted.has(sc) })
	slices.SortStableFunc(list, orders(m)[c.String("sort")])
	if c.Bool("json") {
		return errors.Join(writeJSON(c.App.Writer, append([]store.Score{}, list...)), damaged)
	}
	rows := [][]string{{"KEY", "NAME", escape.Terminal(strings.ToUpper(m)), "PARAMS", "SECONDS", "FINISHED", "NUMERICS"}}
	for _, sc := range list {
		rows = append(rows, []string{fmt.Sprintf("%.12s", sc.Key), escape.Terminal(sc.Name), value(sc, m), humanize.Comma(int64(sc.Parameters)),
			fmt.Sprintf("%.1f", sc.Seconds), sc.Finished.UTC().Format("2006-01-02 15:04"), escape.Terminal(sc.Numerics)})
	}
	return errors.Join(align.Rows(c.App.Writer, rows), damaged)
}

// value returns a score's metric as ls shows it.
func value(sc store.Score, name string) string {
	text := "–"
	if v, known := sc.Metrics[name]; known {
		text = fmt.Sprintf("%.4f", v)
	}
	switch sc.Status {
	case store.Failed:
		return "failed"
	case store.Partial:
		return fmt.Sprintf("%s (epoch %d)", text, len(sc.Curve))
	}
	return text
}

func scoresShow(c *cli.Context) error {
	if err := arguments(c, 1, 1, "KEY"); err != nil {
		return err
	}
	s, err := openStore(c, store.Options{ReadOnly: true})
	if err != nil {
		return err
	}
	sc, err := findScore(c.Context, s, c.Args().First())
	if err != nil {
		return err
	}
	return writeJSON(c.App.Writer, sc)
}

// findScore returns the score whose key begins with the text, or the only score with that name.
func findScore(ctx context.Context, s *store.Store, wanted string) (store.Score, error) {
	sc, err := s.Find(ctx, wanted)
	if !errors.Is(err, store.ErrNotFound) {
		return sc, err
	}
	list, damaged := s.List(ctx)
	if damaged != nil && !errors.Is(damaged, store.ErrDamaged) {
		return store.Score{}, damaged
	}
	list = slices.DeleteFunc(list, func(sc store.Score) bool { return !named(sc.Name, wanted) })
	switch len(list) {
	case 0:
		return store.Score{}, fmt.Errorf("store %s: %w: no key starts with %q, and no score has that name", s.Path(), store.ErrNotFound, wanted)
	case 1:
		return list[0], nil
	}
	var keys []string
	for _, sc := range list[:min(len(list), 10)] {
		keys = append(keys, fmt.Sprintf("%.12s (%s, %s)", sc.Key, sc.Name, sc.Finished.UTC().Format("2006-01-02 15:04")))
	}
	return store.Score{}, fmt.Errorf("%q matches %d scores; use a key: %s", wanted, len(list), strings.Join(keys, ", "))
}

// selection holds the arguments and flags of ls.
type selection struct {
	names        []string
	search, data string
	since, until time.Time // zero: no limit
}

// parseSelection reads the arguments and flags of ls.
func parseSelection(c *cli.Context, now time.Time) (s selection, err error) {
	s.names, s.search, s.data = c.Args().Slice(), c.String("search"), strings.ToLower(c.String("data"))
	if err := checkPatterns(s.names); err != nil {
		return s, err
	}
	if strings.Trim(s.data, "0123456789abcdef") != "" {
		return s, usagef("--data %q: want the beginning of a fingerprint, in hex, as mixmas data info prints it", c.String("data"))
	}
	if _, known := orders("")[c.String("sort")]; !known {
		return s, usagef("--sort %q: want one of name, metric, params, seconds, finished", c.String("sort"))
	}
	for _, f := range []struct {
		flag string
		to   *time.Time
		end  bool
	}{{"since", &s.since, false}, {"until", &s.until, true}} {
		if text := c.String(f.flag); text != "" {
			if *f.to, err = parseTime(text, now, f.end); err != nil {
				return s, usagef("--%s %q: %v", f.flag, text, err)
			}
		}
	}
	return s, nil
}

// checkPatterns rejects names that are no patterns.
func checkPatterns(names []string) error {
	for _, name := range names {
		if _, err := path.Match(name, ""); err != nil {
			return usagef("%q: a bracket is not closed", name)
		}
	}
	return nil
}

// parseTime reads a date, a date and time, or how long ago. With end set, a date means the end of its day.
func parseTime(text string, now time.Time, end bool) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		if end {
			t = t.AddDate(0, 0, 1).Add(-time.Nanosecond)
		}
		return t, nil
	}
	for _, layout := range []string{"2006-01-02 15:04", "2006-01-02T15:04", time.DateTime, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, nil
		}
	}
	if days, found := strings.CutSuffix(text, "d"); found {
		if n, err := strconv.Atoi(days); err == nil && n >= 0 && n <= 36500 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	return time.Time{}, errors.New(`want a date such as 2026-01-31, a time such as "2026-01-31 15:04", or how long ago, such as 36h or 7d`)
}

func (s selection) has(sc store.Score) bool {
	var of struct {
		Data string `json:"data"`
	}
	if s.search != "" && sc.Search != s.search {
		return false
	}
	if s.data != "" && (json.Unmarshal(sc.Specification, &of) != nil || !strings.HasPrefix(of.Data, s.data)) {
		return false
	}
	if !s.since.IsZero() && sc.Finished.Before(s.since) || !s.until.IsZero() && sc.Finished.After(s.until) {
		return false
	}
	return len(s.names) == 0 || slices.ContainsFunc(s.names, func(wanted string) bool { return named(sc.Name, wanted) })
}

// named reports whether a score's name, or its beginning up to a slash, equals the wanted name or matches it as a pattern.
func named(name, wanted string) bool {
	wanted = strings.TrimSuffix(wanted, "/")
	if name == wanted || strings.HasPrefix(name, wanted+"/") {
		return true
	}
	parts := strings.Split(name, "/")
	n := min(strings.Count(wanted, "/")+1, len(parts))
	fits, err := path.Match(wanted, strings.Join(parts[:n], "/"))
	return err == nil && fits
}

// checkMetric rejects a metric that neither the program nor any score has.
func checkMetric(name string, list []store.Score) error {
	known := map[string]bool{}
	for _, n := range metric.AllNames() {
		known[n] = true
	}
	for _, sc := range list {
		for n := range sc.Metrics {
			known[n] = true
		}
	}
	if known[name] {
		return nil
	}
	return usagef("--metric %q: want one of %s", name, strings.Join(slices.Sorted(maps.Keys(known)), ", "))
}

// orders are the ways to sort scores.
func orders(m string) map[string]func(a, b store.Score) int {
	return map[string]func(a, b store.Score) int{
		"name":     func(a, b store.Score) int { return 0 }, // they already are
		"metric":   func(a, b store.Score) int { return better(m, a, b) },
		"params":   func(a, b store.Score) int { return cmp.Compare(a.Parameters, b.Parameters) },
		"seconds":  func(a, b store.Score) int { return cmp.Compare(a.Seconds, b.Seconds) },
		"finished": func(a, b store.Score) int { return a.Finished.Compare(b.Finished) },
	}
}

// better puts the better value of a metric first, then partial scores and scores without the metric, then failed trials.
func better(name string, a, b store.Score) int {
	class := func(sc store.Score) int {
		if sc.Status == store.Failed {
			return 2
		}
		if _, known := sc.Metrics[name]; !known || sc.Status == store.Partial {
			return 1
		}
		return 0
	}
	if class(a) != 0 || class(b) != 0 {
		return cmp.Compare(class(a), class(b))
	}
	x, y := a.Metrics[name], b.Metrics[name]
	if slices.Contains(metric.AllNames(), name) && metric.LowerIsBetter(name) {
		return cmp.Compare(x, y)
	}
	return cmp.Compare(y, x)
}
