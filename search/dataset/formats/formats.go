// Package formats registers the program's own data formats. It is imported for that alone.
package formats

import (
	_ "mixmas/search/dataset/arrays"  // npy
	_ "mixmas/search/dataset/avmnist" // avmnist
	_ "mixmas/search/dataset/builtin" // builtin
)
