package agent_test

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"iiscanary/iis/agent"
	"iiscanary/iis/iistest"
	"iiscanary/iis/winrm"
)

// process is an agent: the real one under Mono with a stand-in for IIS, or the model of one in a simulated server. Both
// have to give the same answers.
type process struct {
	t       *testing.T
	wire    wire
	lease   *agent.Fence
	count   int
	root    string // as the agent knows it
	local   string // the same folder on this machine
	binding string
	asked   string // what the site saw, in its header X-Asked; empty: it has none
}

// wire carries frames to an agent and answers back.
type wire interface {
	write(frame []byte) error
	read() ([]byte, error)
}

// compile makes the agent from the very source that is sent to servers. It is false where Mono is not installed.
func compile(t *testing.T) (string, bool) {
	t.Helper()
	mcs, err := exec.LookPath("mcs")
	if err != nil {
		t.Log("mcs is not installed: the C# agent is not compiled here")
		return "", false
	}
	dir := t.TempDir()
	p, err := agent.Load()
	if err != nil {
		t.Fatal(err)
	}
	source := filepath.Join(dir, "all.cs")
	if err := os.WriteFile(source, p.Input[4:], 0o600); err != nil {
		t.Fatal(err)
	}
	library, program := filepath.Join(dir, "Microsoft.Web.Administration.dll"), filepath.Join(dir, "agent.exe")
	for _, args := range [][]string{
		{"-langversion:5", "-t:library", "-out:" + library, "standin/MicrosoftWebAdministration.cs", "standin/ServiceController.cs"},
		{"-langversion:5", "-warnaserror", "-r:" + library, "-r:System.Core.dll", "-r:System.Web.Extensions.dll",
			"-r:System.IO.Compression.dll", "-out:" + program, source, "standin/Program.cs"},
	} {
		if out, err := exec.CommandContext(t.Context(), mcs, args...).CombinedOutput(); err != nil {
			t.Fatalf("mcs: %v\n%s", err, out)
		}
	}
	return program, true
}

// TestEveryAgentGivesTheSameAnswers holds the C# agent and its model in the simulated server to one contract.
func TestEveryAgentGivesTheSameAnswers(t *testing.T) {
	agents := map[string]func(*testing.T) *process{"the model": modelled}
	if program, ok := compile(t); ok {
		agents["C#"] = func(t *testing.T) *process { return started(t, program) }
	}
	for name, begin := range agents {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			t.Run("a lane", func(t *testing.T) { runALane(t, begin(t)) })
			t.Run("the protocol", func(t *testing.T) { keepTheProtocol(t, begin(t)) })
		})
	}
}

type pipes struct {
	in  io.WriteCloser
	out io.Reader
}

func (p pipes) write(b []byte) error {
	_, err := p.in.Write(b)
	return err
}

func (p pipes) read() ([]byte, error) {
	b := make([]byte, 4096)
	n, err := p.out.Read(b)
	return b[:n], err
}

func started(t *testing.T, program string) *process {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
	t.Cleanup(cancel)
	root := filepath.Join(t.TempDir(), "sites")
	cmd := exec.CommandContext(ctx, "mono", program, filepath.Join(t.TempDir(), "data"))
	cmd.Stderr = t.Output()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil {
			t.Errorf("the agent ended with %v", err)
		}
	})
	// What answers in place of http.sys.
	site := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Asked", r.Host+r.URL.Path+" "+r.UserAgent())
		w.WriteHeader(http.StatusOK)
	}))
	t.Cleanup(site.Close)
	_, port, err := net.SplitHostPort(site.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return &process{t: t, wire: pipes{in, out}, root: root, local: root, binding: "*:" + port + ":", asked: "app.domain.com/warm tester"}
}

// remote is a shell of a simulated server.
type remote struct {
	t     *testing.T
	shell *winrm.Shell
}

func (r remote) write(b []byte) error { return r.shell.Send(r.t.Context(), b) }

func (r remote) read() ([]byte, error) {
	out, err := r.shell.Receive(r.t.Context())
	if err == nil && out.Done {
		err = fmt.Errorf("ended with %d: %s", out.ExitCode, out.Stderr)
	}
	return out.Stdout, err
}

