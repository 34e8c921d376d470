package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"mixmas/search/align"
	"mixmas/search/escape"
	"mixmas/search/metric"
	"mixmas/search/report"
	"mixmas/search/runs"
	"mixmas/search/store"
)

// scoresListCommand lists scores.
func scoresListCommand() *cli.Command {
	return &cli.Command{
		Name: "ls", Usage: "list all scores, or those with the given names", ArgsUsage: "[NAME...]",
		Description: "The metric of a training that was stopped early is shown with its epoch, and that of a failed one as failed; both come after\n" +
			"all others where a metric sorts.\n" +
			"NAME is a score's name, or its beginning up to a slash, such as encoder/image, fusion, network, full or test.\n" +
			"* and ? match anything but a slash: 'encoder/*/ramlp', or '*/digits' for the model of the search named digits.\n" +
			"TIME is in UTC: a date, a date and time, or how long ago, such as 36h or 7d.\n" +
			"The leaderboard of a metric on some data: mixmas scores ls --sort accuracy --data digits --stage full --limit 20",
		Flags: []cli.Flag{
			storeFlag(),
			&cli.StringFlag{Name: "metric", Value: "accuracy", Usage: "`NAME` of the metric to show"},
			&cli.StringFlag{Name: "sort", Value: "name", Usage: "sort `BY` name, metric (best first), params, seconds or finished, or by the metric of this name, which is then shown"},
			&cli.StringFlag{Name: "search", Usage: "only scores computed by the search with this `NAME`"},
			&cli.StringFlag{Name: "data", Usage: "only scores on the data of this `NAME` in recorded runs, or whose fingerprint begins with this hex"},
			&cli.StringFlag{Name: "stage", Usage: "only scores of the stage `NAME`, as the argument NAME"},
			&cli.StringFlag{Name: "since", Usage: "only trials that ended at this `TIME` or later"},
			&cli.StringFlag{Name: "until", Usage: "only trials that ended at this `TIME` or earlier; a date means the end of that day"},
			limitFlag("scores"),
			&cli.BoolFlag{Name: "json", Usage: "print JSON"}, csvFlag(),
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
	if wanted.data, err = dataNamed(c, s, wanted.data); err != nil {
		return err
	}
	list, damaged := s.Summaries(c.Context, wanted.metrics...)
	if damaged != nil && !errors.Is(damaged, store.ErrDamaged) {
		return damaged
	}
	if err := wanted.checkMetrics(c.Context, s, list); err != nil {
		return err
	}
	list = slices.DeleteFunc(list, func(sc store.Summary) bool { return !wanted.has(sc) })
	byName := func(a, b store.Summary) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Key, b.Key))
	}
	order := wanted.order()
	slices.SortFunc(list, func(a, b store.Summary) int { return cmp.Or(order(a, b), byName(a, b)) })
	list = limited(c, list)
	switch {
	case c.Bool("json"):
		err = listJSON(c, s, list)
	case c.Bool("csv"):
		err = wanted.csv(c.App.Writer, list)
	default:
		err = wanted.table(c.App.Writer, list)
	}
	return errors.Join(err, damaged)
}

// listJSON prints the whole scores of a list.
func listJSON(c *cli.Context, s *store.Store, list []store.Summary) error {
	keys := make([]string, len(list))
	for i, sc := range list {
		keys[i] = sc.Key
	}
	scores, err := s.Scores(c.Context, keys)
	if err != nil {
		return err
	}
	whole := []store.Score{}
	for _, key := range keys {
		if sc, there := scores[key]; there { // it may have been removed since
			whole = append(whole, sc)
		}
	}
	return writeJSON(c.App.Writer, whole)
}

// table prints a list for people.
func (s selection) table(w io.Writer, list []store.Summary) error {
	head := []string{"KEY", "NAME"}
	for _, m := range s.metrics {
		head = append(head, escape.Terminal(strings.ToUpper(m)))
	}
	rows := [][]string{append(head, "PARAMS", "SECONDS", "FINISHED", "NUMERICS")}
	for _, sc := range list {
		row := []string{fmt.Sprintf("%.12s", sc.Key), escape.Terminal(sc.Name)}
		for i := range s.metrics {
			row = append(row, value(sc, i))
		}
		rows = append(rows, append(row, report.Comma(sc.Parameters), fmt.Sprintf("%.1f", sc.Seconds),
			sc.Finished.UTC().Format("2006-01-02 15:04"), escape.Terminal(sc.Numerics)))
	}
	return align.Rows(w, rows)
}

// csv prints a list for programs.
func (s selection) csv(w io.Writer, list []store.Summary) error {
	rows := [][]string{slices.Concat([]string{"key", "name", "search", "status", "epochs"}, s.metrics,
		[]string{"parameters", "seconds", "finished", "numerics", "data"})}
	for _, sc := range list {
		row := []string{sc.Key, sc.Name, sc.Search, string(sc.Status), strconv.Itoa(sc.Epochs)}
		for _, v := range sc.Values {
			if math.IsNaN(v) {
				row = append(row, "")
			} else {
				row = append(row, strconv.FormatFloat(v, 'g', -1, 64))
			}
		}
		rows = append(rows, append(row, strconv.Itoa(sc.Parameters), strconv.FormatFloat(sc.Seconds, 'f', -1, 64),
			sc.Finished.UTC().Format(time.RFC3339), sc.Numerics, sc.Data))
	}
	return writeCSVRows(w, rows)
}

