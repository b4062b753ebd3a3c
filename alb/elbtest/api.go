package elbtest

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// The services behind the one endpoint, by the version that their clients send.
const (
	elbVersion = "2015-12-01"
	ec2Version = "2016-11-15"
	stsVersion = "2011-06-15"
)

// action answers one call with the content of its result element; it runs with b.mu held.
type action func(params) (any, *failure)

func (b *Balancer) knownActions() map[string]action {
	return map[string]action{
		elbVersion + "RegisterTargets":               b.registerTargets,
		elbVersion + "DeregisterTargets":             b.deregisterTargets,
		elbVersion + "DescribeTargetHealth":          b.describeTargetHealth,
		elbVersion + "DescribeTargetGroups":          b.describeTargetGroups,
		elbVersion + "DescribeTargetGroupAttributes": b.describeTargetGroupAttributes,
		elbVersion + "DescribeLoadBalancers":         b.describeLoadBalancers,
		elbVersion + "DescribeListeners":             b.describeListeners,
		elbVersion + "DescribeRules":                 b.describeRules,
		elbVersion + "DescribeTags":                  b.describeTags,
		ec2Version + "DescribeInstances":             b.describeInstances,
		stsVersion + "GetCallerIdentity":             b.getCallerIdentity,
	}
}

// dialect is how a service writes its answers.
type dialect struct{ service, namespace string }

func dialectOf(version string) (dialect, bool) {
	switch version {
	case elbVersion:
		return dialect{"elasticloadbalancing", "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/"}, true
	case ec2Version:
		return dialect{"ec2", "http://ec2.amazonaws.com/doc/2016-11-15/"}, true
	case stsVersion:
		return dialect{"sts", "https://sts.amazonaws.com/doc/2011-06-15/"}, true
	}
	return dialect{}, false
}

// SetClock puts the API's clock ahead by so much, or behind where it is negative.
func (b *Balancer) SetClock(ahead time.Duration) { b.ahead.Store(int64(ahead)) }

func (b *Balancer) clock() time.Time { return time.Now().Add(time.Duration(b.ahead.Load())) }

// answer serves the API.
func (b *Balancer) answer(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		return
	}
	if b.config.Overhear != nil {
		b.config.Overhear(r, body)
	}
	id := b.requestID()
	p, err := parseParams(strings.Trim(r.URL.RawQuery+"&"+string(body), "&"))
	d, known := dialectOf(p["Version"])
	if !known {
		d, _ = dialectOf(elbVersion)
	}
	var result any
	now := b.clock()
	w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
	problem := b.authenticate(r, body, d.service, now)
	switch {
	case problem != nil:
	case err != nil:
		problem = &failure{400, "MalformedQueryString", err.Error()}
	case r.URL.Path != "/" || r.Method != http.MethodPost && r.Method != http.MethodGet:
		problem = &failure{404, "UnknownOperationException", "The API is at /, by POST or GET"}
	default:
		result, problem = b.perform(p, d, known)
	}
	w.Header().Set("Content-Type", "text/xml")
	w.Header().Set("X-Amzn-Requestid", id)
	if problem != nil {
		w.WriteHeader(problem.status)
		w.Write(d.failed(problem, id))
		return
	}
	w.Write(d.succeeded(p["Action"], result, id))
}

// perform runs an action unless it is unknown, denied or throttled.
func (b *Balancer) perform(p params, d dialect, known bool) (any, *failure) {
	name := p["Action"]
	if name == "" {
		return nil, &failure{400, "MissingAction", "The request must contain the parameter Action"}
	}
	do := b.actions[p["Version"]+name]
	if !known || do == nil {
		return nil, &failure{400, "InvalidAction",
			fmt.Sprintf("Could not find operation %s for version %s", name, p["Version"])}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.calls[name]++
	if problem := b.denies(d.service, name); problem != nil {
		return nil, problem
	}
	if problem := b.throttle.refuse(d.service); problem != nil {
		return nil, problem
	}
	return do(p)
}

func (b *Balancer) requestID() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.serial++
	return fmt.Sprintf("00000000-0000-4000-8000-%012x", b.serial)
}

// succeeded wraps a result: ec2 has its members directly in the response, the others in a result element.
func (d dialect) succeeded(action string, result any, id string) []byte {
	var out bytes.Buffer
	out.WriteString(`<?xml version="1.0" encoding="UTF-8"?>` + "\n")
	encoder := xml.NewEncoder(&out)
	root := xml.StartElement{
		Name: xml.Name{Local: action + "Response"},
		Attr: []xml.Attr{{Name: xml.Name{Local: "xmlns"}, Value: d.namespace}},
	}
	if d.service == "ec2" {
		encoder.EncodeElement(result, root)
		return out.Bytes()
	}
	encoder.EncodeToken(root)
	encoder.EncodeElement(result, xml.StartElement{Name: xml.Name{Local: action + "Result"}})
	encoder.EncodeElement(struct {
		RequestID string `xml:"RequestId"`
	}{id},
		xml.StartElement{Name: xml.Name{Local: "ResponseMetadata"}})
	encoder.EncodeToken(root.End())
	encoder.Flush()
	return out.Bytes()
}

// failed writes an error in the service's own form.
func (d dialect) failed(problem *failure, id string) []byte {
	var out bytes.Buffer
	escaped := func(text string) string {
		var b bytes.Buffer
		xml.EscapeText(&b, []byte(text))
		return b.String()
	}
	code, message := escaped(problem.code), escaped(problem.message)
	if d.service == "ec2" {
		fmt.Fprintf(&out, `<?xml version="1.0" encoding="UTF-8"?>`+"\n<Response><Errors><Error><Code>%s</Code>"+
			"<Message>%s</Message></Error></Errors><RequestID>%s</RequestID></Response>", code, message, id)
		return out.Bytes()
	}
	who := "Sender"
	if problem.status >= 500 {
		who = "Receiver"
	}
	fmt.Fprintf(&out, `<ErrorResponse xmlns="%s"><Error><Type>%s</Type><Code>%s</Code><Message>%s</Message></Error>`+
		"<RequestId>%s</RequestId></ErrorResponse>", d.namespace, who, code, message, id)
	return out.Bytes()
}
