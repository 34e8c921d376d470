// Package serve answers predictions of a model over HTTP.
//
// POST /predict takes rows as JSON or with files as multipart/form-data, and answers with a label and the probabilities of each row, as
// mixmas predict prints them. Rows of requests that arrive together are predicted together. GET / is a page to try the model,
// /openapi.json describes the interface of this model, /healthz and /readyz are for supervisors, and /metrics is for Prometheus.
//
// Requests are untrusted: their bytes, rows, pixels and time are limited, and so are the number of those that run and the pixels that are
// decoded at a time. They never name files of the server: a file is part of the request.
package serve
