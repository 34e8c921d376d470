package text

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// corpus makes about size bytes of texts of invented words, as frequent as words are in English, 12 words per text.
func corpus(size int) []string {
	r := rand.New(rand.NewPCG(1, 2))
	syllables := strings.Fields("ba con de er for ing ist ka lo me men mo na o per qua re sti ta tion un ver wi ze")
	words := make([]string, 30000)
	for i := range words {
		for range 1 + r.IntN(4) {
			words[i] += syllables[r.IntN(len(syllables))]
		}
	}
	var list []string
	for size > 0 {
		var b strings.Builder
		for range 12 {
			b.WriteString(words[int(math.Pow(float64(len(words)), r.Float64()))-1])
			b.WriteByte(' ')
		}
		list = append(list, b.String())
		size -= b.Len()
	}
	return list
}

func BenchmarkTrain(b *testing.B) {
	texts := corpus(1800_000)
	for _, kind := range Tokenizers[:3] {
		b.Run(kind, func(b *testing.B) {
			b.SetBytes(1800_000)
			for b.Loop() {
				t, err := Train(b.Context(), Options{Tokenizer: kind}, Strings(texts))
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(t.Size()), "ids")
			}
		})
	}
	b.Run("bag", func(b *testing.B) {
		b.SetBytes(1800_000)
		for b.Loop() {
			if _, err := TrainBag(b.Context(), BagOptions{}, Strings(texts)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkEncode(b *testing.B) {
	english := corpus(1000_000)
	other := make([]string, len(english))
	greek := strings.NewReplacer("a", "α", "e", "έ", "o", "ο", "n", "ν", "t", "τ", "s", "σ")
	for i, s := range english {
		other[i] = greek.Replace(s)
	}
	for i, texts := range [][]string{english, other} {
		name, size := []string{"ascii", "greek"}[i], 0
		for _, s := range texts {
			size += len(s)
		}
		for _, kind := range Tokenizers {
			t, err := Train(b.Context(), Options{Tokenizer: kind}, Strings(texts))
			if err != nil {
				b.Fatal(err)
			}
			b.Run(fmt.Sprintf("%s/%s", kind, name), func(b *testing.B) {
				b.SetBytes(int64(size))
				b.ReportAllocs()
				var ids []int
				for b.Loop() {
					for _, s := range texts {
						ids = t.Encode(ids[:0], s)
					}
				}
			})
		}
		bag, err := TrainBag(b.Context(), BagOptions{}, Strings(texts))
		if err != nil {
			b.Fatal(err)
		}
		b.Run("bag/"+name, func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			dst := make([]float32, bag.Width())
			for b.Loop() {
				for _, s := range texts {
					bag.Encode(s, dst)
				}
			}
		})
	}
}
