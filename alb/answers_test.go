package alb

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"iiscanary/canary"
)

// Whatever answers in place of the API, nothing is known afterwards: never a state, and above all never "unused".
func TestAnswerThatIsNotTheAPIsIsUnreachable(t *testing.T) {
	t.Parallel()
	whole := `<DescribeTargetHealthResponse xmlns="` + elbSpace + `"><DescribeTargetHealthResult><TargetHealthDescriptions><member><Target><Id>i-1</Id>`
	answers := map[string]answer{
		"empty 200":                body(200, "text/xml", ""),
		"web page 200":             body(200, "text/html", "<html><body>Sign in to the network</body></html>"),
		"not XML":                  body(200, "text/plain", "\x00\x01ok"),
		"result without a list":    ok("DescribeTargetHealth", ""),
		"another action's result":  ok("RegisterTargets", ""),
		"cut off in the list":      body(200, "text/xml", whole),
		"web page 503":             body(503, "text/html", "<html>503 Service Unavailable</html>"),
		"web page 403 of a proxy":  body(403, "text/html", "<html>Forbidden by policy</html>"),
		"HealthUnavailable":        failure(500, "HealthUnavailable", "The health of the specified targets could not be retrieved"),
		"connection closed":        func(http.ResponseWriter, url.Values) { panic(http.ErrAbortHandler) },
		"half-closed after header": halfClosed,
		"slow":                     func(http.ResponseWriter, url.Values) { time.Sleep(300 * time.Millisecond) },
	}
	for name, a := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			s.on("DescribeTargetHealth", a)
			c := s.client(func(o *Options) { o.CallTimeout = 100 * time.Millisecond })
			got, err := c.Health(t.Context(), []canary.Target{at("i-1", 443)})
			if !errors.Is(err, canary.ErrUnreachable) || got != nil {
				t.Fatalf("Health = %v, %v; want no state and ErrUnreachable", got, err)
			}
			if !strings.HasPrefix(err.Error(), "read the health of web-443: ") {
				t.Errorf("the error does not begin with what was attempted: %v", err)
			}
		})
	}
}

// halfClosed promises more than it sends and then keeps the connection open.
func halfClosed(w http.ResponseWriter, _ url.Values) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n<Descr"))
	_ = conn.(*net.TCPConn).CloseWrite()
}

func TestNobodyListensIsUnreachable(t *testing.T) {
	t.Parallel()
	s := newService(t)
	c := s.client()
	s.Close()
	_, err := c.Health(t.Context(), []canary.Target{at("i-1", 443)})
	if !errors.Is(err, canary.ErrUnreachable) || !strings.Contains(err.Error(), "refused") {
		t.Fatalf("Health: %v", err)
	}
}

func TestAnAnswerThatCannotBeReadIsAskedForAgain(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("DescribeTargetHealth", body(200, "text/html", "<html>"), halfClosed, body(503, "text/html", "later"), lists(in(web, "i-1", 443, canary.Healthy)))
	c := s.client(func(o *Options) { o.Attempts = 4 })
	got, err := c.Health(t.Context(), []canary.Target{at("i-1", 443)})
	if err != nil || got[0].State != canary.Healthy {
		t.Fatalf("Health = %v, %v", got, err)
	}
}

func TestThrottlingIsRetriedAndSaid(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("DescribeTargetHealth", failure(400, "Throttling", "Rate exceeded"), failure(400, "ThrottlingException", "Rate exceeded"),
		failure(400, "RequestLimitExceeded", "Rate exceeded"), lists(in(web, "i-1", 443, canary.Healthy)))
	var mu sync.Mutex
	var said []string
	c := s.client(func(o *Options) {
		o.Attempts = 10
		o.Notify = func(text string) { mu.Lock(); said = append(said, text); mu.Unlock() }
	})
	if _, err := c.Health(t.Context(), []canary.Target{at("i-1", 443)}); err != nil {
		t.Fatal(err)
	}
	if len(said) != 3 || !strings.HasPrefix(said[1], "throttled by AWS, attempt 2 of 10, again in ") {
		t.Errorf("said %q", said)
	}
}

func TestThrottlingThatDoesNotEndIsUnreachable(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("DescribeTargetHealth", failure(400, "Throttling", "Rate exceeded"))
	_, err := s.client(func(o *Options) { o.Attempts = 9 }).Health(t.Context(), []canary.Target{at("i-1", 443)})
	if _, is := errors.AsType[*ThrottledError](err); !is || !errors.Is(err, canary.ErrUnreachable) {
		t.Fatalf("Health: %v", err)
	}
	if n := s.count("DescribeTargetHealth"); n != 9 {
		t.Errorf("%d attempts, want 9", n)
	}
}

func TestRefusedCredentialsAreNotRetriedAndNotQuoted(t *testing.T) {
	t.Parallel()
	for _, code := range []string{"ExpiredToken", "InvalidClientTokenId", "SignatureDoesNotMatch", "RequestExpired"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			s := newService(t)
			s.on("DescribeTargetHealth", failure(403, code, "canonical string: x-amz-security-token:TOKEN-OF-MINE"))
			_, err := s.client().Health(t.Context(), []canary.Target{at("i-1", 443)})
			e, is := errors.AsType[*CredentialsError](err)
			if !is || e.Code != code || errors.Is(err, canary.ErrUnreachable) {
				t.Fatalf("Health: %v", err)
			}
			if n := s.count("DescribeTargetHealth"); n != 1 {
				t.Errorf("%d attempts, want 1", n)
			}
			if text := err.Error(); strings.Contains(text, "TOKEN-OF-MINE") || !strings.Contains(text, "go on") {
				t.Errorf("error text: %s", text)
			}
		})
	}
}

func TestMissingPermissionIsNamed(t *testing.T) {
	t.Parallel()
	s := newService(t)
	s.on("DescribeTargetHealth", lists(in(web, "i-1", 443, canary.Unused, notRegistered)))
	s.on("RegisterTargets", failure(403, "AccessDenied", "User is not authorized"))
	err := s.client().Register(t.Context(), []canary.Target{at("i-1", 443)})
	e, is := errors.AsType[*AccessError](err)
	if !is || e.Permission != "elasticloadbalancing:RegisterTargets" {
		t.Fatalf("Register: %v", err)
	}
}

func TestAnEndedContextIsItsOwnCause(t *testing.T) {
	t.Parallel()
	s := newService(t)
	stopped := errors.New("stopped by the operator")
	ctx, cancel := context.WithCancelCause(t.Context())
	s.on("DescribeTargetHealth", func(http.ResponseWriter, url.Values) { cancel(stopped); panic(http.ErrAbortHandler) })
	_, err := s.client().Health(ctx, []canary.Target{at("i-1", 443)})
	if !errors.Is(err, stopped) || errors.Is(err, canary.ErrUnreachable) {
		t.Fatalf("Health: %v", err)
	}

	s.on("DescribeTargetHealth", func(http.ResponseWriter, url.Values) { time.Sleep(100 * time.Millisecond) })
	short, done := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer done()
	_, err = s.client().Health(short, []canary.Target{at("i-1", 443)})
	if !errors.Is(err, context.DeadlineExceeded) || !errors.Is(err, canary.ErrUnreachable) {
		t.Fatalf("Health after a deadline: %v", err)
	}
}
