package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"iiscanary/iis"
)

// leaseLife is how long a server stays locked after the program died. It is longer than the longest single operation.
const leaseLife = 20 * time.Minute

func lockWaitFlag() cli.Flag {
	return &cli.DurationFlag{Name: "lock-wait", Usage: "wait so long (`TIME`, such as 15m) for another run to end", EnvVars: twin("lock-wait")}
}

func takeOverFlag() cli.Flag {
	return switchFlag("take-over", "the run's process, of another machine or workspace, is dead: take the servers from it")
}

// lease locks servers, waiting for another run to end where the operator wants that. The first interrupt ends the wait.
func (cd *conduct) lease(ctx context.Context, j job, servers []string) error {
	books, err := cd.books()
	if err != nil {
		return untouched(err)
	}
	owner := process()
	if err := books.sign(j.plan.Run, owner); err != nil {
		return untouched(err)
	}
	ask, settled := untilAsked(ctx, cd.stop)
	defer settled()
	until := time.Now().Add(cd.lockWait)
	c := iis.Claim{Run: j.plan.Run, Owner: owner, Reason: "deploy " + j.plan.New.Slot, Life: leaseLife, TakeOver: cd.takeOver}
	for said := false; ; {
		err := cd.ses.hosts.Acquire(ctx, servers, c)
		held, locked := errors.AsType[*iis.LeasedError](err)
		switch {
		case err == nil:
			return nil
		case !locked:
			return fail(exitPreflight, err, "nothing was changed", "mend that, then type the same line again",
				commandLine("iis-canary doctor", "--config", cd.ses.path)+"   (looks at everything)")
		case !c.TakeOver && j.open && held.Run == c.Run && onThisMachine(held.Owner) && books.signed(held.Run, held.Owner):
			// The journal here would be locked if that process were alive.
			cd.screen.Note("taking over from " + held.Owner + ", which is dead")
			c.TakeOver = true
			continue
		case !time.Now().Before(until):
			return cd.locked(held, c.Run)
		case !said:
			cd.screen.Note("waiting for another run to end: " + held.Error())
			said = true
		}
		if err := (wallClock{}).Wait(ask, min(lockPoll, time.Until(until))); err != nil {
			return orStopped(ask, err)
		}
	}
}

// locked says who works on the servers, and what to type if that process is dead.
func (cd *conduct) locked(held *iis.LeasedError, run string) error {
	f := shelf(cd.ses.spec, cd.ses.path).fate(held.Run, held.Owner)
	resumeOrRevert := takeUps(f, cd.ses.path, held.Run)
	switch {
	case held.Run == run:
		return fail(exitLocked, held, "nothing was touched by this command", append([]string{"wait for it to end, or end it with Ctrl-C"}, resumeOrRevert...)...)
	case f == dead:
		return fail(exitLocked, held, "nothing was touched by this command",
			append([]string{"that process is dead: take its run up, or wait: its lease ends by itself within 20 minutes"}, resumeOrRevert...)...)
	}
	return fail(exitLocked, held, "nothing was touched by this command", append([]string{whenEnded}, resumeOrRevert...)...)
}

const whenEnded = "type the same line again when that run has ended; deploy, resume and revert wait for it with --lock-wait 25m"

// ways is what to do about a run that holds servers, by what is known of its process: in words, where the check's own remedy is not
// right, and what to type.
func ways(f fate, config, run string) (do string, next []string) {
	next = takeUps(f, config, run)
	switch {
	case !isRunID(run):
		return "", next
	case f == living:
		return "wait for it, or stop it", append([]string{whenEnded}, next...)
	case f == dead:
		return "resume that run, or revert it", next
	}
	return "", append([]string{whenEnded}, next...)
}

// takeUps is how to get at the servers that a run holds, other than by waiting for it.
func takeUps(f fate, config, run string) []string {
	typed := typedFor(config)
	switch {
	case !isRunID(run): // of doctor --probe
		return []string{"wait: it ends within minutes, also when its process is dead"}
	case f == living:
		return []string{"or stop it: Ctrl-C where it runs brings the server in hand to its end, then it can be resumed or reverted"}
	case f == dead:
		return []string{typed("resume", run) + "   (go on)", typed("revert", run) + "   (put every server back)"}
	}
	return []string{typed("resume", run) + " --take-over   (go on, only if that process is dead)",
		typed("revert", run) + " --take-over   (put every server back, only if that process is dead)"}
}

// process names this process for the lease: another process never has the same name.
func process() string {
	name := "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return fmt.Sprintf("%s%s(pid %d, %s)", name, machine(), os.Getpid(), strings.ToLower(rand.Text()[:4]))
}

// machine is this machine as it stands in an owner's name.
func machine() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return " on " + host + " "
}

// onThisMachine reports whether an owner's process ran here.
func onThisMachine(owner string) bool { return strings.Contains(owner, machine()+"(pid ") }
