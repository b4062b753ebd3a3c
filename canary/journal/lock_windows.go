//go:build windows

package journal

import (
	"errors"
	"os"
	"syscall"
	"unsafe"
)

// The flags and the error of LockFileEx.
const (
	lockFailImmediately = 1
	lockExclusive       = 2

	errorLockViolation = syscall.Errno(33)
)

// forbidden tries to lock the file until it is closed, and reports whether another lock keeps it from that. Locks of Windows
// forbid reading too, so the one byte that is locked lies beyond what any journal has.
func forbidden(f *os.File, alone bool) bool {
	how := uintptr(lockFailImmediately)
	if alone {
		how |= lockExclusive
	}
	beyond := syscall.Overlapped{OffsetHigh: 1 << 30}
	done, _, err := syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx").Call(f.Fd(), how, 0, 1, 0, uintptr(unsafe.Pointer(&beyond)))
	return done == 0 && errors.Is(err, errorLockViolation)
}
