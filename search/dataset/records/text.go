package records

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"mixmas/nn/mixer"
	"mixmas/search/dataset/feature"
	"mixmas/search/dataset/npy"
	"mixmas/search/dataset/text"
)

// textEncoder turns texts into the numbers of their tokens.
type textEncoder struct {
	Tokenizer *text.Tokenizer `json:"tokenizer"`
	Tokens    int             `json:"tokens"` // longer texts are cut
}

func (t *textEncoder) form() (mixer.Kind, []int, int) {
	return mixer.Text, []int{t.Tokens}, t.Tokenizer.Size()
}

func (t *textEncoder) stored() npy.Type {
	if t.Tokenizer.Size() <= 1<<16 {
		return npy.Uint16
	}
	return npy.Int32
}

func (t *textEncoder) raw() []int { return nil }

// joined is the text of some cells; false if all are empty.
func joined(cells []string) (string, bool) {
	if len(cells) == 1 {
		return cells[0], !feature.IsUnlabelled(cells[0])
	}
	var list []string
	for _, cell := range cells {
		if !feature.IsUnlabelled(cell) {
			list = append(list, cell)
		}
	}
	return strings.Join(list, "\n"), len(list) > 0
}

var tokenLists = sync.Pool{New: func() any { return new([]int) }}

func (t *textEncoder) encode(_ context.Context, s *sample, dst []float32) (int, error) {
	whole, ok := joined(s.cells)
	clear(dst)
	if !ok {
		return 0, nil
	}
	ids := tokenLists.Get().(*[]int)
	defer tokenLists.Put(ids)
	*ids = t.Tokenizer.Encode((*ids)[:0], whole)
	n := min(len(*ids), len(dst))
	for i, id := range (*ids)[:n] {
		dst[i] = float32(id)
	}
	return n, nil
}

// mostTokens bounds the tokens per text that an option or a recipe may ask for.
const mostTokens = 1 << 16

func (t *textEncoder) check() error {
	if t.Tokenizer == nil {
		return errors.New("the text has no tokenizer")
	}
	if err := t.Tokenizer.Check(); err != nil {
		return err
	}
	if t.Tokens < 1 || t.Tokens > mostTokens {
		return fmt.Errorf("a text of %d tokens: want 1 to %d", t.Tokens, mostTokens)
	}
	return nil
}

// texts are the texts of the training rows.
func (f *fitting) texts(ctx context.Context) text.Texts {
	return func(yield func(string, error) bool) {
		stopped := false
		err := f.training(ctx, func(s *sample) error {
			if whole, ok := joined(s.cells); ok && !yield(whole, nil) {
				stopped = true
				return errEnough
			}
			return nil
		})
		if err != nil && !stopped {
			yield("", err)
		}
	}
}

// fitText learns the vocabulary, and how long texts are.
func (f *fitting) fitText(ctx context.Context, m *Modality) (*textEncoder, error) {
	kind := m.Tokenizer
	if kind == "" && m.Vectors != "" {
		kind = "words" // which the vectors are of
	}
	tokenizer, err := text.Train(ctx, text.Options{Tokenizer: kind, Vocabulary: m.Vocabulary}, f.texts(ctx))
	if err != nil {
		return nil, err
	}
	t := &textEncoder{Tokenizer: tokenizer, Tokens: m.Tokens}
	if t.Tokens == 0 {
		var lengths text.Lengths
		var ids []int
		for whole, err := range f.texts(ctx) {
			if err != nil {
				return nil, err
			}
			ids = tokenizer.Encode(ids[:0], whole)
			lengths.Add(len(ids))
		}
		const most = 512
		t.Tokens = min(max(lengths.Quantile(.95), 1), most)
	}
	return t, nil
}

// bagEncoder counts the words of texts.
type bagEncoder struct {
	Bag *text.Bag `json:"bag"`
}

func (b *bagEncoder) form() (mixer.Kind, []int, int) { return mixer.Table, []int{b.Bag.Width()}, 0 }
func (b *bagEncoder) stored() npy.Type               { return npy.Float32 }

func (b *bagEncoder) raw() []int {
	list := make([]int, b.Bag.Width())
	for i := range list {
		list[i] = i
	}
	return list
}

func (b *bagEncoder) encode(_ context.Context, s *sample, dst []float32) (int, error) {
	whole, ok := joined(s.cells)
	if !ok {
		clear(dst)
		return 1, nil
	}
	b.Bag.Encode(whole, dst)
	return 1, nil
}

func (b *bagEncoder) check() error {
	if b.Bag == nil {
		return errors.New("the bag of words is missing")
	}
	if err := b.Bag.Check(); err != nil {
		return err
	}
	return checkShape(mixer.Table, []int{b.Bag.Width()})
}

// fitBag learns which words are counted.
func (f *fitting) fitBag(ctx context.Context, m *Modality) (*bagEncoder, error) {
	bag, err := text.TrainBag(ctx, text.BagOptions{Features: m.Features, Weights: m.Weights, Hashed: m.Hashed}, f.texts(ctx))
	if err != nil {
		return nil, err
	}
	return &bagEncoder{bag}, nil
}
