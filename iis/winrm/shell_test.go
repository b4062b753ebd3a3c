package winrm_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	masterzen "github.com/masterzen/winrm"

	"iiscanary/iis/winrm"
)

func TestACommandRunsFromCreateToDelete(t *testing.T) {
	p := newPeer(t)
	p.on("Receive", func(m message) answer { return output(m, "hello", "oops", "Done") })
	c := p.client(t)
	s, err := c.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context(), `tool.exe "a & b" <x> ]]>`); err != nil {
		t.Fatal(err)
	}
	if err := s.Send(t.Context(), []byte("input\x00\xff")); err != nil {
		t.Fatal(err)
	}
	out, err := s.Receive(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if string(out.Stdout) != "hello" || string(out.Stderr) != "oops" || !out.Done || out.ExitCode != 3 {
		t.Errorf("received %+v", out)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}

	create, command, send := p.requests("Create")[0], p.requests("Command")[0], p.requests("Send")[0]
	if create.IdleTimeOut != "PT15M" || create.Most != 380000 || create.option("WINRS_CODEPAGE") != "65001" {
		t.Errorf("Create asked for idle %q, envelope %d, options %v", create.IdleTimeOut, create.Most, create.Options)
	}
	if got := command.option("WINRS_CONSOLEMODE_STDIN"); got != "FALSE" {
		t.Errorf("console mode of standard input is %q: bytes would be converted", got)
	}
	if want := `tool.exe "a & b" <x> ]]>`; command.Command != want {
		t.Errorf("command line arrived as %q, want %q", command.Command, want)
	}
	if got, _ := base64.StdEncoding.DecodeString(send.Input); string(got) != "input\x00\xff" {
		t.Errorf("input arrived as %q", got)
	}
	if n := len(p.requests("Delete")); n != 1 {
		t.Errorf("%d deletes, want 1", n)
	}
}

func TestAFaultIsAnErrorForEveryAction(t *testing.T) {
	for _, verb := range []string{"Create", "Command", "Send", "Receive", "Delete"} {
		t.Run(verb, func(t *testing.T) {
			p := newPeer(t)
			p.on(verb, func(message) answer { return wsmanFault(5, "AccessDenied", "Access is denied.") })
			err := walk(t, p)
			var f *winrm.Fault
			if !errors.As(err, &f) {
				t.Fatalf("no fault in %v", err)
			}
			if f.Action != verb || f.Code != 5 || f.Subcode != "AccessDenied" || f.Text != "Access is denied." {
				t.Errorf("fault is %+v", *f)
			}
		})
	}
}

// walk goes through all actions and returns the first error.
func walk(t *testing.T, p *peer) error {
	s, err := p.client(t).Open(t.Context())
	if err != nil {
		return err
	}
	if err := s.Start(t.Context(), "agent"); err != nil {
		return err
	}
	if err := s.Send(t.Context(), []byte("x")); err != nil {
		return err
	}
	if _, err := s.Receive(t.Context()); err != nil {
		return err
	}
	return s.Close(t.Context())
}

// Bug 1a of the stock transports: a vanished shell is polled about 1,200 times a second, for ever.
func TestAVanishedShellEndsTheReceive(t *testing.T) {
	p := newPeer(t)
	s := p.shell(t)
	p.on("Receive", gone)
	_, err := s.Receive(t.Context())
	if f := (*winrm.Fault)(nil); !errors.As(err, &f) || !f.Gone() {
		t.Fatalf("got %v, want a fault that says the shell is gone", err)
	}
	if n := len(p.requests("Receive")); n != 1 {
		t.Errorf("%d requests, want 1", n)
	}
}

func TestAPollThatTimesOutIsNoError(t *testing.T) {
	p := newPeer(t)
	s := p.shell(t)
	p.on("Receive", timedOut)
	out, err := s.Receive(t.Context())
	if err != nil || out.Done || len(out.Stdout) > 0 {
		t.Fatalf("got %+v, %v", out, err)
	}
}

// Bug 1b: a Send that faults leaves a hole in the middle of the input, and no error.
func TestALostSendIsNotSilent(t *testing.T) {
	p := newPeer(t)
	p.patience = time.Minute
	s := p.shell(t)
	var sent atomic.Int64
	p.on("Send", func(m message) answer {
		if sent.Add(1) == 2 {
			return wsmanFault(109, "InternalError", "The pipe has been ended.")
		}
		return reply(m, `<rsp:SendResponse/>`)
	})
	err := s.Send(t.Context(), make([]byte, 1_000_000))
	if f := (*winrm.Fault)(nil); !errors.As(err, &f) || f.Code != 109 {
		t.Fatalf("got %v", err)
	}
	if n := sent.Load(); n != 2 {
		t.Errorf("%d sends: it went on after the hole", n)
	}
}

