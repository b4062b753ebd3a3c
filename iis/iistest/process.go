package iistest

import (
	"context"
	"io"
	"sync"
	"time"
)

// piece is what a process wrote at once.
type piece struct {
	stream string // stdout or stderr
	data   []byte
}

// process is one command of a shell, with pipes for its streams.
type process struct {
	id      string
	console bool            // input goes through a console: it is text and has no end
	ctx     context.Context // of the process' life
	kill    context.CancelFunc

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when there is something new
	input   []byte
	closed  bool // the input has ended
	output  []piece
	over    bool
	code    int
	killed  *death    // nil: it ends by itself
	unheard time.Time // until when what it says is lost
}

// death is how somebody else ended a process.
type death struct {
	code  int
	words string
}

// program is what runs in a process; its result is the exit code.
type program func(ctx context.Context, in io.Reader, out, errs io.Writer) int

func newProcess(id string, console bool) *process {
	ctx, kill := context.WithCancel(context.Background())
	return &process{id: id, console: console, ctx: ctx, kill: kill, changed: make(chan struct{})}
}

// run is the process, from its start to its end.
func (p *process) run(what program) {
	code := what(p.ctx, &stdin{p}, &stream{p, "stdout"}, &stream{p, "stderr"})
	p.kill()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over, p.code, p.input = true, code, nil
	if p.killed != nil {
		p.code = p.killed.code
		p.output = append(p.output, piece{"stderr", []byte(p.killed.words)})
	}
	p.tell()
}

// die ends the process from outside; it returns how many processes that were.
func (p *process) die(code int, words string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over {
		return 0
	}
	p.killed = &death{code, words}
	p.kill()
	return 1
}

// lose drops what the process says for a while.
func (p *process) lose(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.unheard = time.Now().Add(d)
}

func (p *process) tell() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// feed gives input to the process; false: it has ended.
func (p *process) feed(data []byte, end bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over || p.closed {
		return false
	}
	p.input = append(p.input, data...)
	for i := len(p.input) - len(data); p.console && i < len(p.input); i++ {
		if p.input[i] > 0x7f {
			p.input[i] = '?'
		}
	}
	p.closed = end && !p.console
	p.tell()
	return true
}

// pieceSpace is what one rsp:Stream has around its data.
const pieceSpace = 160

// take removes output that fits into limit bytes of XML, in the pieces in which it was written, or smaller ones if most is not 0.
// done: nothing is left and the process has ended.
func (p *process) take(limit, most int, wanted func(string) bool) (out []piece, done bool, code int, changed chan struct{}) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.output) > 0 && limit > 2*pieceSpace {
		first := p.output[0]
		n := min(len(first.data), (limit-pieceSpace)/4*3)
		if most > 0 {
			n = min(n, most)
		}
		if wanted(first.stream) {
			out = append(out, piece{first.stream, first.data[:n]})
			limit -= pieceSpace + (n+2)/3*4
		}
		if p.output[0].data = first.data[n:]; len(p.output[0].data) == 0 {
			p.output = p.output[1:]
		}
	}
	return out, p.over && len(p.output) == 0, p.code, p.changed
}

// waiting says that there is output which nobody has taken.
func (p *process) waiting() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.output) > 0
}

// stdin is the reading end of the input.
type stdin struct {
	process *process
}

// Read waits for input. It ends with io.EOF after the last Send, and with an error when the process is killed.
func (r *stdin) Read(b []byte) (int, error) {
	p := r.process
	for {
		p.mu.Lock()
		n := copy(b, p.input)
		p.input = p.input[n:]
		closed, changed := p.closed, p.changed
		p.mu.Unlock()
		switch {
		case n > 0 || len(b) == 0:
			return n, nil
		case closed:
			return 0, io.EOF
		}
		select {
		case <-changed:
		case <-p.ctx.Done():
			return 0, p.ctx.Err()
		}
	}
}

// stream is a writing end of the output.
type stream struct {
	process *process
	name    string
}

// Write is one piece.
func (w *stream) Write(b []byte) (int, error) {
	p := w.process
	if err := p.ctx.Err(); err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(b) > 0 && time.Now().After(p.unheard) {
		p.output = append(p.output, piece{w.name, append([]byte(nil), b...)})
		p.tell()
	}
	return len(b), nil
}
