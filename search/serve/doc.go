// Package serve answers predictions of a model over HTTP.
package serve
