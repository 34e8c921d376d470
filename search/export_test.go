package search

import (
	"mixmas/nn/mixer"
	"mixmas/search/config"
)

// CheckpointDigest is what a checkpoint's digest must be.
var CheckpointDigest = checkpointDigest

// CheckpointReader reads checkpoints as a full training does. content stands for all that it would go on from.
func (s *Search) CheckpointReader(m mixer.Specification, recipe config.Train) (read func(file []byte) (epochs int, content string, err error), err error) {
	t := s.fullTrial("", m, recipe)
	key, _, err := t.Key()
	if err != nil {
		return nil, err
	}
	model, err := mixer.Build(t.Model)
	if err != nil {
		return nil, err
	}
	return func(file []byte) (int, string, error) {
		c, err := parseCheckpoint(file, key, t.Recipe, model.Parameters())
		if err != nil {
			return 0, "", err
		}
		_, metadata, err := c.encode()
		return len(c.Curve), metadata[digestKey], err
	}, nil
}
