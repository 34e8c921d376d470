package records

import (
	"context"
	"fmt"
	"strconv"

	"mixmas/search/dataset"
	"mixmas/search/dataset/npy"
	"mixmas/search/dataset/text"
	"mixmas/search/escape"
)

// wordVectors reads the vectors of the tokens of a text: a row for each token, zeros for those without. They are kept in the cache,
// because files of word vectors are large.
func (b *builder) wordVectors(ctx context.Context, m *Modality, t *textEncoder) (dataset.Column, error) {
	digest, err := b.root.Digest(ctx, m.Vectors)
	if err != nil {
		return nil, err
	}
	tokens := t.Tokenizer.Tokens()
	hash := newContentHash()
	hash.add(digest)
	hash.add(tokens...)
	key := "word vectors 1\n" + hash.sum()
	var values []float32
	width := 0
	read := func() error {
		values, width, err = b.readVectors(ctx, m.Vectors, tokens)
		return err
	}
	if note, ok := b.cache.Note(key); ok {
		width, _ = strconv.Atoi(string(note))
	}
	if width < 1 {
		if err := read(); err != nil {
			return nil, err
		}
		_ = b.cache.PutNote(key, []byte(strconv.Itoa(width)))
	}
	return b.cache.Column(ctx, m.Vectors, key, npy.Float32, []int{width}, len(tokens), func(add func([]float32) error) error {
		if values == nil {
			if err := read(); err != nil {
				return err
			}
		}
		return add(values)
	})
}

// readVectors reads the vectors of some tokens.
func (b *builder) readVectors(ctx context.Context, path string, tokens []string) (values []float32, width int, err error) {
	f, err := b.root.Open(ctx, path)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	ids := make(map[string]int, len(tokens))
	for id, token := range tokens {
		if token != "" {
			ids[token] = id
		}
	}
	vectors, width, err := text.ReadVectors(ctx, f, func(word string) bool { _, ok := ids[word]; return ok })
	if err != nil {
		return nil, 0, fmt.Errorf("%s: %w", escape.Terminal(path), err)
	}
	if len(vectors) == 0 {
		return nil, 0, fmt.Errorf("%s: none of the %d words of the training texts has a vector: are they of another language, or in capitals?", escape.Terminal(path), len(ids))
	}
	values = make([]float32, len(tokens)*width)
	for word, vector := range vectors {
		copy(values[ids[word]*width:], vector)
	}
	return values, width, nil
}
