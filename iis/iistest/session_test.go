package iistest

import (
	"bytes"
	"compress/flate"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"unicode/utf16"
)

// session is an agent that was started as the protocol says.
type session struct {
	*soap
	shell, process string
	buffer         string
	count          int
	run            string
	generation     int64
}

const source = "class Agent {}"

func loader(hash string) string {
	script := "if ($hash -ne '" + hash + "') { throw } exit [IisCanary.Agent]::Run($stdin, $stdout)"
	var b []byte
	for _, u := range utf16.Encode([]rune(script)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return "powershell.exe -NoProfile -NonInteractive -ExecutionPolicy Bypass -EncodedCommand " + base64.StdEncoding.EncodeToString(b)
}

func sourceFrame(text string) []byte {
	return append(binary.LittleEndian.AppendUint32(nil, uint32(len(text))), text...)
}

func connect(t *testing.T, s *Server) *session {
	t.Helper()
	c := &session{soap: newSOAP(t, s)}
	c.shell = c.create()
	c.process = c.command(c.shell, loader(fmt.Sprintf("%X", sha256.Sum256([]byte(source)))))
	if a := c.send(c.shell, c.process, sourceFrame(source), false); a.status != http.StatusOK {
		t.Fatalf("send: %s", a.text)
	}
	return c
}

// leased is a session that holds the lease.
func leased(t *testing.T, s *Server) *session {
	t.Helper()
	c := connect(t, s)
	c.acquire("r1")
	return c
}

func (c *session) acquire(run string) {
	c.t.Helper()
	var out struct{ Lease Lease }
	c.ok("lease", map[string]any{"action": "acquire", "run": run, "owner": "me", "reason": "test", "seconds": 60}, &out)
	c.run, c.generation = run, out.Lease.Generation
}

func frameOf(body any, blob []byte) []byte {
	text, err := json.Marshal(body)
	if err != nil {
		return nil
	}
	magic := "ICF1"
	if len(text) > 4096 {
		var small bytes.Buffer
		w, _ := flate.NewWriter(&small, flate.BestSpeed)
		_, _ = w.Write(text)
		_ = w.Close()
		magic, text = "ICFZ", small.Bytes()
	}
	b := append([]byte(magic), binary.LittleEndian.AppendUint32(nil, uint32(len(text)))...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(blob)))
	return append(append(b, text...), blob...)
}

// agentReply is one frame from the agent.
type agentReply struct {
	ID     string
	Result json.RawMessage
	Error  *refusal
	Fatal  string
}

func (c *session) call(id, op string, args map[string]any, blob []byte) agentReply {
	c.t.Helper()
	if args["app"] == nil {
		args["app"] = app
	}
	if args["root"] == nil {
		args["root"] = `D:\sites`
	}
	r := map[string]any{"id": id, "op": op, "args": args}
	if c.run != "" {
		r["lease"] = map[string]any{"run": c.run, "generation": c.generation}
	}
	return c.exchange(frameOf(r, blob))
}

func (c *session) exchange(frame []byte) agentReply {
	c.t.Helper()
	if a := c.send(c.shell, c.process, frame, false); a.status != http.StatusOK {
		c.t.Fatalf("send: HTTP %d: %s", a.status, a.text)
	}
	for len(c.buffer) < 12 || len(c.buffer) < 12+int(binary.LittleEndian.Uint32([]byte(c.buffer[4:8]))) {
		out, errs, _, exit := c.receive(c.shell, c.process).output(c.t)
		c.buffer += out
		if exit >= 0 {
			c.t.Fatalf("the agent ended with %d: %s", exit, errs)
		}
	}
	n := 12 + int(binary.LittleEndian.Uint32([]byte(c.buffer[4:8])))
	text := []byte(c.buffer[12:n])
	if strings.HasPrefix(c.buffer, "ICFZ") {
		var err error
		text, err = io.ReadAll(flate.NewReader(bytes.NewReader(text)))
		must(c.t, err)
	}
	var a agentReply
	must(c.t, json.Unmarshal(text, &a))
	c.buffer = c.buffer[n:]
	return a
}

func (c *session) next() string {
	c.count++
	return fmt.Sprintf("t-%d", c.count)
}

// ok runs an operation that must succeed.
func (c *session) ok(op string, args map[string]any, out any) {
	c.t.Helper()
	a := c.call(c.next(), op, args, nil)
	if a.Error != nil {
		c.t.Fatalf("%s: %v", op, a.Error)
	}
	if out != nil {
		must(c.t, json.Unmarshal(a.Result, out))
	}
}

// refused runs an operation that must be refused with that code.
func (c *session) refused(code, op string, args map[string]any) *refusal {
	c.t.Helper()
	a := c.call(c.next(), op, args, nil)
	if a.Error == nil || a.Error.Code != code {
		c.t.Fatalf("%s: got %+v and %s, want %s", op, a.Error, a.Result, code)
	}
	return a.Error
}

func deflate(t *testing.T, plain string) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestSpeed)
	must(t, err)
	_, err = w.Write([]byte(plain))
	must(t, err)
	must(t, w.Close())
	return b.Bytes()
}

func hash(s string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(s))) }

// upload puts contents, each in one range.
func (c *session) upload(contents ...string) agentReply {
	c.t.Helper()
	files := []map[string]any{}
	for _, s := range contents {
		files = append(files, map[string]any{"sha256": hash(s), "size": len(s), "offset": 0, "length": len(s)})
	}
	return c.call(c.next(), "put", map[string]any{"files": files}, deflate(c.t, strings.Join(contents, "")))
}

// creation is the arguments that make a slot of some files.
func (c *session) creation(slot string, files map[string]string) map[string]any {
	list := []map[string]any{}
	for path, content := range files {
		list = append(list, map[string]any{"path": path, "size": len(content), "sha256": hash(content)})
	}
	return map[string]any{"slot": slot, "version": "2", "digest": hash(slot), "files": list,
		"bindings": []string{c.server.Binding()}, "runtime": "v4.0", "host": app}
}

// staged is a server with an old slot that serves and a new one that waits, and a session that may change it.
func staged(t *testing.T, adjust func(*Config), files map[string]string) *session {
	t.Helper()
	c := leased(t, installed(t, adjust))
	all := map[string]string{"web.config": "<configuration/>", "bin/app.dll": "two"}
	var contents []string
	for path, content := range files {
		all[path] = content
	}
	for _, content := range all {
		contents = append(contents, content)
	}
	c.upload(contents...)
	c.ok("create", c.creation(newSlot, all), nil)
	return c
}
