package winrm_test

import (
	"context"
	"crypto/tls"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"iiscanary/iis/iistest"
	"iiscanary/iis/winrm"
)

// fault is a server that answers requests of one action with a fault.
func fault(action string, code uint32) func(*testing.T) winrm.Options {
	return failing(iistest.Failure{Action: action, Code: code})
}

// each is a way for each code.
func each(action string, codes ...uint32) []func(*testing.T) winrm.Options {
	var out []func(*testing.T) winrm.Options
	for _, code := range codes {
		out = append(out, fault(action, code))
	}
	return out
}

func spoilt(action string, how iistest.Garbage) func(*testing.T) winrm.Options {
	return failing(iistest.Failure{Action: action, Spoilt: how})
}

// inTLS spoils what no seal protects.
func inTLS(how iistest.Garbage) func(*testing.T) winrm.Options {
	return func(t *testing.T) winrm.Options {
		s := windows(t, nil)
		s.Fail(iistest.Failure{Action: "Command", Spoilt: how})
		return aimed(s, false)
	}
}

func failing(f iistest.Failure) func(*testing.T) winrm.Options {
	return func(t *testing.T) winrm.Options {
		s := windows(t, nil)
		s.Fail(f)
		o := aimed(s, true)
		o.Timeouts.Operation, o.Timeouts.Margin = 500*time.Millisecond, 300*time.Millisecond
		return o
	}
}

// troubles is, for each row, the ways into it.
func troubles() map[string][]func(*testing.T) winrm.Options {
	return map[string][]func(*testing.T) winrm.Options{
		"poll-over":           nil, // see TestAPollThatIsOverIsNoTrouble: it is no error
		"outcome-unknown":     {fault("Create", 2150858793), fault("Command", 2150858793)},
		"shell-gone":          {fault("Command", 2150858843), fault("Receive", 2150858843)},
		"aborted":             {fault("Receive", 995)},
		"shutting-down":       {fault("Create", 1115), fault("Create", 1722), fault("Command", 1726)},
		"process-gone":        {fault("Send", 109), fault("Send", 232)},
		"profile-unloading":   {fault("Create", 2147943418)},
		"too-many-shells":     {fault("Create", 2150859173), fullOfShells},
		"too-many-operations": {fault("Command", 2150859174), fullOfOperations},
		"quota":               each("Create", 2150858815, 2150859175, 2150859176, 2150859179, 2150859236, 2150859237, 2150859238, 2150859239, 2150859240, 2150859241, 2150859242),
		"too-large":           append(each("Send", 2150858823, 2150858824, 2150858825), failing(iistest.Failure{Action: "Send", Status: 413}), smallEnvelopes, encodingLimit),
		"shells-off":          {fault("Create", 2150859180)},
		"access-denied":       {fault("Create", 5)},
		"no-such-program":     {fault("Command", 2147942402)},
		"command-too-long":    {fault("Command", 2147942606), fault("Command", 87)},
		"not-understood":      {fault("Create", 2150858817), fault("Create", 2150858819), fault("Create", 2150858753), fault("Create", 2150858811)},
		"filtered":            {unanswered},
		"refused":             {closed},
		"certificate":         {untrusted, expired, anotherName},
		"no-tls":              {withoutTLS},
		"tls-version":         {oldTLS(tls.VersionTLS11, 0), oldTLS(tls.VersionTLS12, tls.VersionTLS13)},
		"garbled":             {spoilt("Create", iistest.Noise), spoilt("Command", iistest.Stranger), spoilt("Receive", iistest.Cut), inTLS(iistest.Huge)},
		"not-soap":            {inTLS(iistest.Page)},
		"silent":              {failing(iistest.Failure{Action: "Command", Hang: true})},
		"out-of-step":         {garbled},
		"connection-lost":     {dropped, cutOff},
		"login-refused":       {wrongPassword, lockedOut, lockedAccount, unmapped},
		"no-ticket":           {noSuchService},
		"no-kdc":              {noKDC},
		"downgrade":           {openHouse},
		"forbidden":           {failing(iistest.Failure{Status: 403})},
		"not-winrm":           {failing(iistest.Failure{Status: 404})},
		"unread":              {failing(iistest.Failure{Status: 400})},
		"not-ready":           {failing(iistest.Failure{Status: 503}), restarting},
	}
}

func TestEveryTroubleIsRecognisedAndAdvised(t *testing.T) {
	ways := troubles()
	for name := range ways {
		if !slices.ContainsFunc(winrm.Troubles(), func(d winrm.Diagnosis) bool { return d.Name == name }) {
			t.Errorf("%s is not recognised", name)
		}
	}
	for _, row := range winrm.Troubles() {
		all, known := ways[row.Name]
		if !known {
			t.Errorf("nobody knows a way into %s", row.Name)
		}
		for _, make := range all {
			t.Run(row.Name, func(t *testing.T) {
				t.Parallel()
				c, err := winrm.New(make(t))
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(c.Close)
				err = through(t, c)
				if err == nil {
					t.Fatal("nothing happened")
				}
				if got := winrm.Diagnose(err); got != row {
					t.Errorf("%v is taken for %+v", err, got)
				}
				if !strings.Contains(err.Error(), row.Advice) || strings.Contains(err.Error(), "guessed") {
					t.Errorf("the advice %q is not in %q, or the password is", row.Advice, err)
				}
			})
		}
	}
}

// through runs a command that reads its input.
func through(t *testing.T, c *winrm.Client) error {
	s, err := c.Open(t.Context())
	if err != nil {
		return err
	}
	defer func() { _ = s.Close(context.Background()) }()
	if err := s.Start(t.Context(), "sort"); err != nil {
		return err
	}
	if err := s.Send(t.Context(), make([]byte, 40_000)); err != nil {
		return err
	}
	_, err = s.Receive(t.Context())
	return err
}

func TestAPollThatIsOverIsNoTrouble(t *testing.T) {
	c, err := winrm.New(fault("Receive", 2150858793)(t))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if err := through(t, c); err != nil {
		t.Error(err)
	}
	if d := winrm.Diagnose(&winrm.Fault{Action: "Receive", Code: 2150858793}); d.Name != "poll-over" || d.Kind != winrm.Normal {
		t.Errorf("%+v", d)
	}
}

func TestAnUnknownFaultIsNotTriedAgain(t *testing.T) {
	if d := winrm.Diagnose(&winrm.Fault{Action: "Create", Code: 4711}); d.Kind != winrm.Permanent {
		t.Errorf("%+v", d)
	}
	if d := winrm.Diagnose(errors.New("something else")); d.Kind != winrm.State {
		t.Errorf("%+v", d)
	}
}
