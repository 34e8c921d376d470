// Package formats registers the built-in data formats when it is imported.
package formats

import (
	_ "mixmas/search/dataset/arrays"  // npy
	_ "mixmas/search/dataset/avmnist" // avmnist
	_ "mixmas/search/dataset/builtin" // builtin
	_ "mixmas/search/dataset/records" // records
)
