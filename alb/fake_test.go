package alb

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"iiscanary/canary"
)

const (
	web = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/web-443/0123456789abcdef"
	api = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:targetgroup/api-8443/fedcba9876543210"
)

// answer writes what the service says to one call.
type answer func(w http.ResponseWriter, form url.Values)

// service is a hand-scripted endpoint: each action has its answers, the last of which stays.
type service struct {
	*httptest.Server
	t       *testing.T
	mu      sync.Mutex
	answers map[string][]answer
	calls   map[string][]url.Values
}

func newService(t *testing.T) *service {
	t.Helper()
	s := &service{t: t, answers: map[string][]answer{}, calls: map[string][]url.Values{}}
	s.Server = httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(s.Close)
	s.on("DescribeTargetGroupAttributes", attributes(nil))
	s.on("RegisterTargets", ok("RegisterTargets", ""))
	s.on("DeregisterTargets", ok("DeregisterTargets", ""))
	return s
}

func (s *service) on(action string, answers ...answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[action] = answers
}

func (s *service) serve(w http.ResponseWriter, r *http.Request) {
	if err := r.ParseForm(); err != nil {
		s.t.Errorf("parse the form: %v", err)
	}
	action := r.PostForm.Get("Action")
	s.mu.Lock()
	s.calls[action] = append(s.calls[action], r.PostForm)
	script := s.answers[action]
	if len(script) > 1 {
		s.answers[action] = script[1:]
	}
	s.mu.Unlock()
	if len(script) == 0 {
		s.t.Errorf("nobody expected the action %q", action)
		failure(400, "InvalidAction", "no such action")(w, r.PostForm)
		return
	}
	script[0](w, r.PostForm)
}

func (s *service) count(action string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.calls[action])
}

// sent is the parameters of every call of an action, without the ones that all calls have.
func (s *service) sent(action string) []map[string]string {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []map[string]string
	for _, form := range s.calls[action] {
		one := map[string]string{}
		for k := range form {
			if k != "Action" && k != "Version" {
				one[k] = form.Get(k)
			}
		}
		out = append(out, one)
	}
	return out
}

// client is in a hurry: it gives up within a second.
func (s *service) client(change ...func(*Options)) *Client {
	s.t.Helper()
	return testClient(s.t, s.URL, change...)
}

func testClient(t *testing.T, endpoint string, change ...func(*Options)) *Client {
	t.Helper()
	o := Options{
		Region: "eu-west-1", Endpoint: endpoint, Credentials: Credentials{AccessKey: "AKIDEXAMPLE", SecretKey: "secret"},
		Groups: []string{"web-443"}, Poll: 50 * time.Millisecond, DeregisterGrace: 200 * time.Millisecond, RegisterGrace: 200 * time.Millisecond,
		Attempts: 2, CallTimeout: 2 * time.Second, MaxBackoff: time.Millisecond, Reads: 1e4, Writes: 1e4,
	}
	for _, f := range change {
		f(&o)
	}
	c, err := New(t.Context(), o)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return c
}

const elbSpace = "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"

func ok(action, result string) answer {
	return body(200, "text/xml", fmt.Sprintf(`<%[1]sResponse xmlns="%[2]s"><%[1]sResult>%[3]s</%[1]sResult>`+
		`<ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></%[1]sResponse>`, action, elbSpace, result))
}

func failure(status int, code, message string) answer {
	return body(status, "text/xml", fmt.Sprintf(`<ErrorResponse xmlns="%s"><Error><Type>Sender</Type><Code>%s</Code>`+
		`<Message>%s</Message></Error><RequestId>r-1</RequestId></ErrorResponse>`, elbSpace, code, message))
}

func body(status int, kind, text string) answer {
	return func(w http.ResponseWriter, _ url.Values) {
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		fmt.Fprint(w, text)
	}
}

func attributes(pairs map[string]string) answer {
	var b strings.Builder
	for k, v := range pairs {
		fmt.Fprintf(&b, "<member><Key>%s</Key><Value>%s</Value></member>", k, v)
	}
	return ok("DescribeTargetGroupAttributes", "<Attributes>"+b.String()+"</Attributes>")
}

// lists answers DescribeTargetHealth.
func lists(health ...canary.TargetHealth) answer {
	var b strings.Builder
	for _, h := range health {
		fmt.Fprintf(&b, "<member><Target><Id>%s</Id><Port>%d</Port>", h.ID, h.Port)
		if h.Zone != "" {
			fmt.Fprintf(&b, "<AvailabilityZone>%s</AvailabilityZone>", h.Zone)
		}
		fmt.Fprintf(&b, "</Target><TargetHealth><State>%s</State>", h.State)
		if h.Reason != "" {
			fmt.Fprintf(&b, "<Reason>%s</Reason>", h.Reason)
		}
		b.WriteString("</TargetHealth></member>")
	}
	return ok("DescribeTargetHealth", "<TargetHealthDescriptions>"+b.String()+"</TargetHealthDescriptions>")
}

// byGroup answers each group with its own list.
func byGroup(of map[string]answer) answer {
	return func(w http.ResponseWriter, form url.Values) { of[form.Get("TargetGroupArn")](w, form) }
}

func in(group, id string, port int, state canary.HealthState, reason ...string) canary.TargetHealth {
	return canary.TargetHealth{Target: canary.Target{Group: group, ID: id, Port: port}, State: state, Reason: strings.Join(reason, "")}
}

func at(id string, port int) canary.Target { return canary.Target{Group: web, ID: id, Port: port} }
