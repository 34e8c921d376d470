package serve

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"mixmas/search/model"
)

// metrics are what /metrics shows, of requests for predictions.
type metrics struct {
	running  atomic.Int64
	rows     atomic.Int64
	lock     sync.Mutex
	requests map[int]int64 // by status
	latency  histogram
	batches  histogram
}

// The upper ends of the buckets of histograms: seconds, and rows.
var (
	latencies  = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}
	batchSizes = []float64{1, 2, 4, 8, 16, 32, model.Batch}
)

// statusClosed is the status of a request whose client has gone, which no client sees. The number is nginx's.
const statusClosed = 499

// done counts a request.
func (m *metrics) done(status int, took time.Duration) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.requests == nil {
		m.requests = map[int]int64{}
	}
	m.requests[status]++
	m.latency.observe(latencies, took.Seconds())
}

// batch counts a batch.
func (m *metrics) batch(rows int) {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.batches.observe(batchSizes, float64(rows))
}

// histogram counts values.
type histogram struct {
	counts []int64 // by bucket; the last one is of values beyond all
	sum    float64
}

func (h *histogram) observe(ends []float64, value float64) {
	if h.counts == nil {
		h.counts = make([]int64, len(ends)+1)
	}
	i, _ := slices.BinarySearch(ends, value)
	h.counts[i]++
	h.sum += value
}

// write writes the histogram as Prometheus reads it.
func (h *histogram) write(b *bytes.Buffer, name, help string, ends []float64) {
	fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s histogram\n", name, help, name)
	total := int64(0)
	for i := range len(ends) + 1 {
		end := "+Inf"
		if i < len(ends) {
			end = strconv.FormatFloat(ends[i], 'g', -1, 64)
		}
		if h.counts != nil {
			total += h.counts[i]
		}
		fmt.Fprintf(b, "%s_bucket{le=\"%s\"} %d\n", name, end, total)
	}
	fmt.Fprintf(b, "%s_sum %s\n%s_count %d\n", name, strconv.FormatFloat(h.sum, 'g', -1, 64), name, total)
}

// text is the page for Prometheus.
func (m *metrics) text(s *Server) []byte {
	b := &bytes.Buffer{}
	one := func(name, kind, help string, value int64, labels string) {
		fmt.Fprintf(b, "# HELP %s %s\n# TYPE %s %s\n%s%s %d\n", name, help, name, kind, name, labels, value)
	}
	escaped := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
	one("mixmas_model_info", "gauge", "The model that is served.", 1, fmt.Sprintf(`{name="%s",weights="%s",version="%s"}`,
		escaped.Replace(strings.ToValidUTF8(s.model.Name, "?")), escaped.Replace(s.model.Weights), escaped.Replace(s.options.Version)))
	m.lock.Lock()
	defer m.lock.Unlock()
	fmt.Fprint(b, "# HELP mixmas_requests_total Requests for predictions that were answered, by HTTP status; 499: the client had gone.\n# TYPE mixmas_requests_total counter\n")
	failed := int64(0)
	for _, status := range slices.Sorted(maps.Keys(m.requests)) {
		fmt.Fprintf(b, "mixmas_requests_total{code=\"%d\"} %d\n", status, m.requests[status])
		if status >= 400 {
			failed += m.requests[status]
		}
	}
	one("mixmas_errors_total", "counter", "Requests for predictions that failed.", failed, "")
	one("mixmas_requests_in_flight", "gauge", "Requests for predictions that run.", m.running.Load(), "")
	one("mixmas_rows_total", "counter", "Rows of requests that were read.", m.rows.Load(), "")
	m.latency.write(b, "mixmas_request_duration_seconds", "Time from a request to its answer.", latencies)
	m.batches.write(b, "mixmas_batch_rows", "Rows that were predicted together.", batchSizes)
	return b.Bytes()
}
