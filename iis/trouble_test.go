package iis_test

import (
	"context"
	"crypto/x509"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"iiscanary/canary"
	"iiscanary/iis"
	"iiscanary/iis/iistest"
	"iiscanary/iis/winrm"
)

// drops loses connections of web-01 while a slot is staged, and started and stopped so many times.
func (w *world) drops(t *testing.T, times int) {
	t.Helper()
	w.acquire(t)
	w.servers["web-01"].Drop(15)
	w.stage(t, new, site("2"))
	for range times {
		if err := w.fleet.Start(t.Context(), "web-01", new); err != nil {
			t.Fatal(err)
		}
		if err := w.fleet.Stop(t.Context(), "web-01", new); err != nil {
			t.Fatal(err)
		}
	}
}

func TestOperationsSurviveDroppedConnections(t *testing.T) {
	w := newWorld(t, setup{})
	w.drops(t, 5)
	w.servers["web-01"].Drop(0)
	if s := w.truth(t, new); s.Site != "stopped" || s.Pool != "stopped" {
		t.Errorf("the slot is %+v", s)
	}
}

func TestARebootedServerIsReachedAgain(t *testing.T) {
	w := newWorld(t, setup{})
	w.acquire(t)
	w.stage(t, new, site("2"))
	w.servers["web-01"].Reboot()
	if err := w.fleet.Start(t.Context(), "web-01", new); err != nil {
		t.Fatal(err)
	}
	if s := w.truth(t, new); s.Site != "started" {
		t.Errorf("the slot is %+v", s)
	}
}

func TestAnUnreachableServerIsNamedAsThat(t *testing.T) {
	w := newWorld(t, setup{fleet: func(o *iis.Options) { o.Timeouts.Tries = 3 }})
	if _, err := w.fleet.Slots(t.Context(), "web-01"); err != nil {
		t.Fatal(err)
	}
	w.servers["web-01"].Unreachable(true)
	_, err := w.fleet.Slots(t.Context(), "web-01")
	if !errors.Is(err, canary.ErrUnreachable) || !strings.Contains(err.Error(), "web-01") {
		t.Errorf("got %v", err)
	}
	w.servers["web-01"].Unreachable(false)
	if _, err := w.fleet.Slots(t.Context(), "web-01"); err != nil {
		t.Errorf("reachable again, and still: %v", err)
	}
}

func TestASilentServerIsGivenUpInTime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{fleet: func(o *iis.Options) {
		o.Timeouts.Poll, o.Timeouts.Margin, o.Timeouts.Tries, o.Timeouts.Close = 500*time.Millisecond, 1500*time.Millisecond, 2, 500*time.Millisecond
	}})
	if _, err := w.fleet.Slots(t.Context(), "web-01"); err != nil {
		t.Fatal(err)
	}
	w.servers["web-01"].Latency(time.Minute)
	defer w.servers["web-01"].Latency(0)
	began := time.Now()
	_, err := w.fleet.Slots(t.Context(), "web-01")
	if !errors.Is(err, canary.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestAWrongPasswordIsTriedOnceInTheWholeFleet(t *testing.T) {
	w := newWorld(t, setup{servers: 4, fleet: func(o *iis.Options) {
		for i := range o.Endpoints {
			o.Endpoints[i].Password = "wrong-Passw0rd"
		}
	}})
	failed := make(chan error, len(w.servers))
	for name := range w.servers {
		go func() {
			_, err := w.fleet.Slots(t.Context(), name)
			failed <- err
		}()
	}
	for range w.servers {
		err := <-failed
		if auth := (*winrm.AuthError)(nil); !errors.As(err, &auth) {
			t.Errorf("got %v", err)
		} else if strings.Contains(err.Error(), "Passw0rd") {
			t.Errorf("the password is in %q", err)
		}
	}
	tries := 0
	for _, s := range w.servers {
		tries += s.Truth().LoginFails
	}
	if tries != 1 {
		t.Errorf("the password was tried %d times", tries)
	}
}

func TestAServerThatIsNotTrustedGetsNoPassword(t *testing.T) {
	w := newWorld(t, setup{fleet: func(o *iis.Options) { o.Endpoints[0].CAs = x509.NewCertPool() }})
	_, err := w.fleet.Slots(t.Context(), "web-01")
	if cert := (*winrm.CertificateError)(nil); !errors.As(err, &cert) {
		t.Errorf("got %v", err)
	}
	if n := w.servers["web-01"].Truth().WinRMCalls; n != 0 {
		t.Errorf("%d requests reached it", n)
	}
}

func TestACancelledOperationReturnsAtOnceAndTheNextOneWorks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{server: func(c *iistest.Config) { c.Stop = 4 * time.Second }})
	w.acquire(t)
	w.stage(t, new, site("2"))
	if err := w.fleet.Start(t.Context(), "web-01", new); err != nil {
		t.Fatal(err)
	}
	stop := errors.New("the operator stopped it")
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(100*time.Millisecond, func() { cancel(stop) })
	began := time.Now()
	if err := w.fleet.Stop(ctx, "web-01", new); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("took %s", took)
	}
	if err := w.fleet.Stop(t.Context(), "web-01", new); err != nil {
		t.Error(err)
	}
}