func modelled(t *testing.T) *process {
	t.Helper()
	front := httptest.NewTLSServer(nil) // lends its certificate
	front.Close()
	dir := t.TempDir()
	server, err := iistest.New(iistest.Config{Address: "127.0.0.1", User: "u", Password: "p", Root: dir, App: "app", Certificate: front.TLS.Certificates[0]})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	trust := x509.NewCertPool()
	trust.AddCert(front.Certificate())
	client, err := winrm.New(winrm.Options{Host: "127.0.0.1", Port: server.WinRMPort(), User: "u", Password: "p", CAs: trust, ServerName: "example.com"})
	if err != nil {
		t.Fatal(err)
	}
	shell, err := client.Open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shell.Close(context.WithoutCancel(t.Context())) })
	p, err := agent.Load()
	if err != nil {
		t.Fatal(err)
	}
	if err := shell.Start(t.Context(), p.Command); err != nil {
		t.Fatal(err)
	}
	if err := shell.Send(t.Context(), p.Input); err != nil {
		t.Fatal(err)
	}
	return &process{t: t, wire: remote{t, shell}, root: `D:\sites`, local: filepath.Join(dir, "d", "sites"), binding: server.Binding()}
}

// ask sends one operation under the lease in hand and returns its answer.
func (p *process) ask(op string, args any, blob []byte, out any) *agent.Error {
	p.t.Helper()
	p.count++
	return p.askAs(fmt.Sprintf("t-%d", p.count), op, args, blob, out)
}

func (p *process) askAs(id, op string, args any, blob []byte, out any) *agent.Error {
	p.t.Helper()
	body, err := json.Marshal(agent.Request{ID: id, Op: op, Args: args, Lease: p.lease})
	if err != nil {
		p.t.Fatal(err)
	}
	frame, err := agent.Frame{JSON: body, Blob: blob}.Encode()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.wire.write(frame); err != nil {
		p.t.Fatal(err)
	}
	a := p.answer()
	if a.ID != id {
		p.t.Fatalf("answered %q instead of %q", a.ID, id)
	}
	if len(a.Result) > 0 && out != nil {
		if err := json.Unmarshal(a.Result, out); err != nil {
			p.t.Fatalf("%s: %v", a.Result, err)
		}
	}
	if a.Error != nil {
		a.Error.Op = op
	}
	return a.Error
}

func (p *process) answer() agent.Answer {
	p.t.Helper()
	var d agent.Decoder
	for {
		frame, whole, err := d.Next()
		if err != nil {
			p.t.Fatal(err)
		}
		if whole {
			var a agent.Answer
			if err := json.Unmarshal(frame.JSON, &a); err != nil {
				p.t.Fatalf("%s: %v", frame.JSON, err)
			}
			return a
		}
		piece, err := p.wire.read()
		if err != nil {
			p.t.Fatal(err)
		}
		d.Feed(piece)
	}
}

// must is ask for operations that have to succeed.
func (p *process) must(op string, args any, blob []byte, out any) {
	p.t.Helper()
	if err := p.ask(op, args, blob, out); err != nil {
		p.t.Fatal(err)
	}
}

func (p *process) refused(code agent.Code, op string, args any) {
	p.t.Helper()
	if err := p.ask(op, args, nil, nil); err == nil || err.Code != code {
		p.t.Errorf("%s: got %v, want %s", op, err, code)
	}
}

func (p *process) acquire(run string) {
	p.t.Helper()
	var r agent.LeaseResult
	p.must("lease", agent.LeaseArgs{App: "app", Action: "acquire", Run: run, Owner: "alice", Reason: "x", Seconds: 60}, nil, &r)
	p.lease = &agent.Fence{Run: r.Lease.Run, Generation: r.Lease.Generation}
}

func deflated(t *testing.T, s string) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(w, s); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func sum(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }

// put sends contents whole, one after the other in one frame.
func (p *process) put(contents ...string) agent.PutResult {
	p.t.Helper()
	args := agent.PutArgs{App: "app", Root: p.root}
	for _, c := range contents {
		args.Files = append(args.Files, agent.PutFile{SHA256: sum(c), Size: int64(len(c)), Length: int64(len(c))})
	}
	var r agent.PutResult
	p.must("put", args, deflated(p.t, strings.Join(contents, "")), &r)
	return r
}

func (p *process) createArgs(slot, digest string, files map[string]string) agent.CreateArgs {
	args := agent.CreateArgs{App: "app", Root: p.root, Slot: slot, Version: "v", Digest: digest, Bindings: []string{p.binding}, Runtime: "v4.0", Host: "app"}
	for path, c := range files {
		args.Files = append(args.Files, agent.File{Path: path, Size: int64(len(c)), SHA256: sum(c)})
	}
	return args
}

func (p *process) survey() map[string]agent.Slot {
	p.t.Helper()
	var r agent.SurveyResult
	p.must("survey", agent.AppArgs{App: "app", Root: p.root}, nil, &r)
	slots := map[string]agent.Slot{}
	for _, s := range r.Slots {
		slots[s.Name] = s
	}
	return slots
}

