package main

import (
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"unsafe"

	"iiscanary/cmd/iis-canary/rehearsal"
)

// fill lets a process make no file longer than a byte from now on, as a full disk would.
func fill(t *testing.T, cmd *running) {
	t.Helper()
	limit := syscall.Rlimit{Cur: 1, Max: 1}
	const fileSize = 1 // RLIMIT_FSIZE
	if _, _, no := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(cmd.Process.Pid), fileSize, uintptr(unsafe.Pointer(&limit)), 0, 0, 0); no != 0 {
		t.Fatal(no)
	}
}

// full is a command in a process whose disk has no more room than a small journal needs.
func full(t *testing.T, args ...string) typed {
	t.Helper()
	cmd := exec.Command("sh", append([]string{"-c", `ulimit -f 1 && exec iis-canary "$@"`, "sh"}, args...)...)
	return launch(t, cmd).ended()
}

func TestAFullDiskIsToldAsWhatItIs(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		when func(*rehearsal.Fleet) bool
		code exit
		says string
	}{
		"while every server serves": {func(f *rehearsal.Fleet) bool {
			return f.Healthy() == len(f.Servers) && slices.Equal(f.Servers[0].Truth().Running, []string{rehearsal.NewSlot})
		}, exitHeld, "⚠ held: nothing is decided"},
		"while a server is out": {func(*rehearsal.Fleet) bool { return true }, exitMixed, "trouble: web-01"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := putUp(t)
			cmd := underway(t, f)
			until(t, name, func() bool { return c.when(f) })
			fill(t, cmd)
			y := cmd.ended().must(t, int(c.code))
			folder := filepath.Join(filepath.Dir(f.Config()), "state", rehearsal.App)
			says(t, y.out, c.says, "write the journal: ", "next:  make room in "+folder, "iis-canary resume --config ", "iis-canary revert --config ")
			saysNot(t, y.out, "mend the servers named above, then")
			for _, verb := range []string{"resume", "revert"} {
				y := full(t, verb, "-c", f.Config(), "--yes").must(t, int(exitPreflight))
				says(t, y.err, string(checkState), "nothing was touched by this command", "free space there")
			}
			enter(t, "resume", "-c", f.Config()).must(t, 0)
			everywhere(t, f, rehearsal.NewSlot)
		})
	}
}
