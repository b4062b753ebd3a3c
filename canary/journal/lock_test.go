package journal

import (
	"os"
	"path/filepath"
	"testing"
)

// A system or a file system without locks forbids nothing, which says nothing of whoever writes a file.
func TestWhetherFilesCanBeLockedIsTried(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 { // the first try leaves no lock
		if holds, err := Locks(path); err != nil || !holds {
			t.Errorf("here: %t, %v", holds, err)
		}
	}
	if holds, err := locks(path, func(*os.File, bool) bool { return false }); err != nil || holds {
		t.Errorf("without locks: %t, %v", holds, err)
	}
	if _, err := Locks(filepath.Join(t.TempDir(), "none")); err == nil {
		t.Error("no error without a file")
	}
}