func runALane(t *testing.T, p *process) {
	p.refused("fenced", "start", agent.StartArgs{App: "app", Slot: "app-1"})
	p.acquire("run-1")

	if r := p.put("one", "two", ""); len(r.Stored) != 3 {
		t.Errorf("stored %v", r.Stored)
	}
	first := map[string]string{"web.config": "one", "bin/a.dll": "two", "empty": ""}
	var change agent.Change
	p.must("create", p.createArgs("app-1", sum("d1"), first), nil, &change)
	if !change.Changed || len(change.Warnings) > 0 {
		t.Errorf("create: %+v", change)
	}
	if got, err := os.ReadFile(filepath.Join(p.local, "app-1", "bin", "a.dll")); err != nil || string(got) != "two" {
		t.Errorf("%q, %v", got, err)
	}
	s := p.survey()["app-1"]
	if s.Site != "stopped" || s.Pool != "stopped" || s.SiteBoot || s.PoolBoot || s.Digest != sum("d1") || len(s.Workers) != 0 || s.ID < 1000 {
		t.Errorf("created %+v", s)
	}
	p.must("create", p.createArgs("app-1", sum("d1"), first), nil, &change)
	if change.Changed {
		t.Error("created twice")
	}
	p.refused("conflict", "create", p.createArgs("app-1", sum("d2"), first))

	p.must("start", agent.StartArgs{App: "app", Slot: "app-1", StableMS: 1}, nil, nil)
	p.must("own", agent.OwnArgs{App: "app", Boot: map[string]bool{"app-1": true}}, nil, nil)
	if s = p.survey()["app-1"]; s.Site != "started" || s.Pool != "started" || !s.SiteBoot || !s.PoolBoot || len(s.Workers) != 1 {
		t.Errorf("started %+v", s)
	}

	var probed agent.ProbeResult
	p.must("probe", agent.ProbeArgs{App: "app", Slot: "app-1", Path: "/warm", Host: "app.domain.com", FirstMS: 20000, EachMS: 5000,
		Requests: 2, Header: "X-Asked", UserAgent: "tester"}, nil, &probed)
	if len(probed.Answers) != 3 {
		t.Errorf("probed %+v", probed)
	}
	for _, a := range probed.Answers {
		if a.Status != 200 || a.MS <= 0 || a.Worker != s.Workers[0].PID || a.Error != "" || a.Version != p.asked {
			t.Errorf("probe: %+v", a)
		}
	}

	var have agent.HaveResult
	p.must("have", agent.HaveArgs{App: "app", Root: p.root, Hashes: []string{sum("one"), sum("three"), sum("")}}, nil, &have)
	if strings.Join(have.Have, " ") != sum("one")+" "+sum("") {
		t.Errorf("has %v", have.Have)
	}
	p.put("three")
	p.must("create", p.createArgs("app-2", sum("d2"), map[string]string{"web.config": "one", "bin/a.dll": "three"}), nil, nil)
	p.refused("port_taken", "start", agent.StartArgs{App: "app", Slot: "app-2"})
	p.must("stop", agent.StopArgs{App: "app", Slot: "app-1", WaitMS: 5000}, nil, &change)
	if s = p.survey()["app-1"]; !change.Changed || s.Site != "stopped" || s.Pool != "stopped" || len(s.Workers) != 0 {
		t.Errorf("stopped %+v", s)
	}
	p.must("start", agent.StartArgs{App: "app", Slot: "app-2", StableMS: 1}, nil, nil)
	p.must("own", agent.OwnArgs{App: "app", Boot: map[string]bool{"app-1": false, "app-2": true}}, nil, nil)

	var pruned agent.PruneResult
	p.must("prune", agent.PruneArgs{App: "app", Root: p.root, Keep: []string{}}, nil, &pruned)
	if len(pruned.Removed) != 1 || pruned.Removed[0] != "app-1" || len(pruned.Warnings) != 0 {
		t.Errorf("pruned %+v", pruned)
	}
	if _, err := os.Stat(filepath.Join(p.local, "app-1")); !os.IsNotExist(err) {
		t.Error("the folder is still there")
	}
	if slots := p.survey(); len(slots) != 1 || slots["app-2"].Site != "started" {
		t.Errorf("left are %+v", slots)
	}
	p.must("stop", agent.StopArgs{App: "app", Slot: "app-2", WaitMS: 5000}, nil, nil)
}

