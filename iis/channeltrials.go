package iis

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"iiscanary/iis/agent"
	"iiscanary/iis/winrm"
)

const (
	largeBytes = 3_000_000
	// mostSends is that many bytes in pieces of 379,000, and the one behind them.
	mostSends = 9
	// mostRequests is one Send and one Receive, and a little for a Receive that ended early.
	mostRequests = 2.5
	// tooLargeBytes makes an envelope of 800 KB; Windows takes 500.
	tooLargeBytes = 600_000
	counted       = 20
)

// channelTrials are the experiments that this program makes itself. Each uses a shell of its own, so that what it breaks is its own.
func (e *Experiments) channelTrials() map[string]func(context.Context, map[string]any) error {
	return map[string]func(context.Context, map[string]any) error{
		"agent-start": e.agentStart, "send-large": e.sendLarge, "envelope-too-large": e.envelopeTooLarge,
		"requests-per-operation": e.requestsPerOperation, "receive-latency": e.receiveLatency, "stderr-form": e.stderrForm,
		"idle-timer": e.idleTimer,
	}
}

// line is a connection to an agent of its own.
type line interface {
	call(ctx context.Context, r agent.Request, blob []byte) (json.RawMessage, error)
	close(ctx context.Context) error
}

// within opens an agent of its own for a trial, and ends it.
func (e *Experiments) within(ctx context.Context, do func(line) error) error {
	s, err := e.host.channel.open(ctx)
	if err != nil {
		return err
	}
	return errors.Join(do(s), s.close(ctx))
}

// echo has the agent tell what it received.
func (e *Experiments) echo(ctx context.Context, s line, number int, blob []byte) (bytes int, sum string, err error) {
	r := agent.Request{ID: fmt.Sprintf("echo-%d", number), Op: "experiment", Args: e.args("echo"), Lease: e.host.held()}
	result, err := s.call(ctx, r, blob)
	if err != nil {
		return 0, "", err
	}
	var told struct {
		Observed struct {
			Bytes  int    `json:"bytes"`
			SHA256 string `json:"sha256"`
		} `json:"observed"`
	}
	if err := json.Unmarshal(result, &told); err != nil {
		return 0, "", fmt.Errorf("the answer to an echo cannot be read: %w", err)
	}
	return told.Observed.Bytes, told.Observed.SHA256, nil
}

func (e *Experiments) agentStart(ctx context.Context, seen map[string]any) error {
	var all tally
	began := time.Now()
	return e.within(all.in(ctx), func(s line) error {
		seen["sent_ms"] = since(began)
		if _, _, err := e.echo(ctx, s, 0, nil); err != nil {
			return err
		}
		seen["answered"], seen["answered_ms"] = true, since(began)
		_, opened, _ := all.read()
		seen["connections"] = float64(opened)
		return nil
	})
}

func (e *Experiments) sendLarge(ctx context.Context, seen map[string]any) error {
	blob := make([]byte, largeBytes)
	_, _ = rand.Read(blob) // never fails
	return e.within(ctx, func(s line) error {
		if _, _, err := e.echo(ctx, s, 0, nil); err != nil { // the agent has started
			return err
		}
		var sends tally
		began := time.Now()
		n, sum, err := e.echo(sends.in(ctx), s, 1, blob)
		if err != nil {
			return err
		}
		took := since(began)
		requests, _, _ := sends.read()
		seen["bytes"], seen["ms"], seen["mb_per_second"] = float64(n), took, largeBytes/1e3/took
		seen["sends"], seen["unchanged"] = float64(requests), sum == fmt.Sprintf("%x", sha256.Sum256(blob))
		return nil
	})
}

func (e *Experiments) requestsPerOperation(ctx context.Context, seen map[string]any) error {
	var receives, sends tally
	return e.within(receives.in(ctx), func(s line) error {
		if _, _, err := e.echo(ctx, s, 0, nil); err != nil {
			return err
		}
		before, _, _ := receives.read()
		for i := range counted {
			if _, _, err := e.echo(sends.in(ctx), s, i+1, nil); err != nil {
				return err
			}
		}
		after, _, _ := receives.read()
		sent, opened, _ := sends.read()
		seen["operations"], seen["sends"], seen["receives"] = float64(counted), float64(sent), float64(after-before)
		seen["connections"], seen["per_operation"] = float64(opened), float64(sent+after-before)/counted
		return nil
	})
}

