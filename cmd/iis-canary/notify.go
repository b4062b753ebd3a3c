package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"syscall"
	"time"

	"iiscanary/canary"
	"iiscanary/canary/report"
	"iiscanary/configs"
)

// news is what others are told of a run: the body of a webhook, and the document of the failure metric.
type news struct {
	At      time.Time     `json:"@timestamp"`
	Event   string        `json:"event"` // started, deployed, reverted, held, stopped or mixed
	Failed  int           `json:"failed"`
	App     string        `json:"app"`
	Run     string        `json:"run"`
	Old     []string      `json:"old"`
	New     string        `json:"new"`
	Exit    int           `json:"exit"`
	Reason  string        `json:"reason,omitempty"`
	Trouble []string      `json:"trouble,omitempty"`
	Answer  canary.Answer `json:"verdict,omitempty"`
}

// newsTime bounds the telling of one party. A notification that fails never fails the run.
const newsTime = 10 * time.Second

// announce tells that a run began.
func (cd *conduct) announce(ctx context.Context, p canary.Plan) {
	cd.tell(ctx, news{At: time.Now(), Event: "started", App: p.App, Run: p.Run, Old: p.Old, New: p.New.Slot})
}

// sum tells how a run came out.
func (cd *conduct) sum(ctx context.Context, p canary.Plan, res *result) {
	n := news{At: time.Now(), Event: string(res.outcome.Outcome), App: p.App, Run: p.Run, Old: p.Old, New: p.New.Slot,
		Exit: res.outcome.Exit, Reason: res.story.Why, Trouble: res.story.Trouble, Answer: res.outcome.Verdict.Answer}
	if o := res.outcome.Outcome; o != report.Deployed && o != report.Stopped && res.outcome.Exit != int(exitDone) {
		n.Failed = 1
	}
	cd.tell(context.WithoutCancel(ctx), n)
}

// tell tells everybody who wants to hear of the event, or of failures.
func (cd *conduct) tell(ctx context.Context, n news) {
	for _, rule := range cd.ses.spec.Notify {
		if !slices.Contains(rule.On, n.Event) && (n.Failed == 0 || !slices.Contains(rule.On, "failed")) {
			continue
		}
		if err := cd.deliver(ctx, rule, n); err != nil {
			cd.screen.Note("notification not delivered: " + err.Error())
		}
	}
}

// deliver tells one party. Each kind that a rule may name has a case here.
func (cd *conduct) deliver(ctx context.Context, rule configs.Notify, n news) error {
	ctx, cancel := context.WithTimeout(ctx, newsTime)
	defer cancel()
	switch {
	case rule.Elastic != "":
		source, err := cd.ses.elastic()
		if err != nil {
			return err
		}
		return source.Write(ctx, rule.Elastic, n)
	case !rule.Webhook.IsZero():
		address, err := rule.Webhook.Resolve()
		if err != nil {
			return err
		}
		return post(ctx, address, n)
	}
	return errors.New("nobody here knows how to tell this party: please report it")
}

// post sends the news to a webhook. The whole address is a secret: no error shows a part of it, and nobody whom it leads to is
// told it, as a request that follows a redirect would.
func post(ctx context.Context, address string, n news) error {
	body, err := json.Marshal(n)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(body))
	if err != nil || request.URL.Host == "" || request.URL.Scheme != "https" && request.URL.Scheme != "http" {
		return errors.New("the webhook's address is no URL")
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("User-Agent", userAgent())
	stay := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := stay.Do(request)
	if err != nil {
		return fmt.Errorf("webhook: %s", unanswered(err))
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16))
	switch status := answer.StatusCode; {
	case status >= http.StatusBadRequest:
		return fmt.Errorf("webhook: status %d", status)
	case status >= http.StatusMultipleChoices:
		return fmt.Errorf("webhook: status %d, which leads elsewhere: give the address that it leads to", status)
	}
	return nil
}

// unanswered says why there was no answer, without the names and addresses that errors of the network are full of.
func unanswered(err error) string {
	if name, is := errors.AsType[*net.DNSError](err); is && name.IsNotFound {
		return "its host's name is not known"
	}
	if _, is := errors.AsType[*tls.CertificateVerificationError](err); is {
		return "its host's certificate is not trusted"
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return "no answer in " + newsTime.String()
	}
	if reason, is := errors.AsType[syscall.Errno](err); is {
		return "no answer: " + reason.Error()
	}
	return "no answer"
}
