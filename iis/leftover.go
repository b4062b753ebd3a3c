package iis

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"iiscanary/iis/winrm"
)

// forsaken is how long nobody has asked a shell for anything whose run has died: a living one is polled three times a minute.
const forsaken = 2 * time.Minute

// shellMark begins the name of every shell of this program.
const shellMark = "iis-canary"

// shellName tells a person whose a shell is: this process on this machine.
func shellName() string { return fmt.Sprintf("%s %s %d", shellMark, machine(), os.Getpid()) }

func machine() string {
	host, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return strings.ReplaceAll(host, " ", "-")
}

// leftBehind says that nobody will use a shell again: it is one of this program's, and nobody has asked it for anything for long.
// Whether its process still runs cannot be told from here: the name of a machine may be that of several containers, and Windows
// shows nobody the processes of another account.
func leftBehind(s winrm.Listed) bool {
	mark, _, _ := strings.Cut(s.Name, " ")
	return mark == shellMark && s.Unused >= forsaken
}

// openShell makes room for a shell, if there is none, by deleting those that dead runs have left behind.
func openShell(ctx context.Context, c *winrm.Client) (*winrm.Shell, error) {
	shell, err := c.Open(ctx)
	if winrm.Diagnose(err).Name != "too-many-shells" {
		return shell, err
	}
	swept, failed := c.Sweep(ctx, leftBehind)
	if failed != nil || swept == 0 {
		return nil, err // the quota is the better error
	}
	return c.Open(ctx)
}

// opener opens shells on a server. After the first one, what dead runs have left there is deleted.
func (f *Fleet) opener(server string, entrance *gate, c *winrm.Client) func(context.Context) (*winrm.Shell, error) {
	var swept atomic.Bool
	return func(ctx context.Context) (*winrm.Shell, error) {
		shell, err := entrance.open(ctx, c)
		if err != nil || swept.Swap(true) {
			return shell, err
		}
		n, failed := c.Sweep(ctx, leftBehind)
		if n > 0 || failed != nil {
			f.log.Debug("shells that dead runs have left", "server", server, "deleted", n, "err", failed)
		}
		return shell, nil
	}
}