func TestAQuotaFaultOfTheWmiKindIsRead(t *testing.T) {
	p := newPeer(t)
	p.on("Create", func(message) answer {
		return answer{status: http.StatusInternalServerError, text: `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header/><s:Body><s:Fault><s:Code><s:Value>s:Sender</s:Value>
<s:Subcode><s:Value>w:QuotaLimit</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang="">quota</s:Text></s:Reason>
<s:Detail><p:MSFT_WmiError xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/cimv2/MSFT_WmiError">
<p:error_Code>2150859173</p:error_Code><p:Message>This user is allowed a maximum number of 30 concurrent shells</p:Message>
</p:MSFT_WmiError></s:Detail></s:Fault></s:Body></s:Envelope>`}
	})
	_, err := p.client(t).Open(t.Context())
	var f *winrm.Fault
	if !errors.As(err, &f) || f.Code != 2150859173 || f.Subcode != "QuotaLimit" || winrm.Diagnose(err).Kind != winrm.Transient {
		t.Fatalf("got %#v", err)
	}
	if !strings.Contains(err.Error(), "MaxShellsPerUser") {
		t.Errorf("no advice in %q", err)
	}
}

func TestARefusedEnvelopeIsHalvedAndNothingIsLost(t *testing.T) {
	const limit = 150 << 10 // MaxEnvelopeSizekb of an old host
	input := make([]byte, 400_000)
	for i := range input {
		input[i] = byte(rand.Uint32())
	}
	refusals := map[string]answer{
		"as a fault":  wsmanFault(2150858823, "EncodingLimit", "The WS-Management service cannot process the request because it exceeds the limit."),
		"as a status": {status: http.StatusRequestEntityTooLarge, kind: "text/plain"},
	}
	for name, refusal := range refusals {
		t.Run(name, func(t *testing.T) {
			p := newPeer(t)
			p.patience = time.Minute
			s := p.shell(t)
			var got []byte
			p.on("Send", func(m message) answer {
				if m.bytes > limit {
					return refusal
				}
				piece, _ := base64.StdEncoding.DecodeString(m.Input)
				got = append(got, piece...)
				return reply(m, `<rsp:SendResponse/>`)
			})
			if err := s.Send(t.Context(), input); err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, input) {
				t.Fatalf("%d bytes arrived, %d were sent, or they differ", len(got), len(input))
			}
			before := len(p.requests("Send"))
			if err := s.Send(t.Context(), input[:200_000]); err != nil {
				t.Fatal(err)
			}
			if n := len(p.requests("Send")) - before; n > 3 {
				t.Errorf("%d requests for the second input: the size that works was forgotten", n)
			}
		})
	}
}

func TestEnvelopesStayUnderTheDefaultLimit(t *testing.T) {
	p := newPeer(t)
	s := p.shell(t)
	if err := s.Send(t.Context(), make([]byte, 1<<20)); err != nil {
		t.Fatal(err)
	}
	sends := p.requests("Send")
	if len(sends) != 3 {
		t.Errorf("%d requests for 1 MiB, want 3", len(sends))
	}
	for _, m := range sends {
		if m.bytes > 500<<10 {
			t.Errorf("an envelope of %d bytes: servers take %d", m.bytes, 500<<10)
		}
	}
}

