package datasettest

import (
	"sync"

	"mixmas/search/dataset"
)

// CountingCache is a cache that counts the entries it finds and those it is given.
type CountingCache struct {
	dataset.Cache
	Hits, Puts int

	lock sync.Mutex
}

// Get implements [dataset.Cache].
func (c *CountingCache) Get(key string) ([]byte, bool) {
	value, ok := c.Cache.Get(key)
	c.lock.Lock()
	defer c.lock.Unlock()
	if ok {
		c.Hits++
	}
	return value, ok
}

// Put implements [dataset.Cache].
func (c *CountingCache) Put(key string, value []byte) error {
	c.lock.Lock()
	c.Puts++
	c.lock.Unlock()
	return c.Cache.Put(key, value)
}
