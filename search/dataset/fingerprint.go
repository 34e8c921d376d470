package dataset

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"

	"mixmas/search/task"
)

// sign computes the fingerprint from the content of the columns, the rows of each split and the standardisation. Stored scores
// are found by it, so a new field must be omitted for data that do not use it: their fingerprint must not change.
func (d *assembled) sign(digests map[Column]string) (string, error) {
	type run struct {
		SHA256 string
		First  int
		Count  int
		List   string `json:",omitempty"` // the digest of the row numbers
	}
	type standard struct {
		Mean      any `json:"mean"` // a number if per modality, a list if per feature
		Deviation any `json:"deviation"`
	}
	content := struct {
		Version       string
		Modalities    []Modality
		Classes       int
		MultiLabel    bool
		Samples       [3][]run
		Labels        [3]run
		Preprocessing []standard
		Lengths       map[string][3]run `json:",omitempty"` // by modality
		Vectors       map[string]string `json:",omitempty"` // digests of word vectors, by modality
	}{Version: "arrays 1", Modalities: d.modalities, Classes: len(d.task.Classes), MultiLabel: d.task.Kind == task.MultiLabel, Lengths: map[string][3]run{}, Vectors: map[string]string{}}
	runOf := func(p Part) run {
		if p.Column == nil {
			return run{}
		}
		r := run{SHA256: digests[p.Column], First: p.Rows.First, Count: p.Rows.Count}
		if p.Rows.List != nil {
			r = run{SHA256: digests[p.Column], Count: p.Rows.Len(), List: p.Rows.listDigest()}
		}
		return r
	}
	for _, s := range Splits {
		if d.contents.Labels[s].Column != nil {
			for _, source := range d.contents.Sources {
				content.Samples[s] = append(content.Samples[s], runOf(source.Samples[s]))
			}
		}
		content.Labels[s] = runOf(d.contents.Labels[s])
	}
	for i, source := range d.contents.Sources {
		if source.Vectors != nil {
			content.Vectors[source.Modality.Name] = digests[source.Vectors]
		}
		if m := d.modalities[i]; d.inputs[i].masked {
			content.Lengths[m.Name] = [3]run{runOf(source.Lengths[Train]), runOf(source.Lengths[Validation]), runOf(source.Lengths[Test])}
		}
		text := standard{d.standard[i].Mean, d.standard[i].Deviation}
		if d.standard[i].Per == PerModality {
			text = standard{d.standard[i].Mean[0], d.standard[i].Deviation[0]}
		}
		content.Preprocessing = append(content.Preprocessing, text)
	}
	text, err := json.Marshal(content)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:]), nil
}
