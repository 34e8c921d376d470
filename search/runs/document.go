package runs

import (
	"context"
	"encoding/json"
	"fmt"

	"mixmas/search/report"
	"mixmas/search/store"
)

// documentName is the name of the attachment with the outcome.
const documentName = "document.json"

// storedDocument is the content of the attachment: the document with what its own JSON form leaves out.
type storedDocument struct {
	Document report.Document `json:"document"`
	Plain    bool            `json:"plain,omitempty"`
	Files    []report.File   `json:"files,omitempty"`
}

// Document returns the outcome of a run as the command printed it. Of a run that has none, because it is running, was stopped or
// failed, it returns what is known so far, from its events and the scores in the store; partial says so.
func Document(ctx context.Context, s *store.Store, r Run) (d report.Document, partial bool, err error) {
	if _, has := r.files[documentName]; !has {
		d, err = soFar(ctx, s, r)
		return d, true, err
	}
	text, err := Attachment(ctx, s, r, documentName)
	if err != nil {
		return d, false, err
	}
	var stored storedDocument
	if err := json.Unmarshal(text, &stored); err != nil {
		return d, false, fmt.Errorf("run %s: its document: %w", r.ID, err)
	}
	stored.Document.Plain, stored.Document.Files = stored.Plain, stored.Files
	return stored.Document, false, nil
}

// soFar makes the document of a run that has not ended with one.
func soFar(_ context.Context, _ *store.Store, r Run) (report.Document, error) {
	return report.Document{Name: r.Name, Dataset: report.Dataset{Name: r.Data.Name, Fingerprint: r.Data.Fingerprint, Train: r.Data.Train,
		Validation: r.Data.Validation, Test: r.Data.Test}, Stages: []report.Stage{}, Machine: r.Machine}, nil
}
