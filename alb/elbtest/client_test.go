package elbtest_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"iiscanary/alb/elbtest"
)

// client is a hand-written caller of the API.
type client struct {
	t                   *testing.T
	url                 string
	region, key, secret string
	at                  time.Time // zero: now
	service, version    string
	unsigned            bool
}

func clientOf(t *testing.T, b *elbtest.Balancer) client {
	return client{t: t, url: b.URL(), region: "eu-west-1", key: "AKIDEXAMPLE", secret: "secret",
		service: "elasticloadbalancing", version: "2015-12-01"}
}

func (c client) ec2() client {
	c.service, c.version = "ec2", "2016-11-15"
	return c
}

// reply is an answer of the API.
type reply struct {
	status int
	body   string
}

// call performs an action with parameters given as name, value, name, value.
func (c client) call(action string, pairs ...string) reply {
	c.t.Helper()
	form := url.Values{"Action": {action}, "Version": {c.version}}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return c.send(form.Encode())
}

func (c client) send(body string) reply {
	c.t.Helper()
	r, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, c.url+"/", strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if !c.unsigned {
		c.sign(r, body)
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		c.t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return reply{answer.StatusCode, string(text)}
}

func (c client) sign(r *http.Request, body string) {
	at := c.at
	if at.IsZero() {
		at = time.Now()
	}
	stamp, day := at.UTC().Format("20060102T150405Z"), at.UTC().Format("20060102")
	r.Header.Set("X-Amz-Date", stamp)
	digest := func(text string) string {
		sum := sha256.Sum256([]byte(text))
		return hex.EncodeToString(sum[:])
	}
	const names = "content-type;host;x-amz-date"
	canonical := "POST\n/\n\ncontent-type:application/x-www-form-urlencoded\nhost:" + r.URL.Host + "\nx-amz-date:" + stamp +
		"\n\n" + names + "\n" + digest(body)
	scope := day + "/" + c.region + "/" + c.service + "/aws4_request"
	key := []byte("AWS4" + c.secret)
	for _, part := range []string{day, c.region, c.service, "aws4_request",
		"AWS4-HMAC-SHA256\n" + stamp + "\n" + scope + "\n" + digest(canonical)} {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(part))
		key = mac.Sum(nil)
	}
	r.Header.Set("Authorization", fmt.Sprintf("AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=%s, Signature=%s",
		c.key, scope, names, hex.EncodeToString(key)))
}

// code is the error code of an answer, "" for a success.
func (r reply) code(t *testing.T) string {
	t.Helper()
	if r.status == http.StatusOK {
		return ""
	}
	var failed struct {
		Code    string `xml:"Error>Code"`
		EC2Code string `xml:"Errors>Error>Code"`
	}
	if err := xml.Unmarshal([]byte(r.body), &failed); err != nil {
		t.Fatalf("%v in %s", err, r.body)
	}
	return failed.Code + failed.EC2Code
}

// entry is one line of DescribeTargetHealth.
type entry struct {
	ID     string `xml:"Target>Id"`
	Port   int    `xml:"Target>Port"`
	Check  string `xml:"HealthCheckPort"`
	State  string `xml:"TargetHealth>State"`
	Reason string `xml:"TargetHealth>Reason"`
	Text   string `xml:"TargetHealth>Description"`
	Over   string `xml:"AdministrativeOverride>State"`
}

func (c client) health(arn string, pairs ...string) []entry {
	c.t.Helper()
	r := c.call("DescribeTargetHealth", append([]string{"TargetGroupArn", arn}, pairs...)...)
	var list struct {
		Entries []entry `xml:"DescribeTargetHealthResult>TargetHealthDescriptions>member"`
	}
	if err := xml.Unmarshal([]byte(r.body), &list); err != nil || r.status != http.StatusOK {
		c.t.Fatalf("%d %v in %s", r.status, err, r.body)
	}
	return list.Entries
}

