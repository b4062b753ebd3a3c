package iis_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	masterzen "github.com/masterzen/winrm"

	"iiscanary/iis"
	"iiscanary/iis/iistest"
)

// The numbers of these benchmarks are in docs/performance.md. They say something only against each other, in one run.

// chaff is n bytes that do not compress, other ones for every seed.
func chaff(n int, seed uint64) []byte {
	r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8), byte(seed >> 16)})
	b := make([]byte, n)
	_, _ = r.Read(b) // never fails
	return b
}

// latencies are what is added to every answer of a server: a machine beside it, and one in another region.
func latencies(b *testing.B, do func(*testing.B, time.Duration)) {
	for _, added := range []time.Duration{0, 20 * time.Millisecond} {
		b.Run(fmt.Sprintf("latency=%s", added), func(b *testing.B) { do(b, added) })
	}
}

func patient() setup {
	return setup{fleet: func(o *iis.Options) { o.Timeouts.Poll, o.Timeouts.Margin = 20*time.Second, 20*time.Second }}
}

func BenchmarkUpload(b *testing.B) {
	const size = 8 << 20
	latencies(b, func(b *testing.B, added time.Duration) {
		w := newWorld(b, patient())
		w.acquire(b)
		w.servers["web-01"].Latency(added)
		b.SetBytes(size)
		for n := 0; b.Loop(); n++ {
			b.StopTimer()
			files := map[string]string{"web.config": "<configuration/>", "bin/app.dll": string(chaff(size, uint64(n)))}
			b.StartTimer()
			w.stage(b, fmt.Sprintf("%s-%d", app, n+10), files)
		}
	})
}

// What the chunked echo of packer-community/winrmcp (v0.0.0-20221126) asks of a server: base64 in pieces as long as a command line
// may be, a command each, fifteen to a shell. The simulated cmd.exe takes no redirection; all that is left out is the writing.
func BenchmarkUploadByEcho(b *testing.B) {
	const size, line, perShell = 128 << 10, 8000, 15
	latencies(b, func(b *testing.B, added time.Duration) {
		w := newWorld(b, patient())
		client := echoer(b, w)
		text := base64.StdEncoding.EncodeToString(chaff(size, 1))
		w.servers["web-01"].Latency(added)
		b.SetBytes(size)
		for b.Loop() {
			for rest := text; rest != ""; {
				rest = echoed(b, client, rest, line, perShell)
			}
		}
	})
}

func echoer(b *testing.B, w *world) *masterzen.Client {
	b.Helper()
	at := masterzen.NewEndpoint(w.servers["web-01"].Address(), w.servers["web-01"].WinRMPort(), true, true, nil, nil, nil, time.Minute)
	client, err := masterzen.NewClient(at, "deploy", "right")
	if err != nil {
		b.Fatal(err)
	}
	return client
}

// echoed sends pieces of text, a command each, through one shell, and returns what is left.
func echoed(b *testing.B, client *masterzen.Client, text string, line, most int) string {
	b.Helper()
	shell, err := client.CreateShell()
	if err != nil {
		b.Fatal(err)
	}
	for range most {
		piece := text[:min(line, len(text))]
		if text = text[len(piece):]; piece == "" {
			break
		}
		command, err := shell.ExecuteWithContext(context.Background(), "echo "+piece)
		if err != nil {
			b.Fatal(err)
		}
		drain(command)
		if code := command.ExitCode(); code != 0 {
			b.Fatalf("echo ended with %d", code)
		}
		_ = command.Close() // the shell's end closes what is left
	}
	if err := shell.Close(); err != nil {
		b.Fatal(err)
	}
	return text
}

// drain reads what a command writes until it ends.
func drain(c *masterzen.Command) {
	var both sync.WaitGroup
	for _, r := range []io.Reader{c.Stdout, c.Stderr} {
		both.Go(func() { _, _ = io.Copy(io.Discard, r) })
	}
	c.Wait()
	both.Wait()
}

func BenchmarkOperationsOnOneChannel(b *testing.B) {
	latencies(b, func(b *testing.B, added time.Duration) {
		w := newWorld(b, patient())
		server := w.servers["web-01"]
		if _, err := w.fleet.Survey(b.Context(), "web-01"); err != nil { // opens the channel
			b.Fatal(err)
		}
		server.Latency(added)
		before := server.Truth().WinRMCalls
		for b.Loop() {
			if _, err := w.fleet.Survey(b.Context(), "web-01"); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(server.Truth().WinRMCalls-before)/float64(b.N), "requests/op")
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
	})
}

func BenchmarkSurveyOfAHundredServers(b *testing.B) {
	w := newWorld(b, setup{servers: 100, server: func(c *iistest.Config) { c.Cold = 0 }})
	b.ReportAllocs()
	for b.Loop() {
		f := w.another(b)
		var all sync.WaitGroup
		for _, name := range f.Servers() {
			all.Go(func() {
				if _, err := f.Survey(b.Context(), name); err != nil {
					b.Error(err)
				}
			})
		}
		all.Wait()
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
}
