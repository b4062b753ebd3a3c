package iistest

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"time"
)

// runMono is a powershell.exe whose agent is the very source that arrived, run under Mono against this server's IIS. Frames pass
// through, so that operations are counted as the model's are.
func (s *Server) runMono(ctx context.Context, source []byte, in io.Reader, out io.Writer) int {
	program, err := s.config.Mono.Build(ctx, source)
	if err != nil {
		writeFatal(out, err.Error(), true)
		return 4
	}
	world, err := openBridge(s)
	if err != nil {
		writeFatal(out, err.Error(), true)
		return 4
	}
	defer world.close()
	ctx, kill := context.WithCancel(ctx)
	defer kill()
	cmd := s.config.Mono.Command(ctx, program, world.port(), world.token, s.config.Root, s.config.Speed)
	cmd.WaitDelay = 5 * time.Second
	cmd.Stderr = s.monoErrors()
	to, err1 := cmd.StdinPipe()
	from, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		writeFatal(out, fmt.Sprintf("start Mono: %v", err), true)
		return 4
	}
	code := s.relay(ctx, in, out, to, from)
	if code != 0 {
		kill()
	}
	_ = to.Close() // the agent ends when its input does
	if cmd.Wait() != nil && code == 0 {
		return 1
	}
	return code
}

// monoErrors takes what Mono itself complains about; it belongs to nobody's protocol.
func (s *Server) monoErrors() io.Writer {
	if s.config.MonoErrors != nil {
		return s.config.MonoErrors
	}
	return io.Discard
}

// relay passes each request on and its answer back.
func (s *Server) relay(ctx context.Context, in io.Reader, out io.Writer, to io.Writer, from io.Reader) int {
	return answering(ctx, in, out, func(body, blob []byte) ([]byte, error) {
		if err := writeBlobFrame(to, body, blob); err != nil {
			return nil, err
		}
		answer, _, err := readFrame(from)
		if err != nil {
			return nil, err
		}
		s.noteRelayed(body, answer)
		return answer, nil
	})
}

func (s *Server) noteRelayed(request, answer []byte) {
	var r agentRequest
	var a struct{ Error *refusal }
	if json.Unmarshal(request, &r) == nil && json.Unmarshal(answer, &a) == nil {
		s.noteCall(r, a.Error)
	}
}

// bridge is the server as one Mono process sees it: a socket that takes one caller who knows the token.
type bridge struct {
	server   *Server
	token    string
	listener net.Listener
	ended    chan struct{}
}

func openBridge(s *Server) (*bridge, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("open the bridge to Mono: %w", err)
	}
	b := &bridge{server: s, token: rand.Text(), listener: l, ended: make(chan struct{})}
	go b.serve()
	return b, nil
}

func (b *bridge) port() int { return b.listener.Addr().(*net.TCPAddr).Port }

func (b *bridge) close() {
	_ = b.listener.Close() // it may be closed already
	<-b.ended
}

// serve answers one process until it goes.
func (b *bridge) serve() {
	defer close(b.ended)
	for {
		conn, err := b.listener.Accept()
		if err != nil {
			return
		}
		d := json.NewDecoder(conn)
		if b.greeted(conn) {
			for b.answer(d, conn) == nil {
			}
		}
		_ = conn.Close() // what mattered was said
	}
}

// greeted reads the token, byte by byte: what follows it belongs to the questions.
func (b *bridge) greeted(conn net.Conn) bool {
	line := make([]byte, len(b.token)+1)
	_, err := io.ReadFull(conn, line)
	return err == nil && string(line) == b.token+"\n"
}

func (b *bridge) answer(d *json.Decoder, conn io.Writer) error {
	var q standinCall
	if err := d.Decode(&q); err != nil {
		return err
	}
	result, err := b.server.answerTo(q)
	if err != nil {
		result = asThrown(err)
	}
	return json.NewEncoder(conn).Encode(result)
}

// thrown is a refusal in the form that the stand-in throws.
type thrown struct {
	Kind    string `json:"kind"` // com, access, io, absent
	Code    int32  `json:"code"`
	Message string `json:"message"`
}

func (t *thrown) Error() string { return t.Message }

func asThrown(err error) *thrown {
	var t *thrown
	if errors.As(err, &t) {
		return t
	}
	return &thrown{"com", -1, err.Error()}
}

func throw(code int32) *thrown { return &thrown{"com", code, text(code)} }

// monoLease reads the lease that the C# agent keeps in its own file; nil: none.
func (s *Server) monoLease(app string) *Lease {
	raw, err := os.ReadFile(s.monoLeaseFile(app))
	if err != nil {
		return nil
	}
	var l Lease
	if json.Unmarshal(raw, &l) != nil || l.Run == "" {
		return nil
	}
	return &l
}

func (s *Server) monoLeaseFile(app string) string {
	return filepath.Join(s.monoData(app), "lease.json")
}

// monoData is the C# agent's own folder for an app.
func (s *Server) monoData(app string) string {
	return filepath.Join(s.config.Root, "c", "ProgramData", "iis-canary", app)
}

// expireMonoLease sets the end of the lease in that file to now.
func (s *Server) expireMonoLease(app string) error {
	l := s.monoLease(app)
	if l == nil {
		return fmt.Errorf("%s has no lease that could run out", app)
	}
	l.Until = time.Now().UTC()
	raw, err := json.Marshal(l)
	if err != nil {
		return err
	}
	return os.WriteFile(s.monoLeaseFile(app), raw, 0o600)
}
