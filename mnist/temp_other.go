//go:build !unix || solaris || aix

package mnist

import (
	"errors"
	"os"
)

// lock fails where folders cannot be locked.
func lock(*os.File) error { return errors.ErrUnsupported }
