package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/synctest"

	"iiscanary/canary"
)

func TestTheFirstInterruptEndsWhatChangesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		ask, settled := untilAsked(t.Context(), stop)
		defer settled()
		close(stop)
		synctest.Wait()
		if !errors.Is(context.Cause(ask), canary.ErrStopped) {
			t.Errorf("the cause is %v", context.Cause(ask))
		}
		if got := codeOf(orStopped(ask, errors.New("AWS is unreachable"))); got != exitStopped {
			t.Errorf("exit %d, want %d", got, exitStopped)
		}
	})
}

func TestTheFirstInterruptLetsTheServerInHandFinish(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		ask, settled := untilAsked(t.Context(), stop)
		settled()
		synctest.Wait()
		close(stop)
		synctest.Wait()
		if ask.Err() != nil {
			t.Errorf("connections made with this context would end: %v", context.Cause(ask))
		}
	})
}

func TestAPromptEndsWithAnInterruptToo(t *testing.T) {
	for _, c := range []struct {
		name, typed string
		leave       bool
		code        exit
	}{
		{"the app's name", "app.domain.com\n", false, exitDone},
		{"the app's name on a last line without an end", "app.domain.com", false, exitDone},
		{"another name", "app\n", false, exitUsage},
		{"the end of the input", "", false, exitUsage},
		{"an interrupt", "", true, exitStopped},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var in io.Reader = strings.NewReader(c.typed)
			if c.leave {
				silent, end := io.Pipe()
				defer end.Close()
				in = silent
				cancel()
			}
			var talk bytes.Buffer
			err := confirm(ctx, streams{in: in, err: &talk}, "app.domain.com", "deploy")
			if got := codeOf(err); got != c.code {
				t.Errorf("exit %d (%v), want %d", got, err, c.code)
			}
			if !strings.Contains(talk.String(), "Type app.domain.com to deploy: ") {
				t.Errorf("asked %q", talk.String())
			}
		})
	}
}
