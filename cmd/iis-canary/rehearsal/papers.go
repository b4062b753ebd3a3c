package rehearsal

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"time"

	"iiscanary/cmd/iis-canary/rehearsal/traffic"
)

// newSecrets makes every secret of a rehearsal, by the name of the file that it goes to.
func newSecrets() (map[string]string, error) {
	word := func(n int) (string, error) {
		b := make([]byte, n)
		_, err := rand.Read(b)
		return hex.EncodeToString(b), err
	}
	out := map[string]string{"winrm_user": winrmUser, "es_user": elasticUser}
	for name, n := range map[string]int{"access_key": 8, "secret_key": 20, "winrm_password": 12, machineSecret: 12, "es_api_key": 12, "es_password": 12, "package_token": 12} {
		w, err := word(n)
		if err != nil {
			return nil, fmt.Errorf("make a secret: %w", err)
		}
		out[name] = w
	}
	out["access_key"] = "AKIA" + strings.ToUpper(out["access_key"])
	out["es_api_key"] = base64.StdEncoding.EncodeToString([]byte("rehearsal:" + out["es_api_key"]))
	return out, nil
}

// papers writes what a user would have: the configuration, the secrets that it refers to, and the package.
func (f *Fleet) papers(context.Context) error {
	out := map[string]string{"ca.pem": string(f.ca.pem()), "canary.yaml": f.configText()}
	for name, secret := range f.secrets {
		out[name] = secret + "\n"
	}
	identity, err := f.identityFiles()
	if err != nil {
		return err
	}
	maps.Copy(out, identity)
	for name, text := range out {
		if err := os.WriteFile(filepath.Join(f.options.Dir, name), []byte(text), 0o600); err != nil {
			return fmt.Errorf("write the rehearsal's %s: %w", name, err)
		}
	}
	return f.keepPackage()
}

// Config is the path of the configuration file.
func (f *Fleet) Config() string { return filepath.Join(f.options.Dir, "canary.yaml") }

// Package is the new release, as --package takes it: a path, or where it is kept.
func (f *Fleet) Package() string {
	switch f.options.Pull {
	case PullHTTPS:
		return f.Depot.URL() + webPath + "#sha256=" + f.packed
	case PullS3:
		return "s3:/" + s3Path + "#version=" + packedVersion
	}
	return f.packageFile()
}

func (f *Fleet) packageFile() string { return filepath.Join(f.options.Dir, packageName) }

// upTime bounds how long the fleet may take to stand.
const upTime = 30 * time.Second

// allHealthy waits until the balancer sends requests to every server.
func (f *Fleet) allHealthy(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, upTime, errors.New("the fleet did not come up in time"))
	defer cancel()
	for f.Healthy() < len(f.Servers) {
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

// Settle lets the customers in for a while, so that there is traffic to look at: until the log store has some lines of
// every server.
func (f *Fleet) Settle(ctx context.Context) error {
	ctx, cancel := context.WithTimeoutCause(ctx, upTime, errors.New("no log lines arrived in time"))
	defer cancel()
	needed := max(60, 15*len(f.Servers))
	for f.shipper.Status().Shipped < needed {
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("%w: %s", err, f.shipper.Status().Problem)
		}
	}
	return pause(ctx, f.options.scaled(indexRefresh)+100*time.Millisecond)
}

// pause waits for d or the end of ctx.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Customers is what the customers have seen so far.
func (f *Fleet) Customers() traffic.Report { return f.traffic.Snapshot() }

// Healthy is how many servers the balancer sends requests to.
func (f *Fleet) Healthy() int { return f.Balancer.Truth().Groups[groupName].Healthy }

// Listed is how many servers the balancer lists: registered, or still draining.
func (f *Fleet) Listed() int { return len(f.Balancer.Truth().Groups[groupName].Targets) }

// Changes is how many calls have changed something, or tried to: on the balancer, and on the servers.
func (f *Fleet) Changes() int {
	s := f.State()
	return s.Changes.AWS + s.Changes.WinRM
}

// ShipAgain ends the fault no-logs.
func (f *Fleet) ShipAgain() { f.shipper.Pause(false) }
