package cmd

import "io"

// output is standard output. It remembers the first error, which run reports, and writes nothing after it. (On Unix a
// closed pipe, such as that of | head, never gets here: its signal ends the program, as usual.)
type output struct {
	w   io.Writer
	err error
}

// Write implements [io.Writer].
func (o *output) Write(text []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(text)
	o.err = err
	return n, err
}