func TestACancelledOperationDoesNotWaitForASilentServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{fleet: func(o *iis.Options) { o.Timeouts.Poll = 20 * time.Second }})
	if _, err := w.fleet.Slots(t.Context(), "web-01"); err != nil {
		t.Fatal(err)
	}
	w.servers["web-01"].Latency(10 * time.Second)
	defer w.servers["web-01"].Latency(0)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := w.fleet.Slots(ctx, "web-01"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestOneServersTroubleIsNotAnothers(t *testing.T) {
	w := newWorld(t, setup{servers: 2, fleet: func(o *iis.Options) { o.Timeouts.Tries = 1 }})
	w.servers["web-01"].Unreachable(true)
	if _, err := w.fleet.Slots(t.Context(), "web-02"); err != nil {
		t.Error(err)
	}
	if _, err := w.fleet.Slots(t.Context(), "web-01"); err == nil {
		t.Error("no error")
	}
}

func TestClosingLeavesNoShellBehind(t *testing.T) {
	w := newWorld(t, setup{servers: 3})
	for name := range w.servers {
		if _, err := w.fleet.Slots(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.fleet.Close(); err != nil {
		t.Fatal(err)
	}
	for name, s := range w.servers {
		if n := s.Truth().Shells; n != 0 {
			t.Errorf("%s has %d shells left", name, n)
		}
	}
	if _, err := w.fleet.Slots(t.Context(), "web-01"); err == nil {
		t.Error("a closed fleet went on")
	}
}

func TestMistakesInTheOptionsAreAllReported(t *testing.T) {
	f := iis.NewFleet(iis.Options{App: "a", Root: `D:\sites`, Endpoints: []iis.Endpoint{
		{Server: "plain", Host: "h", Port: 5985, User: "u"},
		{Server: "web-01", Host: "h", Port: 5986, HTTPS: true, User: "u"},
		{Server: "web-01", Host: "i", Port: 5986, HTTPS: true, User: "u"},
		{Server: "nobody", Host: "j", Port: 5986, HTTPS: true},
	}})
	err := f.Check()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`"plain"`, "in clear", `"web-01" is named twice`, `"nobody"`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is not in %q", want, err)
		}
	}
	if _, err := f.Slots(t.Context(), "web-01"); err == nil {
		t.Error("an operation went on with wrong options")
	}
}

// A server that cannot be reached gets a short try from then on. One that only was not waited for is as good as before.
func TestAnOperationThatWasGivenUpCostsTheNextOneNoTime(t *testing.T) {
	for name, end := range map[string]func(*testing.T) (context.Context, context.CancelFunc){
		"by the operator": func(t *testing.T) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(100*time.Millisecond, cancel)
			return ctx, cancel
		},
		"by its step": func(t *testing.T) (context.Context, context.CancelFunc) {
			return context.WithTimeout(t.Context(), 100*time.Millisecond)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{server: func(c *iistest.Config) { c.Stop = 1500 * time.Millisecond },
				fleet: func(o *iis.Options) { o.Timeouts.Patience = 300 * time.Millisecond }})
			w.acquire(t)
			w.stage(t, new, site("2"))
			if err := w.fleet.Start(t.Context(), "web-01", new); err != nil {
				t.Fatal(err)
			}
			ctx, cancel := end(t)
			defer cancel()
			if err := w.fleet.Stop(ctx, "web-01", new); err == nil {
				t.Fatal("no error")
			}
			began := time.Now()
			if err := w.fleet.Stop(t.Context(), "web-01", new); err != nil || time.Since(began) < 300*time.Millisecond {
				t.Errorf("after %s: %v", time.Since(began), err)
			}
		})
	}
}

func TestAServerThatWasSilentGetsOneShortTry(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{fleet: func(o *iis.Options) {
		o.Timeouts.Poll, o.Timeouts.Margin, o.Timeouts.Tries, o.Timeouts.Close = 500*time.Millisecond, 1500*time.Millisecond, 2, 100*time.Millisecond
		o.Timeouts.Patience = time.Second // that of a server that was silent: it takes a process to begin
	}})
	if err := w.hello(t); err != nil {
		t.Fatal(err)
	}
	w.servers["web-01"].Latency(time.Minute)
	var took [2]time.Duration
	for i := range took {
		began := time.Now()
		if err := w.hello(t); !errors.Is(err, canary.ErrUnreachable) {
			t.Fatalf("got %v", err)
		}
		took[i] = time.Since(began)
	}
	if took[1] > took[0]/2 {
		t.Errorf("given up after %s, and the next time after %s", took[0], took[1])
	}
	w.servers["web-01"].Latency(0)
	if err := w.hello(t); err != nil {
		t.Errorf("it answers again, and still: %v", err)
	}
}

// One login is tried first, and the others wait for what becomes of it: never for a server that nobody can log in to.
func TestADeadServerDoesNotKeepTheOthersWaiting(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{servers: 3, fleet: func(o *iis.Options) { o.Timeouts.Dial, o.Timeouts.Tries = 3*time.Second, 1 }})
	hole, err := net.Listen("tcp", "127.0.0.1:0") // takes connections, and never says anything
	if err != nil {
		t.Fatal(err)
	}
	defer hole.Close()
	w.options.Endpoints[0].Port = hole.Addr().(*net.TCPAddr).Port
	f := w.another(t)
	dead := make(chan error, 1)
	go func() {
		_, err := f.Slots(t.Context(), "web-01")
		dead <- err
	}()
	time.Sleep(200 * time.Millisecond) // it is first
	for _, server := range []string{"web-02", "web-03"} {
		began := time.Now()
		if _, err := f.Slots(t.Context(), server); err != nil || time.Since(began) > 2*time.Second {
			t.Errorf("%s: %v, after %s", server, err, time.Since(began))
		}
	}
	if err := <-dead; !errors.Is(err, canary.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
}
