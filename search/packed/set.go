package packed

import "math/bits"

// Set is a set of integers below a bound, in little memory whether it holds few of them or most: 4 bytes per 512 numbers, and
// 64 bytes more if any of these is in the set.
type Set struct {
	places []uint32    // by number/512: 1 + the place of its page, 0 for none
	pages  [][8]uint64 // of 512 bits
	free   []uint32    // places of unused pages, which are empty
}

const pageSize = 512

// NewSet makes an empty set of numbers below n that will hold at most the given number of them at a time.
func NewSet(n, most int) *Set {
	runs := (n + pageSize - 1) / pageSize
	return &Set{places: make([]uint32, runs), pages: make([][8]uint64, 0, min(runs, most))}
}

// Has reports whether x is in the set.
func (s *Set) Has(x int) bool {
	place := s.places[x/pageSize]
	return place != 0 && s.pages[place-1][x/64%8]>>(x%64)&1 == 1
}

// Add puts x in the set.
func (s *Set) Add(x int) {
	place := &s.places[x/pageSize]
	if *place == 0 {
		if last := len(s.free) - 1; last >= 0 {
			*place, s.free = s.free[last], s.free[:last]
		} else {
			s.pages = append(s.pages, [8]uint64{})
			*place = uint32(len(s.pages))
		}
	}
	s.pages[*place-1][x/64%8] |= 1 << (x % 64)
}

// Remove takes x out of the set.
func (s *Set) Remove(x int) {
	place := &s.places[x/pageSize]
	if *place == 0 {
		return
	}
	page := &s.pages[*place-1]
	page[x/64%8] &^= 1 << (x % 64)
	if *page == [8]uint64{} {
		s.free = append(s.free, *place)
		*place = 0
	}
}

// Append appends the numbers of the set to a list, sorted.
func (s *Set) Append(list []int) []int {
	for run, place := range s.places {
		if place == 0 {
			continue
		}
		for w, word := range s.pages[place-1] {
			for ; word != 0; word &= word - 1 {
				list = append(list, run*pageSize+w*64+bits.TrailingZeros64(word))
			}
		}
	}
	return list
}
