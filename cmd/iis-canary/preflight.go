package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"iiscanary/alb"
	"iiscanary/canary"
	"iiscanary/configs"
	"iiscanary/iis"
	"iiscanary/metrics"
)

// preflight is everything that is looked at before the first change. What has nothing to do with each other is looked at
// at the same time: the package, AWS with the servers behind it, and the logs. It changes nothing.
type preflight struct {
	*board
	ses   *session
	order order
	now   time.Time

	release *parcel // nil: no package, or a bad one
	named   canary.Release
	misuse  error // a slot that cannot be named so: a mistake on the command line

	survey  *alb.Survey // nil: AWS could not be asked
	expires time.Time   // when the credentials end; zero: never, or not known
	passing bool        // they end some day
	servers []canary.Server
	found   []canary.Found  // in the order of servers
	holding map[string]fate // the runs that hold servers, and what is known of their processes
	read    []*iis.Survey   // of the same servers; nil: could not be read
	hellos  []*iis.Hello
	allows  []*iis.Delegation

	source  metrics.Source // nil: the logs cannot be asked
	plan    canary.Plan
	metrics []metrics.Metric
	facts   metrics.Facts
	doubts  []string
}

// inspect looks at everything.
func (ses *session) inspect(ctx context.Context, o order) *preflight {
	pf := &preflight{board: &board{}, ses: ses, order: o, now: time.Now(), holding: map[string]fate{}}
	pf.readReferences()
	pf.tryState()
	var all sync.WaitGroup
	all.Go(func() { pf.openPackage(ctx) })
	all.Go(func() { pf.askFleet(ctx) })
	all.Go(func() { pf.askLogs(ctx) })
	all.Wait()
	pf.bindings()
	if pf.survey != nil {
		pf.weighServers()
		pf.makePlan()
		pf.lookAtSigners(ctx)
		pf.lookForUnfinished(ctx)
		pf.compareReleases()
		pf.lookAtTraffic(ctx)
	}
	pf.compareExpiry()
	return pf
}

// parcelChecks are the rows about the package, each of which needs the one before it.
func parcelChecks() []checkID {
	return []checkID{checkReadable, checkSigned, checkSafe, checkFits, checkSound, checkBits}
}

// openPackage reads the package and names the slot that it is for.
func (pf *preflight) openPackage(ctx context.Context) {
	if pf.order.pack.IsZero() {
		for _, id := range parcelChecks() {
			pf.add(finding{check: id, state: unchecked, what: "no package was given (--package FILE)"})
		}
		return
	}
	p, err := pf.ses.open(ctx, pf.order.pack)
	if isReference(err) { // readReferences has said so
		for _, id := range parcelChecks() {
			pf.add(finding{check: id, state: unchecked, what: "needs " + string(checkReferences)})
		}
		return
	}
	bad, _ := errors.AsType[*parcelError](err)
	for _, id := range parcelChecks() {
		if bad != nil && bad.check == id {
			for _, reason := range bad.reasons {
				pf.fail(id, "", reason)
			}
			return
		}
		said := ""
		if p != nil {
			said = p.said[id]
			for _, doubt := range p.doubts[id] {
				pf.warn(id, "", doubt)
			}
		}
		pf.passUnless(id, "", said)
	}
	if pf.named, pf.misuse = pf.ses.named(p.Release, pf.order); pf.misuse != nil {
		_ = p.Close() // nothing was written
		return
	}
	pf.release = p
}

// wanted is what the plan is made for; without a package for a release that no server has, which is enough to judge the
// fleet by.
func (pf *preflight) wanted() canary.Spec {
	release := pf.named
	if pf.release == nil {
		release = canary.Release{Slot: pf.ses.spec.App + "-", Digest: "none"}
	}
	return pf.ses.wanted(newRunID(pf.now), release)
}

// journalRoom is more than the journal of most runs takes, in bytes.
const journalRoom = 256 << 10

// tryState says whether the journal of a run can be written.
func (pf *preflight) tryState() {
	if err := pf.ses.writable(); err != nil {
		pf.fail(checkState, "", err.Error())
		return
	}
	pf.pass(checkState, "", pf.ses.relative(pf.ses.spec.State))
}

// writable writes into the folder of the journals, or the nearest one above it that is there, and removes that again: a run
// that cannot write down what it does must not begin, nor go on.
func (ses *session) writable() error {
	wanted := ses.relative(ses.spec.State)
	dir := wanted
	for !exists(dir) && filepath.Dir(dir) != dir {
		dir = filepath.Dir(dir)
	}
	f, err := os.CreateTemp(dir, ".iis-canary-")
	if err == nil {
		_, err = f.Write(make([]byte, journalRoom))
		err = errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name()))
	}
	if err != nil {
		return fmt.Errorf("%s: %w", wanted, err)
	}
	return nil
}

// referenceError is a secret or a file that the configuration refers to and that cannot be read.
type referenceError struct {
	key string // in the configuration
	err error
}

func (e *referenceError) Error() string { return e.key + ": " + e.err.Error() }
func (e *referenceError) Unwrap() error { return e.err }

// readReferences tries every secret and every file that the configuration refers to.
func (pf *preflight) readReferences() {
	c := pf.ses.spec
	tried := map[string]configs.Secret{
		"aws.access_key": c.AWS.AccessKey, "aws.secret_key": c.AWS.SecretKey,
		"servers.winrm.user": c.Servers.WinRM.User, "servers.winrm.password": c.Servers.WinRM.Password,
		"servers.winrm.certificate": c.Servers.WinRM.Certificate, "servers.winrm.key": c.Servers.WinRM.Key,
		"sources.elastic.api_key": c.Sources.Elastic.APIKey, "sources.elastic.user": c.Sources.Elastic.User,
		"sources.elastic.password": c.Sources.Elastic.Password,
	}
	for i, n := range c.Notify {
		tried[fmt.Sprintf("notify[%d].webhook", i)] = n.Webhook
	}
	tried["package.token"] = c.Package.Token
	for path, v := range c.Settings.All() {
		tried[path] = v.Secret()
	}
	for _, key := range slices.Sorted(maps.Keys(tried)) {
		if tried[key].IsZero() {
			continue
		}
		if _, err := tried[key].Resolve(); err != nil {
			pf.fail(checkReferences, "", key+": "+err.Error())
		}
	}
	if _, err := pf.ses.authorities(c.Servers.WinRM.CA); err != nil {
		pf.fail(checkReferences, "", "servers.winrm.ca: "+err.Error())
	}
	if _, err := pf.ses.authorities(c.Sources.Elastic.CA); err != nil {
		pf.fail(checkReferences, "", "sources.elastic.ca: "+err.Error())
	}
	if _, err := pf.ses.authorities(c.Package.CA); err != nil {
		pf.fail(checkReferences, "", "package.ca: "+err.Error())
	}
	if _, err := pf.ses.wayIn(); err != nil && pf.isClear("", checkReferences) {
		pf.fail(checkReferences, "", err.Error())
	}
	if c.Package.Signature.Required() {
		if _, err := pf.ses.trusted(); err != nil {
			pf.fail(checkReferences, "", err.Error())
		}
	}
	pf.passUnless(checkReferences, "", "")
}

// isReference reports whether an error is of a reference, which readReferences has noted.
func isReference(err error) bool {
	_, is := errors.AsType[*referenceError](err)
	return is
}
