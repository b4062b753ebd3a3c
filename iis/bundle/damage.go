package bundle

import (
	"errors"
	"io/fs"
)

var errGrew = errors.New("it has another size than listed")

// damaged tells a package that is no good from a disk that cannot be read or written, which is a *[fs.PathError].
func damaged(err error) bool {
	_, disk := errors.AsType[*fs.PathError](err)
	return err != nil && !disk
}

// closeAll closes all, and returns every error.
func closeAll(each []func() error) error {
	var all error
	for _, c := range each {
		all = errors.Join(all, c())
	}
	return all
}