func (c client) must(r reply) {
	c.t.Helper()
	if r.status != http.StatusOK {
		c.t.Fatalf("answered %d %s", r.status, r.body)
	}
}

func (c client) register(arn, id string, port int) {
	c.t.Helper()
	c.must(c.call("RegisterTargets", targetPairs(arn, id, port)...))
}

func (c client) deregister(arn, id string, port int) {
	c.t.Helper()
	c.must(c.call("DeregisterTargets", targetPairs(arn, id, port)...))
}

func targetPairs(arn, id string, port int) []string {
	pairs := []string{"TargetGroupArn", arn, "Targets.member.1.Id", id}
	if port != 0 {
		pairs = append(pairs, "Targets.member.1.Port", strconv.Itoa(port))
	}
	return pairs
}

// until waits for a condition.
func until(t *testing.T, what string, met func() bool) {
	t.Helper()
	deadline := time.Now().Add(10 * time.Second)
	for !met() {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s", what)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(t.Context().Err())
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// state is the present state and reason of a target, for judging from inside.
func state(b *elbtest.Balancer, group, id string) string {
	for _, target := range b.Truth().Groups[group].Targets {
		if target.ID == id {
			return strings.TrimSuffix(target.State+" "+target.Reason, " ")
		}
	}
	return "gone"
}

func allHealthy(t *testing.T, b *elbtest.Balancer) {
	t.Helper()
	until(t, "every target healthy", func() bool {
		for _, g := range b.Truth().Groups {
			if g.Healthy < len(g.Targets) {
				return false
			}
		}
		return true
	})
}

// site starts a web server and returns its host and port.
func site(t *testing.T, handle http.HandlerFunc) (host string, port int, server *httptest.Server) {
	t.Helper()
	server = httptest.NewServer(handle)
	t.Cleanup(server.Close)
	host, port = hostPort(t, server.URL)
	return host, port, server
}

func hostPort(t *testing.T, address string) (string, int) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		t.Fatal(err)
	}
	return u.Hostname(), port
}

func ok(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") }

// quick is a target group whose clocks run fast.
func quick(targets ...elbtest.Target) elbtest.GroupConfig {
	return elbtest.GroupConfig{
		Name: "web-443", Protocol: "HTTP", Port: 8443, Delay: 250 * time.Millisecond, Interval: 25 * time.Millisecond,
		Timeout: 300 * time.Millisecond, HealthyCount: 3, UnhealthyCount: 2, Targets: targets,
	}
}

// fleet starts a balancer with one web server per handler, i-01, i-02 ..., all registered and healthy.
func fleet(t *testing.T, change func(*elbtest.Config), handlers ...http.HandlerFunc) (*elbtest.Balancer, []*httptest.Server) {
	t.Helper()
	var config elbtest.Config
	var servers []*httptest.Server
	group := quick()
	for i, handle := range handlers {
		host, port, server := site(t, handle)
		id := fmt.Sprintf("i-%02d", i+1)
		config.Instances = append(config.Instances, elbtest.Instance{ID: id, PrivateIP: host, Name: "web-" + id})
		group.Targets = append(group.Targets, elbtest.Target{ID: id, Port: port})
		servers = append(servers, server)
	}
	config.Groups = []elbtest.GroupConfig{group}
	if change != nil {
		change(&config)
	}
	b := start(t, config)
	return b, servers
}

func start(t *testing.T, config elbtest.Config) *elbtest.Balancer {
	t.Helper()
	b, err := elbtest.New(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	return b
}

// get asks the front port over a connection pool of its own.
func get(t *testing.T, browser *http.Client, address string) (int, string, http.Header) {
	t.Helper()
	answer, err := browser.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, string(body), answer.Header
}

func browser(t *testing.T) *http.Client {
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, Timeout: 10 * time.Second}
}

func portOf(b *elbtest.Balancer, group, id string) int {
	targets := b.Truth().Groups[group].Targets
	at := slices.IndexFunc(targets, func(target elbtest.TargetTruth) bool { return target.ID == id })
	return targets[at].Port
}
