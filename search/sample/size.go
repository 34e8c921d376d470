package sample

import (
	"cmp"
	"fmt"
	"math/big"
	"strconv"

	"gonum.org/v1/gonum/stat/distuv"

	"mixmas/nn/options"
)

// Options are the size of a sample and the way of drawing it. A field that is zero means its default, see [Defaults].
type Options struct {
	// Sampler is the name of a sampler, see [Samplers].
	Sampler string `yaml:"sampler" json:"sampler" doc:"How samples are drawn."`
	// Error is the margin ε of the estimated proportion, Proportion its expected value, and Confidence the confidence level.
	Error      float64 `yaml:"error" json:"error" jsonschema:"exclusiveMinimum=0,exclusiveMaximum=1" doc:"Margin of error ε of the sample size n = z²p(1-p)/ε², corrected to n/(1+n/N) for N rows (see population)."`
	Proportion float64 `yaml:"proportion" json:"proportion" jsonschema:"exclusiveMinimum=0,exclusiveMaximum=1" doc:"Expected proportion p in that formula; 0.5 is the safest."`
	Confidence float64 `yaml:"confidence" json:"confidence" jsonschema:"exclusiveMinimum=0,exclusiveMaximum=1" doc:"Confidence level, which gives z."`
	// Distance limits the differences between the class proportions of sample and population, which must be less. Otherwise the
	// sample is drawn again, up to Redraws times.
	Distance float64 `yaml:"distance" json:"distance" jsonschema:"exclusiveMinimum=0,exclusiveMaximum=1" doc:"A draw is accepted if every class's proportion differs from the training data's by less than this."`
	Redraws  int     `yaml:"redraws" json:"redraws" jsonschema:"minimum=1" doc:"How many times a sample that differs too much is drawn again before giving up."`
	// Population is what the formula takes as N: the rows to draw from, or all rows of the data set, as the paper does.
	Population string `yaml:"population" json:"population" jsonschema:"enum=train,enum=all" doc:"What N counts for the sample: the training rows, or the rows of all splits, as the fractions in the paper do (train | all)."`
	// Size is the number of rows, limited to the population; 0 means the result of the formula.
	Size int `yaml:"size" json:"size" jsonschema:"minimum=0" doc:"Number of training samples. 0: as many as the formula gives."`
}

// Defaults returns the default options.
func Defaults() Options {
	return Options{Sampler: "random", Population: "train", Error: 0.01, Proportion: 0.5, Confidence: 0.90, Distance: 0.05, Redraws: 100}
}

// withDefaults fills in defaults, and checks what is given.
func (o Options) withDefaults() (Options, error) {
	d := Defaults()
	o.Sampler, o.Population = cmp.Or(o.Sampler, d.Sampler), cmp.Or(o.Population, d.Population)
	o.Error, o.Proportion, o.Confidence = cmp.Or(o.Error, d.Error), cmp.Or(o.Proportion, d.Proportion), cmp.Or(o.Confidence, d.Confidence)
	o.Distance, o.Redraws = cmp.Or(o.Distance, d.Distance), cmp.Or(o.Redraws, d.Redraws)
	if err := options.Check(&o); err != nil {
		return o, fmt.Errorf("sample: %w", err)
	}
	return o, nil
}

// Of returns the population N of the formula: rows to draw from, or all rows of the data set.
func (o Options) Of(rows, all int) int {
	if o.Population == "all" {
		return max(rows, all)
	}
	return rows
}

// Size is the number N' of samples that estimate a proportion of the population within ±ε at the given confidence:
// n = z²p̂(1−p̂)/ε² and N' = n / (1 + n/N), rounded up and at most the population N (Cochran, Sampling Techniques, 1977,
// section 4.4). The options count as the decimals that they were written as, and only the result is rounded. If
// o.Size is set, it is o.Size, at most N.
func Size(population int, o Options) (int, error) {
	o, err := o.withDefaults()
	if err != nil {
		return 0, err
	}
	if population < 1 {
		return 0, fmt.Errorf("sample: the population has %d rows, want at least 1", population)
	}
	if o.Size > 0 {
		return min(o.Size, population), nil
	}
	// With a = z²p̂(1−p̂) and b = ε²N, N' = aN / (a + b).
	z, p, e := decimal(quantile(o.Confidence)), decimal(o.Proportion), decimal(o.Error)
	all := new(big.Rat).SetInt64(int64(population))
	a := product(z, z, p, new(big.Rat).Sub(big.NewRat(1, 1), p))
	exact := product(a, all, new(big.Rat).Inv(new(big.Rat).Add(a, product(e, e, all))))
	size, rest := new(big.Int).QuoRem(exact.Num(), exact.Denom(), new(big.Int))
	return max(1, int(size.Int64())+rest.Sign()), nil
}

// decimal is the shortest decimal number that is parsed as x: the number as written, if that had at most 15 digits.
func decimal(x float64) *big.Rat {
	r, _ := new(big.Rat).SetString(strconv.FormatFloat(x, 'g', -1, 64))
	return r
}

func product(factors ...*big.Rat) *big.Rat {
	p := big.NewRat(1, 1)
	for _, f := range factors {
		p.Mul(p, f)
	}
	return p
}

// quantile is the z of a two-sided interval: the customary rounded values for common confidences, otherwise exact.
func quantile(confidence float64) float64 {
	switch confidence {
	case 0.90:
		return 1.645
	case 0.95:
		return 1.960
	case 0.99:
		return 2.576
	}
	return distuv.UnitNormal.Quantile((1 + confidence) / 2)
}
