package split

import (
	"encoding/binary"
	"hash/fnv"
	"math"
	"math/bits"
	"math/rand/v2"
	"slices"

	"mixmas/nn/options"
)

// Stratified splits rows at random so that every class is divided by the shares of the training, validation and test rows,
// which add up to 1. classes has the class of each row, by any number.
//
// A class with one row is only trained on. One with two rows has a training and a validation row. One with more has a row in
// every split with a share. Apart from that, its numbers of rows are its shares, rounded down or up so that all rows together
// come near the shares too. It does not matter which numbers the classes have.
func Stratified(classes []uint32, shares [3]float64, seed uint64) (rows [3][]int, err error) {
	if err := checkShares(shares); err != nil {
		return rows, err
	}
	of, err := stratified(classes, shares, seed)
	if err != nil {
		return rows, err
	}
	return lists(of), filled(of, shares)
}

// stratified returns the split of each row.
func stratified(strata []uint32, shares [3]float64, seed uint64) ([]uint8, error) {
	if uint64(len(strata)) > math.MaxUint32 {
		return nil, options.Errorf("random", "there are %d rows, which is more than 4294967295", len(strata))
	}
	shares = normal(shares)
	// the rows of each stratum, in the order in which strata appear
	var counts []uint32
	numbers := map[uint32]int{}
	for _, stratum := range strata {
		n, known := numbers[stratum]
		if !known {
			n = len(counts)
			numbers[stratum], counts = n, append(counts, 0)
		}
		counts[n]++
	}
	next := make([]uint32, len(counts))
	for i := range len(counts) - 1 {
		next[i+1] = next[i] + counts[i]
	}
	sorted := make([]uint32, len(strata))
	for row, stratum := range strata {
		n := numbers[stratum]
		sorted[next[n]] = uint32(row)
		next[n]++
	}
	of := make([]uint8, len(strata))
	source := rand.NewPCG(seed, 0x73706c6974) // "split"
	var owed [3]float64
	for _, count := range counts {
		some := sorted[:count]
		sorted = sorted[count:]
		shuffle(source, some)
		for s, n := range quota(int(count), shares, &owed) {
			for _, row := range some[:n] {
				of[row] = uint8(s)
			}
			some = some[n:]
		}
	}
	return of, nil
}

// quota divides n rows of a stratum among the splits. owed is how many rows the splits lack so far compared with their shares.
func quota(n int, shares [3]float64, owed *[3]float64) (counts [3]int) {
	wanted := 0
	for s, share := range shares {
		if share > 0 {
			if wanted++; wanted <= n {
				counts[s] = 1
			}
		}
	}
	rest := n
	for s, share := range shares {
		exact := float64(share * float64(n)) // the conversion keeps the compiler from fusing it with the sum below
		owed[s] += exact
		if n > wanted {
			counts[s] = max(counts[s], int(exact+1e-9))
		}
		rest -= counts[s]
	}
	for ; rest < 0; rest++ { // the rows that every split has at least come from the largest
		counts[slices.Index(counts[:], slices.Max(counts[:]))]--
	}
	var more [3]bool // already rounded up
	for s, share := range shares {
		more[s] = share == 0 || float64(counts[s]) > float64(share*float64(n))
	}
	for ; rest > 0; rest-- { // rounded up where most is owed
		best := -1
		for s := range shares {
			if !more[s] && (best < 0 || owed[s]-float64(counts[s]) > owed[best]-float64(counts[best])) {
				best = s
			}
		}
		more[best] = true
		counts[best]++
	}
	for s, n := range counts {
		owed[s] -= float64(n)
	}
	return counts
}

// shuffle permutes the rows at random. It does not depend on the generators of package rand, only on its source.
func shuffle(source *rand.PCG, rows []uint32) {
	for i := len(rows) - 1; i > 0; i-- {
		j := below(source, uint64(i+1))
		rows[i], rows[j] = rows[j], rows[i]
	}
}

// below returns a random number from 0 to n-1, by Lemire's method.
func below(source *rand.PCG, n uint64) uint64 {
	high, low := bits.Mul64(source.Uint64(), n)
	for low < -n%n {
		high, low = bits.Mul64(source.Uint64(), n)
	}
	return high
}

// combinations sets the stratum of each row to a hash of its classes. Combinations with so few rows that some split would have
// less than one of them share a stratum.
func combinations(strata []uint32, labels func(row int, dst []int) []int, shares [3]float64) {
	smallest := 1.0
	for _, share := range shares {
		if share > 0 {
			smallest = min(smallest, share)
		}
	}
	rare := int(min(math.Ceil(1/smallest), 1<<20))
	var label []int
	var text []byte
	for row := range strata {
		label = labels(row, label[:0])
		slices.Sort(label)
		text = text[:0]
		for _, class := range label {
			text = binary.LittleEndian.AppendUint64(text, uint64(class))
		}
		h := fnv.New32a()
		h.Write(text)
		strata[row] = max(1, h.Sum32())
	}
	sorted := slices.Sorted(slices.Values(strata))
	for row, stratum := range strata {
		first, _ := slices.BinarySearch(sorted, stratum)
		if last := first + rare - 1; last >= len(sorted) || sorted[last] != stratum {
			strata[row] = 0
		}
	}
}

// train makes rows training rows until each class has one.
func train(of []uint8, labels func(row int, dst []int) []int) {
	trained := map[int]bool{}
	var label []int
	for row, s := range of {
		if s == training {
			for _, class := range labels(row, label[:0]) {
				trained[class] = true
			}
		}
	}
	for row, s := range of {
		if s == training || s == none {
			continue
		}
		label = labels(row, label[:0])
		if slices.ContainsFunc(label, func(class int) bool { return !trained[class] }) {
			of[row] = training
			for _, class := range label {
				trained[class] = true
			}
		}
	}
}
