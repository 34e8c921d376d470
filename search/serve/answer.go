package serve

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"mixmas/nn/device"
	"mixmas/search/dataset"
	"mixmas/search/escape"
	"mixmas/search/model"
)

// problem is an error of a request, with the status of its answer.
type problem struct {
	status int
	text   string
	field  string
	row    *int
}

func (p *problem) Error() string { return p.text }

// failure is the answer to a request that fails.
type failure struct {
	Error string `json:"error"`
	Field string `json:"field,omitempty"`
	Row   *int   `json:"row,omitempty"`
}

// success is the answer to a request for predictions.
type success struct {
	Predictions []model.Prediction `json:"predictions"`
}

// answer answers a request for predictions.
func (s *Server) answer(w http.ResponseWriter, began time.Time, predictions []model.Prediction, err error) {
	status := http.StatusOK
	if err != nil {
		p := s.problem(err)
		if status = p.status; status != statusClosed {
			refuse(w, p)
		}
	} else {
		writeJSON(w, status, success{predictions})
	}
	s.metrics.done(status, time.Since(began))
}

// problem says which status an error has.
func (s *Server) problem(err error) *problem {
	p := new(problem)
	if wrong := new(dataset.ValueError); errors.As(err, &wrong) {
		if errors.As(wrong.Err, &p) { // of a file
			return &problem{p.status, p.text, wrong.Field, &wrong.Row}
		}
		return &problem{http.StatusUnprocessableEntity, wrong.Error(), wrong.Field, &wrong.Row}
	}
	if errors.As(err, &p) {
		return p
	}
	switch {
	case errors.Is(err, context.Canceled):
		return &problem{status: statusClosed, text: "the client has gone"}
	case errors.Is(err, context.DeadlineExceeded):
		return &problem{status: http.StatusServiceUnavailable, text: "the prediction took longer than " + s.options.Timeout.String() + ", which is the limit"}
	case errors.Is(err, errStopped), errors.Is(err, device.ErrOutOfMemory), errors.Is(err, device.ErrDevice):
		return &problem{status: http.StatusServiceUnavailable, text: err.Error()}
	}
	return &problem{status: http.StatusInternalServerError, text: err.Error()}
}

// Refuse answers a request with an error as JSON.
func Refuse(w http.ResponseWriter, _ *http.Request, status int, text string) {
	refuse(w, &problem{status: status, text: text})
}

func refuse(w http.ResponseWriter, p *problem) {
	field := p.field
	if field != "" {
		field = short(field)
	}
	writeJSON(w, p.status, failure{p.text, field, p.row})
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	text, err := json.Marshal(value)
	if err != nil { // a NaN, which no prediction has
		status, text = http.StatusInternalServerError, []byte(`{"error": "the answer cannot be written"}`)
	}
	write(w, status, "application/json", append(escape.JSON(text), '\n'))
}

// write writes an answer. A client that has gone is no error of the server.
func write(w http.ResponseWriter, status int, kind string, text []byte) {
	header := w.Header()
	header.Set("Content-Type", kind)
	header.Set("Content-Length", strconv.Itoa(len(text)))
	header.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(text)
}
