package iis

import (
	"context"
	"errors"
	"fmt"
	"time"

	"iiscanary/iis/agent"
	"iiscanary/iis/bundle"
)

// Origin is the package where the servers can fetch it by themselves. Only a zip can be taken apart there.
type Origin struct {
	Shown  string // for people
	SHA256 string // of the package, lower-case hexadecimal
	Size   int64  // of the package
	// Locate says where it is for so long: an https address, and a bearer token for its host, which may be empty. Both may be secrets.
	Locate func(ctx context.Context, valid time.Duration) (url, token string, err error)
	// Proxy of the servers: http://host:port; "machine" is the one that each is set to use; empty: none.
	Proxy string
	// Limit is how long one transfer may take; 0, or more than what is left of Timeouts.Transfer: that.
	Limit time.Duration
	// Spare lets the files travel from here to a server that cannot fetch them. Otherwise that is an error.
	Spare bool
}

const (
	// pullTries is how often a server is asked that failed for a reason which may pass.
	pullTries = 3
	// pullRest is how much longer than the transfer the operation may last: the archive is then hashed and taken apart.
	pullRest = 3 * time.Minute
)

// PullFrom lets the servers fetch the package given to [Fleet.Use] by themselves; nil: it travels from here.
func (f *Fleet) PullFrom(o *Origin) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.origin = o
}

// pulled has a server fetch what the package has of the missing files, and returns what is missing after that.
func (f *Fleet) pulled(ctx context.Context, server string, r *bundle.Release, missing []bundle.File) ([]bundle.File, error) {
	f.mu.Lock()
	o := f.origin
	f.mu.Unlock()
	var wanted []agent.Content
	for _, file := range missing {
		if r.Packed(file.Path) {
			wanted = append(wanted, agent.Content{SHA256: file.SHA256, Size: file.Size})
		}
	}
	if o == nil || len(wanted) == 0 {
		return missing, nil
	}
	stored, err := f.pull(ctx, server, o, wanted)
	switch {
	case err == nil:
		return without(missing, stored), nil
	case ctx.Err() != nil || !o.Spare || !forgivable(err):
		return nil, fmt.Errorf("%s: fetch %s by itself: %w", server, o.Shown, err)
	}
	if f.options.Notify != nil {
		f.options.Notify(fmt.Sprintf("%s cannot fetch %s by itself, so its files travel from here: %v", server, o.Shown, err))
	}
	return missing, nil
}

// forgivable tells a server that could not fetch from one that could not be asked, or that has no room for any file.
func forgivable(err error) bool {
	no := (*agent.Error)(nil)
	if !errors.As(err, &no) {
		return errors.Is(err, errNowhere)
	}
	return no.Code == agent.PullFailed || no.Code == agent.Busy || no.Code == agent.HashMismatch || no.Code == agent.Internal
}

// errNowhere is a package for which there is no address.
var errNowhere = errors.New("no address can be given to it")

// pull asks once more where the reason may pass.
func (f *Fleet) pull(ctx context.Context, server string, o *Origin, wanted []agent.Content) ([]string, error) {
	limit := max(f.timeouts.Transfer-pullRest, time.Second)
	if o.Limit > 0 {
		limit = min(limit, o.Limit)
	}
	for try := 1; ; try++ {
		url, token, err := o.Locate(ctx, limit+pullRest)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errNowhere, err)
		}
		args := agent.PullArgs{App: f.options.App, Root: f.options.Root, URL: url, Token: token, Proxy: o.Proxy, SHA256: o.SHA256, Size: o.Size,
			Seconds: int64(limit.Seconds()), Files: wanted}
		var r agent.PullResult
		err = f.change(ctx, server, operation{name: "pull", args: args, limit: limit + pullRest}, &r)
		if err == nil && len(r.Stored) < len(wanted) {
			err = &agent.Error{Op: "pull", Code: agent.PullFailed, Message: fmt.Sprintf("it found %d of %d contents in the archive", len(r.Stored), len(wanted))}
		}
		if no := (*agent.Error)(nil); try == pullTries || !errors.As(err, &no) || no.Code != agent.Busy {
			return r.Stored, err
		}
		if err := wait(ctx, f.timeouts.Pause<<(try-1)); err != nil {
			return nil, err
		}
	}
}

// without is the files whose contents are not among those.
func without(files []bundle.File, sums []string) []bundle.File {
	there := make(map[string]bool, len(sums))
	for _, s := range sums {
		there[s] = true
	}
	var out []bundle.File
	for _, file := range files {
		if !there[file.SHA256] {
			out = append(out, file)
		}
	}
	return out
}