func keepTheProtocol(t *testing.T, p *process) {
	p.refused("unknown_op", "dance", agent.AppArgs{App: "app"})
	p.refused("bad_request", "survey", agent.AppArgs{App: "app"})
	p.refused("bad_request", "requests", agent.SlotArgs{App: "app", Slot: "other-1"})
	p.refused("not_found", "requests", agent.SlotArgs{App: "app", Slot: "app-1"})

	var r agent.LeaseResult
	p.must("lease", agent.LeaseArgs{App: "app", Action: "read"}, nil, &r)
	if r.Lease != nil {
		t.Errorf("a lease out of nothing: %+v", r.Lease)
	}
	p.acquire("run-1")
	mine := p.lease
	other := agent.LeaseArgs{App: "app", Action: "acquire", Run: "run-2", Owner: "bob", Seconds: 60}
	p.lease = nil
	if err := p.ask("lease", other, nil, &r); err == nil || err.Code != agent.Leased || r.Lease == nil || r.Lease.Run != "run-1" {
		t.Errorf("got %v with %+v", err, r.Lease)
	}
	p.lease = mine
	p.must("lease", agent.LeaseArgs{App: "app", Action: "renew", Run: "run-1", Seconds: 60}, nil, &r)
	if r.Lease.Generation != mine.Generation || !r.Lease.Until.After(r.Lease.Taken) {
		t.Errorf("renewed %+v", r.Lease)
	}
	p.must("lease", agent.LeaseArgs{App: "app", Action: "release", Run: "run-1"}, nil, &r)
	p.lease = nil
	p.must("lease", other, nil, &r)
	if r.Lease.Generation != mine.Generation+1 {
		t.Errorf("generation %d after %d", r.Lease.Generation, mine.Generation)
	}
	p.lease = mine
	p.refused("fenced", "note", agent.NoteArgs{App: "app", Run: "run-1", Lines: []string{"x"}})

	p.lease = &agent.Fence{Run: "run-2", Generation: r.Lease.Generation}
	note := agent.NoteArgs{App: "app", Run: "run-2", Lines: []string{`{"a":"ü"}`, "b"}}
	if err := p.askAs("same", "note", note, nil, nil); err != nil {
		t.Fatal(err)
	}
	if err := p.askAs("same", "note", note, nil, nil); err != nil {
		t.Fatal(err)
	}
	var notes agent.NotesResult
	p.must("notes", agent.NotesArgs{App: "app"}, nil, &notes)
	if len(notes.Runs) != 1 || strings.Join(notes.Runs[0].Lines, "|") != `{"a":"ü"}|b` {
		t.Errorf("an id that was answered before was done again: %+v", notes)
	}
	p.refused("bad_request", "note", agent.NoteArgs{App: "app", Run: "../x", Lines: []string{"x"}})
	p.refused("bad_request", "note", agent.NoteArgs{App: "app", Run: "run-2", Lines: []string{"x\ny"}})
	p.refused("bad_request", "create", p.createArgs("app-9", sum("d"), map[string]string{"../evil": ""}))
	p.refused("bad_request", "create", p.createArgs("app-9", sum("d"), nil))
	p.refused("bad_request", "create", p.createArgs("app-9", "no digest", map[string]string{"a": ""}))
	var hello agent.HelloResult
	p.must("hello", agent.AppArgs{App: "app", Root: p.root}, nil, &hello)
	if hello.Agent != "1" || hello.Machine == "" || hello.LanguageMode != "FullLanguage" || time.Since(hello.Clock).Abs() > time.Minute || len(hello.Services) != 2 {
		t.Errorf("hello: %+v", hello)
	}
	p.refused("not_found", "create", p.createArgs("app-9", sum("d"), map[string]string{"a": "never sent"}))
	wrong := agent.PutArgs{App: "app", Root: p.root, Files: []agent.PutFile{{SHA256: sum("right"), Size: 5, Length: 5}}}
	if err := p.ask("put", wrong, deflated(t, "wrong"), nil); err == nil || err.Code != agent.HashMismatch {
		t.Errorf("got %v", err)
	}
	half := agent.PutArgs{App: "app", Root: p.root, Files: []agent.PutFile{{SHA256: sum("right"), Size: 5, Length: 2}}}
	p.must("put", half, deflated(t, "ri"), nil)
	half.Files[0].Offset, half.Files[0].Length = 2, 3
	var stored agent.PutResult
	p.must("put", half, deflated(t, "ght"), &stored)
	if len(stored.Stored) != 1 {
		t.Errorf("stored %v", stored.Stored)
	}
}
