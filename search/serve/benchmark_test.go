package serve_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"mixmas/search/serve"
)

// Requests over HTTP, from one client and from 32, of one row and of 64, to a tiny model: what the server costs besides the model.
func BenchmarkRequests(b *testing.B) {
	p := newPets(b)
	m := p.model(b)
	rows := func(n int) string {
		var list []any
		for i := range n {
			list = append(list, p.asJSON(b, p.rows[i%len(p.rows)]))
		}
		return encoded(b, map[string]any{"rows": list})
	}
	for _, c := range []struct{ clients, rows int }{{1, 1}, {32, 1}, {1, 64}, {8, 64}} {
		b.Run(fmt.Sprintf("%d clients, %d rows", c.clients, c.rows), func(b *testing.B) {
			s := httptest.NewServer(started(b, m, serve.Options{}))
			defer s.Close()
			body := []byte(rows(c.rows))
			transport := &http.Transport{MaxIdleConnsPerHost: 64}
			defer transport.CloseIdleConnections()
			client := &http.Client{Transport: transport}
			b.ReportAllocs()
			b.SetParallelism(c.clients)
			b.ResetTimer()
			send := func() {
				response, err := client.Post(s.URL+"/predict", "application/json", bytes.NewReader(body))
				if err != nil {
					b.Error(err)
					return
				}
				text, err := io.ReadAll(response.Body)
				response.Body.Close()
				if err != nil || response.StatusCode != http.StatusOK {
					b.Errorf("%d: %s, %v", response.StatusCode, text, err)
				}
			}
			if c.clients == 1 {
				for b.Loop() {
					send()
				}
			} else {
				b.RunParallel(func(p *testing.PB) {
					for p.Next() {
						send()
					}
				})
			}
			b.ReportMetric(float64(c.rows*b.N)/b.Elapsed().Seconds(), "rows/s")
		})
	}
}
