package traffic

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"math"
	"net"
	"sync"
	"syscall"
	"time"
)

// Report is what the customers have seen.
type Report struct {
	Requests int                `json:"requests"`
	Failed   int                `json:"failed"`
	BySlot   map[string]Slot    `json:"by_slot"`          // by the slot that answered; "" when no slot said its name
	Errors   map[string]Problem `json:"errors,omitempty"` // by kind: "status 502", "timeout", "refused", ...
	FirstBad time.Time          `json:"first_bad,omitzero"`
}

// Slot is how one slot answered. The percentiles are exact to 5 % and 0 when nothing was answered.
type Slot struct {
	Requests int     `json:"requests"`
	Failed   int     `json:"failed"`
	P50      float64 `json:"p50_ms"`
	P99      float64 `json:"p99_ms"`
}

// Problem is one kind of failure.
type Problem struct {
	Count  int    `json:"count"`
	Sample string `json:"sample"` // the first one's message
}

// answer is how one request ended.
type answer struct {
	slot   string
	kind   string // of failure; "": none
	sample string
	at     time.Time
	took   time.Duration
	slow   bool // slower than the new slot may be
}

// mostSlots bounds how many names of slots are told apart; later ones count as "".
const mostSlots = 64

type tally struct {
	mu       sync.Mutex
	sum      Report
	slots    map[string]*slotTally
	problems map[string]Problem
}

type slotTally struct {
	requests, failed int
	times            histogram
}

func newTally() *tally {
	return &tally{slots: map[string]*slotTally{}, problems: map[string]Problem{}}
}

func (t *tally) add(a answer) {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.slots[a.slot]
	if s == nil {
		if len(t.slots) >= mostSlots {
			a.slot = ""
		}
		s = t.slots[a.slot]
	}
	if s == nil {
		s = &slotTally{}
		t.slots[a.slot] = s
	}
	t.sum.Requests++
	s.requests++
	s.times.add(a.took)
	if a.kind != "" {
		t.sum.Failed++
		s.failed++
		p := t.problems[a.kind]
		if p.Count++; p.Count == 1 {
			p.Sample = a.sample
		}
		t.problems[a.kind] = p
	}
	if (a.kind != "" || a.slow) && t.sum.FirstBad.IsZero() {
		t.sum.FirstBad = a.at
	}
}

func (t *tally) report() Report {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := t.sum
	out.BySlot, out.Errors = map[string]Slot{}, maps.Clone(t.problems)
	for name, s := range t.slots {
		out.BySlot[name] = Slot{Requests: s.requests, Failed: s.failed, P50: s.times.quantile(0.5), P99: s.times.quantile(0.99)}
	}
	return out
}

// kindOf names what went wrong in a few words, so that kinds can be counted.
func kindOf(err error) string {
	var netErr net.Error
	var certificate *tls.CertificateVerificationError
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &netErr) && netErr.Timeout():
		return "timeout"
	case errors.Is(err, syscall.ECONNREFUSED):
		return "refused"
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return "reset"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "closed"
	case errors.As(err, &certificate):
		return "certificate"
	}
	return "transport"
}

const (
	shortest = 50 * time.Microsecond
	growth   = 1.05 // of one class to the next
	classes  = 320  // up to about 300 s
)

// histogram counts durations in classes that grow by 5 %.
type histogram struct {
	counts [classes]int
	total  int
}

func (h *histogram) add(d time.Duration) {
	i := 0
	if d > shortest {
		i = int(math.Log(float64(d)/float64(shortest))/math.Log(growth)) + 1
	}
	h.counts[min(i, classes-1)]++
	h.total++
}

// quantile is the middle of the class that holds it, in milliseconds.
func (h *histogram) quantile(q float64) float64 {
	rank := int(math.Ceil(q * float64(h.total)))
	for i, n := range h.counts {
		if rank -= n; rank <= 0 && h.total > 0 {
			middle := float64(shortest) * math.Pow(growth, float64(i)-0.5) / float64(time.Millisecond)
			return math.Round(middle*1000) / 1000
		}
	}
	return 0
}
