//go:build !unix && !windows

package identity

import (
	"errors"
	"os"
)

// locate adds nothing: the system provides nothing more.
func (i *Identity) locate(*os.File) error { return nil }

// In returns the identity of a regular file in an open folder, without opening it. For anything else, and if the system cannot
// tell, it returns [errors.ErrUnsupported].
func In(*os.File, string) (Identity, error) { return Identity{}, errors.ErrUnsupported }
