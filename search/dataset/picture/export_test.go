package picture

import (
	"image"
	"io"
)

// PanicOnPNG makes the decoder of PNG panic until the returned function is called.
func PanicOnPNG() (restore func()) {
	own := decoders[formatPNG]
	broken := own
	broken.decode = func(io.Reader) (image.Image, error) { panic("index out of range") }
	decoders[formatPNG] = broken
	return func() { decoders[formatPNG] = own }
}
