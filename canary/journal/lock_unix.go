//go:build darwin || linux

package journal

import (
	"errors"
	"os"
	"syscall"
)

// forbidden tries to lock the file until it is closed, and reports whether another lock keeps it from that. A file system
// without locks forbids nothing.
func forbidden(f *os.File, alone bool) bool {
	how := syscall.LOCK_SH
	if alone {
		how = syscall.LOCK_EX
	}
	return errors.Is(syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB), syscall.EWOULDBLOCK)
}