func (e *Experiments) receiveLatency(ctx context.Context, seen map[string]any) error {
	return e.within(ctx, func(s line) error {
		var whole, sending, waiting []float64
		for i := range counted + 1 {
			var send tally
			began := time.Now()
			if _, _, err := e.echo(send.in(ctx), s, i, nil); err != nil {
				return err
			}
			ended := time.Now()
			if i == 0 { // the agent had to start
				continue
			}
			_, _, answered := send.read()
			whole = append(whole, milli(ended.Sub(began)))
			sending = append(sending, milli(answered.Sub(began)))
			waiting = append(waiting, milli(max(ended.Sub(answered), 0)))
		}
		seen["operation_median_ms"], seen["operation_worst_ms"] = median(whole), slices.Max(whole)
		seen["send_median_ms"], seen["wait_median_ms"], seen["wait_worst_ms"] = median(sending), median(waiting), slices.Max(waiting)
		return nil
	})
}

func (e *Experiments) envelopeTooLarge(ctx context.Context, seen map[string]any) error {
	shell, err := e.host.client.Open(ctx)
	if err != nil {
		return err
	}
	defer func() { _ = shell.Close(ctx) }() // it ends by itself when idle
	if err := shell.Start(ctx, "sort"); err != nil {
		return err
	}
	refused, err := shell.SendWhole(ctx, make([]byte, tooLargeBytes))
	if err == nil {
		seen["taken"] = true
		return hindrance("it was taken: MaxEnvelopeSizekb is higher here")
	}
	seen["recognised"] = refused
	if f, is := errors.AsType[*winrm.Fault](err); is {
		seen["http_status"], seen["fault"], seen["subcode"] = 500.0, fmt.Sprintf("0x%08X", f.Code), f.Subcode
		return nil
	}
	if s, is := errors.AsType[*winrm.StatusError](err); is {
		seen["http_status"] = float64(s.Status)
		return nil
	}
	seen["error"] = err.Error()
	return nil
}

func (e *Experiments) stderrForm(ctx context.Context, seen map[string]any) error {
	const word = "iis-canary-probe"
	script := agent.EncodeCommand("Write-Error '" + word + "'")
	for _, form := range []struct{ key, option string }{{"clixml", ""}, {"clixml_as_text", "-OutputFormat Text "}} {
		text, err := e.stderrOf(ctx, "powershell.exe -NoProfile -NonInteractive "+form.option+"-EncodedCommand "+script)
		if err != nil {
			return err
		}
		seen[form.key] = strings.HasPrefix(strings.TrimSpace(text), "#< CLIXML")
		if form.option == "" {
			seen["readable"] = strings.Contains(agent.ErrorText(text), word)
		}
	}
	return nil
}

// stderrOf runs a command line to its end.
func (e *Experiments) stderrOf(ctx context.Context, line string) (string, error) {
	shell, err := e.host.client.Open(ctx)
	if err != nil {
		return "", err
	}
	defer func() { _ = shell.Close(ctx) }() // it ends by itself when idle
	if err := shell.Start(ctx, line); err != nil {
		return "", err
	}
	var text []byte
	for {
		asked := time.Now()
		out, err := shell.Receive(ctx)
		if err != nil {
			return "", err
		}
		if text = append(text, out.Stderr...); out.Done || len(text) > stderrKept {
			return string(text), nil
		}
		if err := wait(ctx, eagerPoll-time.Since(asked)); err != nil {
			return "", err
		}
	}
}

// idleTimer leaves one shell to itself and keeps a Receive pending on another, for half as long again as both may be idle.
func (e *Experiments) idleTimer(ctx context.Context, seen map[string]any) error {
	idle := e.fleet.timeouts.Idle
	silent, err := e.host.client.OpenFor(ctx, idle)
	if err != nil {
		return err
	}
	defer func() { _ = silent.Close(ctx) }() // it ends by itself
	polled, err := e.host.client.OpenFor(ctx, idle)
	if err != nil {
		return err
	}
	program, err := agent.Load()
	if err != nil {
		return errors.Join(err, polled.Close(ctx))
	}
	s, err := startSession(ctx, polled, program, e.host.way.mask)
	if err != nil {
		return err
	}
	defer func() { _ = s.close(ctx) }() // as above
	if _, _, err := e.echo(ctx, s, 0, nil); err != nil {
		return err
	}
	waited := idle + idle/2
	if err := wait(ctx, waited); err != nil {
		return err
	}
	seen["idle_ms"], seen["waited_ms"] = milli(idle), milli(waited)
	_, _, err = e.echo(ctx, s, 1, nil)
	seen["polled_lives"] = err == nil
	if err != nil {
		seen["polled_error"] = err.Error()
	}
	fault, _ := errors.AsType[*winrm.Fault](silent.Start(ctx, "ver"))
	seen["silent_gone"] = fault != nil && fault.Gone()
	if fault != nil {
		seen["silent_fault"] = fmt.Sprintf("0x%08X", fault.Code)
	}
	return nil
}

func since(began time.Time) float64 { return milli(time.Since(began)) }

func milli(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// median of at least one value.
func median(values []float64) float64 {
	sorted := slices.SortedFunc(slices.Values(values), cmp.Compare)
	return sorted[len(sorted)/2]
}
