package sample

import (
	"fmt"
	"math/big"
	"strconv"

	"gonum.org/v1/gonum/stat/distuv"
)

// Options says how a sample is sized and drawn. The zero value is the default.
type Options struct {
	// Error is the margin ε of the estimated proportion, in (0, 1); 0 means 0.01.
	Error float64
	// Proportion is the expected proportion p̂, in (0, 1); 0 means 0.5, which asks for the most samples.
	Proportion float64
	// Confidence is that of the estimate, in (0, 1); 0 means 0.90.
	Confidence float64
	// Size is the number of samples, cut to the population; 0 means by the formula.
	Size int
	// Distance is what the class proportions of sample and population must differ by less than; 0 means 0.05.
	Distance float64
	// Redraws is how often a sample that differs too much is drawn anew; 0 means 100.
	Redraws int
	// Sampler names the way of drawing, see [Samplers]; "" means "random".
	Sampler string
}

func (o Options) withDefaults() (Options, error) {
	for _, field := range []struct {
		name     string
		value    *float64
		fallback float64
	}{{"error", &o.Error, 0.01}, {"proportion", &o.Proportion, 0.5}, {"confidence", &o.Confidence, 0.90}, {"distance", &o.Distance, 0.05}} {
		if *field.value == 0 {
			*field.value = field.fallback
		}
		if !(*field.value > 0 && *field.value < 1) {
			return o, fmt.Errorf("sample: %s is %v, want a number between 0 and 1", field.name, *field.value)
		}
	}
	if o.Size < 0 || o.Redraws < 0 {
		return o, fmt.Errorf("sample: size %d and redraws %d must not be negative", o.Size, o.Redraws)
	}
	if o.Redraws == 0 {
		o.Redraws = 100
	}
	if o.Sampler == "" {
		o.Sampler = "random"
	}
	return o, nil
}

// Size is the number N' of samples that estimate a proportion of the population within ±ε at the confidence asked for:
// n = z²p̂(1−p̂)/ε² and N' = n / (1 + n/N), rounded up and at most the population N (Cochran, Sampling Techniques, 1977,
// section 4.4). The options are taken for the decimals that they were written as, and nothing is rounded before that.
// With o.Size it is that, at most N.
func Size(population int, o Options) (int, error) {
	o, err := o.withDefaults()
	if err != nil {
		return 0, err
	}
	if population < 1 {
		return 0, fmt.Errorf("sample: a population of %d has no samples", population)
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

// decimal is the number with the fewest digits that is read as x: what was written, where that had at most 15.
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

// quantile is the z of a two-sided interval: the customary rounded values where the tables have them, otherwise exact.
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
