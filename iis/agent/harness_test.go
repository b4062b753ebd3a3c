package agent_test

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"iiscanary/iis/agent"
	"iiscanary/iis/agent/standin"
	"iiscanary/iis/iistest"
	"iiscanary/iis/winrm"
)

// speed divides the pauses and waits of both agents: 60 s of patience are a little over a second.
const speed = 50

// half is one of the two programs that implement the protocol.
type half struct {
	program agent.Program
	mono    *standin.Workshop // nil: the model
	batch   agent.Batch
	batched bool // a process for each batch of frames, instead of one that lives on
}

// asking is a request with its blob.
type asking struct {
	request agent.Request
	blob    []byte
}

func (a asking) frame() ([]byte, error) {
	body, err := json.Marshal(a.request)
	if err != nil {
		return nil, err
	}
	return agent.Frame{JSON: body, Blob: a.blob}.Encode()
}

// bench is a simulated server with an agent on it, asked over WinRM.
type bench struct {
	server *iistest.Server
	trust  *x509.CertPool
	half   half
	client *winrm.Client
	shell  *winrm.Shell
	frames agent.Decoder
	count  int
	lease  *agent.Fence
	depot  *depot

	release func() // gives the occupied port back
}

// tester is what a bench needs of a test: mutations are put on the bench by something that may fail.
type tester interface {
	Context() context.Context
	TempDir() string
	Cleanup(func())
	Output() io.Writer
}

// borrowed is a certificate for 127.0.0.1 and example.com, and a pool that trusts it.
func borrowed() (tls.Certificate, *x509.CertPool) {
	front := httptest.NewTLSServer(nil)
	front.Close()
	trust := x509.NewCertPool()
	trust.AddCert(front.Certificate())
	return front.TLS.Certificates[0], trust
}

func put(t tester, h half, speed float64, adjust func(*iistest.Config)) (*bench, error) {
	c := iistest.Config{Address: ownAddress(), User: "u", Password: "p", Root: t.TempDir(), App: "app", Mono: h.mono, MonoErrors: t.Output(),
		Speed: speed, Patience: time.Duration(float64(time.Minute) / speed)}
	b := &bench{half: h}
	c.Certificate, b.trust = borrowed()
	var err error
	if b.depot, err = openDepot(t); err != nil {
		return nil, err
	}
	c.Roots = b.depot.roots
	adjust(&c)
	server, err := iistest.New(c)
	if err != nil {
		return nil, err
	}
	t.Cleanup(func() { _ = server.Close() })
	b.server = server
	return b, nil
}

// ownAddress is one that nobody else uses: outgoing connections and other benches would take the site's port while the site is stopped.
func ownAddress() string {
	other := fmt.Sprintf("127.77.%d.%d", 1+rand.IntN(250), 1+rand.IntN(250))
	l, err := net.Listen("tcp", other+":0")
	if err != nil || l.Close() != nil {
		return "127.0.0.1" // macOS has no other
	}
	return other
}

// connect starts the agent.
func (b *bench) connect(t tester) error {
	client, err := winrm.New(winrm.Options{Host: b.server.Address(), Port: b.server.WinRMPort(), User: "u", Password: "p", CAs: b.trust, ServerName: "example.com"})
	if err != nil {
		return err
	}
	b.client = client
	if b.half.batched {
		return nil
	}
	if b.shell, err = client.Open(t.Context()); err != nil {
		return err
	}
	shell := b.shell
	t.Cleanup(func() { _ = shell.Close(context.WithoutCancel(t.Context())) })
	if err := shell.Start(t.Context(), b.half.program.Command); err != nil {
		return err
	}
	b.frames = agent.Decoder{}
	return shell.Send(t.Context(), b.half.program.Input)
}

// ask sends operations and returns their answers: one after the other, or all in one process of their own.
func (b *bench) ask(ctx context.Context, all []asking) ([]agent.Answer, error) {
	var frames []byte
	for _, one := range all {
		frame, err := one.frame()
		if err != nil {
			return nil, err
		}
		frames = append(frames, frame...)
	}
	if !b.half.batched {
		if err := b.shell.Send(ctx, frames); err != nil {
			return nil, err
		}
		return b.receive(ctx, len(all))
	}
	shell, err := b.client.Open(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = shell.Close(context.WithoutCancel(ctx)) }()
	b.shell, b.frames = shell, agent.Decoder{}
	err = errors.Join(shell.Start(ctx, b.half.batch.Command), shell.Send(ctx, b.half.batch.Input(frames)), shell.End(ctx))
	if err != nil {
		return nil, err
	}
	return b.receive(ctx, len(all))
}

// receive reads so many answers.
func (b *bench) receive(ctx context.Context, n int) ([]agent.Answer, error) {
	var all []agent.Answer
	for len(all) < n {
		frame, whole, err := b.frames.Next()
		if err != nil {
			return nil, err
		}
		if whole {
			var a agent.Answer
			if err := json.Unmarshal(frame.JSON, &a); err != nil {
				return nil, fmt.Errorf("%s: %w", frame.JSON, err)
			}
			if a.Fatal != "" {
				return nil, errors.New(a.Fatal)
			}
			all = append(all, a)
			continue
		}
		out, err := b.shell.Receive(ctx)
		if err != nil {
			return nil, err
		}
		b.frames.Feed(out.Stdout)
		if out.Done && len(out.Stdout) == 0 {
			return nil, fmt.Errorf("the agent ended with %d: %s", out.ExitCode, out.Stderr)
		}
	}
	return all, nil
}

// occupy lets another program listen on the site's port, or ends that.
func (b *bench) occupy(on *bool) error {
	if on == nil {
		return nil
	}
	if !*on {
		b.release()
		return nil
	}
	release, err := b.server.Occupy()
	b.release = release
	return err
}

func deflated(s string) ([]byte, error) {
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		return nil, err
	}
	_, err = io.WriteString(w, s)
	err = errors.Join(err, w.Close())
	return out.Bytes(), err
}

func sum(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }

// halves is the model, and the C# agent where Mono is installed.
func halves(t *testing.T) map[string]half {
	t.Helper()
	p, err := agent.Load()
	batch, failed := agent.LoadBatch()
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	all := map[string]half{"the model": {program: p, batch: batch}}
	shop, err := standin.Open(t.TempDir())
	if missing, is := errors.AsType[*standin.MissingError](err); is {
		t.Logf("%v: the C# agent does not run here", missing)
		return all
	}
	if err != nil {
		t.Fatal(err)
	}
	all["C#"] = half{program: p, batch: batch, mono: shop}
	return all
}

// TestTheAgentCompilesAsOnWindows compiles what is sent to servers, with every warning an error, where a compiler is: with
// what stands for Windows, and without.
func TestTheAgentCompilesAsOnWindows(t *testing.T) {
	h, ok := halves(t)["C#"]
	if !ok {
		return
	}
	for _, compile := range []func(context.Context, []byte) (string, error){h.mono.Build, h.mono.Compile} {
		if _, err := compile(t.Context(), h.program.Input[4:]); err != nil {
			t.Error(strings.ReplaceAll(err.Error(), ": ", ":\n"))
		}
	}
}