// Bug 3: a host that goes dark is retried for ever.
func TestAHostThatGoesDarkIsAnErrorInTime(t *testing.T) {
	p := newPeer(t)
	s := p.shell(t)
	p.on("Receive", func(m message) answer { <-m.request.Context().Done(); return answer{} })
	began := time.Now()
	_, err := s.Receive(t.Context())
	if err == nil || !strings.Contains(err.Error(), "no answer for 1s") {
		t.Errorf("got %v", err)
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
}

// Bug 5: no context in Post; and a peer that accepts TCP but never shakes hands blocks for ever.
func TestACancelledContextEndsEveryRequestAtOnce(t *testing.T) {
	for _, verb := range []string{"Create", "Command", "Send", "Receive"} {
		t.Run(verb, func(t *testing.T) {
			p := newPeer(t)
			ctx, cancel := context.WithCancelCause(t.Context())
			stop := errors.New("the operator stopped it")
			p.on(verb, func(m message) answer { cancel(stop); <-m.request.Context().Done(); return answer{} })
			o := p.options()
			o.Timeouts.Operation = 30 * time.Second
			c, err := winrm.New(o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(c.Close)
			began := time.Now()
			if err := walkWith(ctx, c); !errors.Is(err, stop) {
				t.Errorf("got %v, want the cause of the context", err)
			}
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

func walkWith(ctx context.Context, c *winrm.Client) error {
	s, err := c.Open(ctx)
	if err != nil {
		return err
	}
	if err := s.Start(ctx, "agent"); err != nil {
		return err
	}
	if err := s.Send(ctx, []byte("x")); err != nil {
		return err
	}
	_, err = s.Receive(ctx)
	return err
}

func TestAPeerThatNeverShakesHandsIsBounded(t *testing.T) {
	mute, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	c, err := winrm.New(winrm.Options{Host: "127.0.0.1", Port: mute.Addr().(*net.TCPAddr).Port, User: "u", Password: "p",
		Timeouts: winrm.Timeouts{Dial: 100 * time.Millisecond, Operation: time.Minute, Margin: time.Minute}})
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := c.Open(t.Context()); err == nil {
		t.Error("no error")
	}
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("took %s", took)
	}
}

func TestAShellIsDeletedAlsoWhenItsCallerHasGone(t *testing.T) {
	p := newPeer(t)
	ctx, cancel := context.WithCancel(t.Context())
	s := p.shell(t)
	cancel()
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if deletes, signals := p.requests("Delete"), p.requests("Signal"); len(deletes) != 1 || len(signals) != 1 || deletes[0].Shell != "S-1" {
		t.Errorf("%d signals and %d deletes, want one each, of shell S-1", len(signals), len(deletes))
	}
}

func TestDeletingAShellThatIsGoneIsNoError(t *testing.T) {
	p := newPeer(t)
	s := p.shell(t)
	p.on("Signal", gone)
	p.on("Delete", gone)
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestDeletingIsBounded(t *testing.T) {
	p := newPeer(t)
	s := p.shell(t)
	silent := func(m message) answer { <-m.request.Context().Done(); return answer{} }
	p.on("Signal", silent)
	p.on("Delete", silent)
	began := time.Now()
	if err := s.Close(t.Context()); err == nil {
		t.Error("no error")
	}
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("took %s", took)
	}
}

// Bug 10: replies with an unexpected content type leak their connections.
func TestRefusalsDoNotLeakConnections(t *testing.T) {
	p := newPeer(t)
	p.on("Create", func(message) answer {
		return answer{status: http.StatusServiceUnavailable, kind: "text/html", text: "Service Unavailable"}
	})
	c := p.client(t)
	for range 30 {
		_, err := c.Open(t.Context())
		var status *winrm.StatusError
		if !errors.As(err, &status) || status.Status != 503 || winrm.Diagnose(err).Kind != winrm.Transient {
			t.Fatalf("got %v", err)
		}
	}
	connections := map[string]bool{}
	for _, m := range p.requests("Create") {
		connections[m.request.RemoteAddr] = true
	}
	if len(connections) > 2 {
		t.Errorf("%d connections for 30 refusals, one after the other", len(connections))
	}
}

// Bug 18: answers are read without a limit.
func TestAnEndlessAnswerIsRefused(t *testing.T) {
	p := newPeer(t)
	o := p.options()
	o.Timeouts.Margin = 20 * time.Second // for a machine that has much else to do
	s, err := open(t, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context(), "agent"); err != nil {
		t.Fatal(err)
	}
	p.on("Receive", func(m message) answer { return output(m, strings.Repeat("x", 4<<20), "", "Running") })
	if _, err := s.Receive(t.Context()); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("got %v", err)
	}
}

func TestAnAnswerToAnotherRequestIsRefused(t *testing.T) {
	p := newPeer(t)
	s := p.shell(t)
	p.on("Receive", func(m message) answer {
		m.ID = "uuid:another"
		return output(m, "stale", "", "Running")
	})
	if out, err := s.Receive(t.Context()); err == nil {
		t.Errorf("took %+v", out)
	}
}

func TestReceiveAndSendRunAtTheSameTime(t *testing.T) {
	p := newPeer(t)
	s := p.shell(t)
	sent := make(chan struct{})
	p.on("Receive", func(m message) answer { <-sent; return output(m, "echo", "", "Running") })
	p.on("Send", func(m message) answer { close(sent); return reply(m, `<rsp:SendResponse/>`) })
	received := make(chan error, 1)
	go func() {
		_, err := s.Receive(t.Context())
		received <- err
	}()
	if err := s.Send(t.Context(), []byte("x")); err != nil {
		t.Fatal(err)
	}
	if err := <-received; err != nil {
		t.Fatal(err)
	}
}

// The library's own Client over this Transporter: a fault is no longer taken for success.
func TestTheLibraryRunsOverThisTransporter(t *testing.T) {
	p := newPeer(t)
	polls := 0
	p.on("Receive", func(m message) answer {
		if polls++; polls == 1 {
			return output(m, "from the library", "", "Done")
		}
		return gone(m)
	})
	c := p.client(t)
	params := *masterzen.DefaultParameters
	params.TransportDecorator = func() masterzen.Transporter { return c.Transporter(t.Context()) }
	o := p.options()
	lib, err := masterzen.NewClientWithParameters(masterzen.NewEndpoint(o.Host, o.Port, true, false, nil, nil, nil, 0), "", "", &params)
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	code, err := lib.RunWithContext(t.Context(), "agent", &stdout, &stderr)
	if err != nil || code != 3 || stdout.String() != "from the library" {
		t.Errorf("code %d, output %q, error %v", code, stdout.String(), err)
	}
	p.on("Create", gone)
	_, err = lib.CreateShell()
	if f := (*winrm.Fault)(nil); !errors.As(err, &f) {
		t.Errorf("got %v, want a fault", err)
	}
}

func TestEveryRequestHasAnIdOfItsOwn(t *testing.T) {
	p := newPeer(t)
	if err := walk(t, p); err != nil {
		t.Fatal(err)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	var ids []string
	for _, m := range p.seen {
		ids = append(ids, m.ID)
	}
	slices.Sort(ids)
	if n := len(slices.Compact(slices.Clone(ids))); n != len(ids) || n < 6 {
		t.Errorf("%d ids for %d requests", n, len(ids))
	}
}