// value returns a score's i-th metric as ls shows it.
func value(sc store.Summary, i int) string {
	text := report.Number(sc.Values[i]).Text()
	switch sc.Status {
	case store.Failed:
		return "failed"
	case store.Partial:
		return fmt.Sprintf("%s (epoch %d)", text, sc.Epochs)
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
	names         []string
	search, stage string
	data          []string // beginnings of fingerprints; none for all data
	since, until  time.Time
	// metrics are shown; sort is one of them, or what orders has.
	metrics []string
	sort    string
	// sortFlag is the metric that --sort names itself; "" if it names none.
	sortFlag string
}

// parseSelection reads the arguments and flags of ls.
func parseSelection(c *cli.Context, now time.Time) (s selection, err error) {
	if err := checkList(c); err != nil {
		return s, err
	}
	s.names, s.search, s.stage, s.sort = c.Args().Slice(), c.String("search"), c.String("stage"), c.String("sort")
	if data := c.String("data"); data != "" {
		s.data = []string{data}
	}
	if err := checkPatterns(append(slices.Clone(s.names), s.stage)); err != nil {
		return s, err
	}
	s.metrics = []string{c.String("metric")}
	if s.sort == "metric" {
		s.sort = s.metrics[0]
	}
	if _, known := orders[s.sort]; !known && s.sort != s.metrics[0] {
		s.sortFlag = s.sort
		if s.metrics = append(s.metrics, s.sort); !c.IsSet("metric") {
			s.metrics = []string{s.sort}
		}
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

func (s selection) has(sc store.Summary) bool {
	if s.search != "" && sc.Search != s.search || s.stage != "" && !named(sc.Name, s.stage) {
		return false
	}
	if len(s.data) > 0 && !slices.ContainsFunc(s.data, func(beginning string) bool { return strings.HasPrefix(sc.Data, beginning) }) {
		return false
	}
	if !s.since.IsZero() && sc.Finished.Before(s.since) || !s.until.IsZero() && sc.Finished.After(s.until) {
		return false
	}
	return len(s.names) == 0 || slices.ContainsFunc(s.names, func(wanted string) bool { return named(sc.Name, wanted) })
}

// dataNamed returns the fingerprints of the data that --data names: those of the recorded runs on data of this name, or else the
// beginning of a fingerprint.
func dataNamed(c *cli.Context, s *store.Store, data []string) (fingerprints []string, err error) {
	if len(data) == 0 {
		return nil, nil
	}
	name := data[0]
	list, err := runs.List(c.Context, s)
	if err != nil && !errors.Is(err, store.ErrDamaged) {
		return nil, err
	}
	for _, r := range list {
		if r.Data.Name == name && r.Data.Fingerprint != "" && !slices.Contains(fingerprints, r.Data.Fingerprint) {
			fingerprints = append(fingerprints, r.Data.Fingerprint)
		}
	}
	if hex := strings.ToLower(name); len(fingerprints) == 0 && strings.Trim(hex, "0123456789abcdef") == "" {
		return []string{hex}, nil
	}
	if len(fingerprints) == 0 {
		return nil, usagef("--data %q: want the name of the data of a recorded run, as mixmas runs ls prints it, or the beginning of a fingerprint, "+
			"in hex, as mixmas data info prints it", name)
	}
	return fingerprints, nil
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

// checkMetrics rejects a metric that neither the program nor any score has.
func (s selection) checkMetrics(ctx context.Context, st *store.Store, list []store.Summary) error {
	known := metric.AllNames()
	for i, name := range s.metrics {
		if slices.Contains(known, name) || slices.ContainsFunc(list, func(sc store.Summary) bool { return !math.IsNaN(sc.Values[i]) }) {
			continue
		}
		all, err := st.List(ctx) // for the names of metrics of other programs
		if err != nil && !errors.Is(err, store.ErrDamaged) {
			return err
		}
		names := map[string]bool{}
		for _, n := range known {
			names[n] = true
		}
		for _, sc := range all {
			for n := range sc.Metrics {
				names[n] = true
			}
		}
		want := strings.Join(slices.Sorted(maps.Keys(names)), ", ")
		if name == s.sortFlag {
			return usagef("--sort %q: want one of name, metric, params, seconds, finished, or a metric: %s", name, want)
		}
		return usagef("--metric %q: want one of %s", name, want)
	}
	return nil
}

// orders are the ways to sort scores besides by a metric.
var orders = map[string]func(a, b store.Summary) int{
	"name":     func(a, b store.Summary) int { return 0 }, // equal scores are sorted by name
	"params":   func(a, b store.Summary) int { return cmp.Compare(a.Parameters, b.Parameters) },
	"seconds":  func(a, b store.Summary) int { return cmp.Compare(a.Seconds, b.Seconds) },
	"finished": func(a, b store.Summary) int { return a.Finished.Compare(b.Finished) },
}

// order returns how the scores are sorted.
func (s selection) order() func(a, b store.Summary) int {
	if order, known := orders[s.sort]; known {
		return order
	}
	i, lower := slices.Index(s.metrics, s.sort), metric.LowerIsBetter(s.sort)
	return func(a, b store.Summary) int { return store.CompareSummaries(lower, i, &a, &b) }
}
