package iistest

import (
	"context"
	"encoding/base64"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	shellResource = nsShell + "/cmd"
	// commandLimit is what cmd.exe takes.
	commandLimit = 8191
	// answerSpace is what an envelope has around its streams.
	answerSpace = 3000
)

// reply is a successful answer.
type reply struct {
	action string
	body   string
	partly bool // there is more than fits into it
}

// handle runs one operation of MS-WSMV 3.1.4.
func (e *endpoint) handle(ctx context.Context, m message) (reply, *wsFault) {
	if m.resource == nsShell && m.action == nsEnumeration+"/Enumerate" {
		return e.enumerate(m)
	}
	if m.resource != shellResource {
		return reply{}, faultResource(m.resource)
	}
	if m.action == nsTransfer+"/Create" {
		return e.create(m)
	}
	do, ok := map[string]func(context.Context, message, *shell) (reply, *wsFault){
		nsShell + "/Command":   e.command,
		nsShell + "/Send":      e.input,
		nsShell + "/Receive":   e.receive,
		nsShell + "/Signal":    e.signal,
		nsTransfer + "/Delete": e.delete,
	}[m.action]
	if !ok {
		return reply{}, faultAction(m.action)
	}
	if m.shell == "" {
		return reply{}, faultSelectors("The request has no selector ShellId.")
	}
	sh, leave := e.shells.enter(m.shell, m.verb())
	if sh == nil {
		return reply{}, faultShell(m.shell)
	}
	defer leave()
	return do(ctx, m, sh)
}

// expect is the body's element by its name.
func (m message) expect(local string) (*element, *wsFault) {
	if m.body == nil || m.body.name.Space != nsShell || m.body.name.Local != local {
		return nil, faultSchema(2150858817, "The Body must hold rsp:"+local+".")
	}
	return m.body, nil
}

func (e *endpoint) create(m message) (reply, *wsFault) {
	body, f := m.expect("Shell")
	if f != nil {
		return reply{}, f
	}
	input, output := body.child(nsShell, "InputStreams").value(), strings.Fields(body.child(nsShell, "OutputStreams").value())
	if input != "stdin" || !slices.Contains(output, "stdout") {
		return reply{}, faultSchema(2150858817, "A shell needs InputStreams stdin and OutputStreams stdout stderr.")
	}
	idle := idleMost
	if t := body.child(nsShell, "IdleTimeOut"); t != nil {
		d, err := parseDuration(t.value())
		if err != nil {
			return reply{}, faultSchema(2150858817, "IdleTimeOut: "+err.Error())
		}
		idle = d
	}
	sh := e.shells.create(body.child(nsShell, "Name").value(), idle)
	if sh == nil {
		return reply{}, faultQuota(e.shells.most())
	}
	c := e.server.config
	return reply{action: nsTransfer + "/CreateResponse", body: fmt.Sprintf(`<x:ResourceCreated><a:Address>https://%s:%d/wsman</a:Address>`+
		`<a:ReferenceParameters><w:ResourceURI>%s</w:ResourceURI><w:SelectorSet><w:Selector Name="ShellId">%s</w:Selector></w:SelectorSet>`+
		`</a:ReferenceParameters></x:ResourceCreated><rsp:Shell><rsp:ShellId>%s</rsp:ShellId><rsp:Name>%s</rsp:Name>`+
		`<rsp:ResourceUri>%s</rsp:ResourceUri><rsp:Owner>%s</rsp:Owner><rsp:ClientIP>%s</rsp:ClientIP><rsp:ProcessId>0</rsp:ProcessId>`+
		`<rsp:IdleTimeOut>PT%.3fS</rsp:IdleTimeOut><rsp:InputStreams>stdin</rsp:InputStreams><rsp:OutputStreams>stdout stderr</rsp:OutputStreams>`+
		`<rsp:ShellRunTime>P0DT0H0M0S</rsp:ShellRunTime><rsp:ShellInactivity>P0DT0H0M0S</rsp:ShellInactivity></rsp:Shell>`,
		c.Address, e.port, shellResource, sh.id, sh.id, escape(sh.name), shellResource, escape(c.User), m.client, sh.idle.Seconds())}, nil
}

var uuidForm = regexp.MustCompile(`^[0-9A-F]{8}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{4}-[0-9A-F]{12}$`)

func (e *endpoint) command(_ context.Context, m message, sh *shell) (reply, *wsFault) {
	body, f := m.expect("CommandLine")
	if f != nil {
		return reply{}, f
	}
	line := body.child(nsShell, "Command").value()
	for _, a := range body.all(nsShell, "Arguments") {
		line += " " + a.value()
	}
	if strings.TrimSpace(line) == "" {
		return reply{}, faultParameter()
	}
	if len(line) > commandLimit {
		return reply{}, faultTooLong()
	}
	id := strings.ToUpper(body.attr("CommandId"))
	if id == "" {
		id = uuid()
	} else if !uuidForm.MatchString(id) {
		return reply{}, faultParameter()
	}
	if !e.shells.begin(sh) {
		return reply{}, faultOf(2150859174)
	}
	console := strings.EqualFold(m.options["WINRS_CONSOLEMODE_STDIN"], "TRUE") // without it, the input of Windows has an end
	p := newProcess(id, console)
	if !e.shells.add(sh, p) {
		return reply{}, faultParameter()
	}
	e.server.audit(line)
	if !e.spawn(func() { p.run(e.server.starts(line)) }) {
		return reply{}, faultAborted()
	}
	return reply{action: nsShell + "/CommandResponse", body: "<rsp:CommandResponse><rsp:CommandId>" + id + "</rsp:CommandId></rsp:CommandResponse>"}, nil
}

// process finds the command that an attribute names.
func (e *endpoint) process(sh *shell, named *element) (*process, *wsFault) {
	id := strings.ToUpper(named.attr("CommandId"))
	if id == "" {
		return nil, faultParameter()
	}
	p := e.shells.command(sh, id)
	if p == nil {
		return nil, faultCommand()
	}
	return p, nil
}

func (e *endpoint) input(_ context.Context, m message, sh *shell) (reply, *wsFault) {
	body, f := m.expect("Send")
	if f != nil {
		return reply{}, f
	}
	streams := body.all(nsShell, "Stream")
	if len(streams) == 0 {
		return reply{}, faultSchema(2150858817, "Send holds no rsp:Stream.")
	}
	for _, s := range streams {
		p, f := e.process(sh, s)
		if f != nil {
			return reply{}, f
		}
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s.value()), ""))
		if s.attr("Name") != "stdin" || err != nil {
			return reply{}, faultParameter()
		}
		if !p.feed(data, yes(s.attr("End"))) {
			return reply{}, faultPipe()
		}
	}
	return reply{action: nsShell + "/SendResponse", body: "<rsp:SendResponse></rsp:SendResponse>"}, nil
}

// receive holds the request until there is output, the process ends, or the operation's time is over.
func (e *endpoint) receive(ctx context.Context, m message, sh *shell) (reply, *wsFault) {
	body, f := m.expect("Receive")
	if f != nil {
		return reply{}, f
	}
	desired := body.child(nsShell, "DesiredStream")
	if desired == nil {
		return reply{}, faultSchema(2150858817, "Receive holds no rsp:DesiredStream.")
	}
	p, f := e.process(sh, desired)
	if f != nil {
		return reply{}, f
	}
	names := strings.Fields(desired.value())
	wanted := func(stream string) bool { return slices.Contains(names, stream) }
	timer := time.NewTimer(m.timeout)
	defer timer.Stop()
	for {
		if e.shells.command(sh, p.id) != p {
			return reply{}, faultAborted()
		}
		out, done, code, changed := p.take(m.maxSize-answerSpace, e.server.faults.limited().Piece, wanted)
		if len(out) > 0 || done {
			answer := received(p.id, out, done, code)
			answer.partly = p.waiting()
			return answer, nil
		}
		select {
		case <-changed:
		case <-timer.C:
			return reply{}, faultTimedOut()
		case <-ctx.Done():
			return reply{}, faultAborted()
		}
	}
}

func received(id string, out []piece, done bool, code int) reply {
	var b strings.Builder
	b.WriteString("<rsp:ReceiveResponse>")
	for _, p := range out {
		fmt.Fprintf(&b, `<rsp:Stream Name="%s" CommandId="%s">%s</rsp:Stream>`, p.stream, id, base64.StdEncoding.EncodeToString(p.data))
	}
	if done {
		for _, name := range []string{"stdout", "stderr"} {
			fmt.Fprintf(&b, `<rsp:Stream Name="%s" CommandId="%s" End="true"></rsp:Stream>`, name, id)
		}
		fmt.Fprintf(&b, `<rsp:CommandState CommandId="%s" State="%s/CommandState/Done"><rsp:ExitCode>%d</rsp:ExitCode></rsp:CommandState>`, id, nsShell, code)
	} else {
		fmt.Fprintf(&b, `<rsp:CommandState CommandId="%s" State="%s/CommandState/Running"></rsp:CommandState>`, id, nsShell)
	}
	b.WriteString("</rsp:ReceiveResponse>")
	return reply{action: nsShell + "/ReceiveResponse", body: b.String()}
}

func (e *endpoint) signal(_ context.Context, m message, sh *shell) (reply, *wsFault) {
	body, f := m.expect("Signal")
	if f != nil {
		return reply{}, f
	}
	p, f := e.process(sh, body)
	if f != nil {
		return reply{}, f
	}
	code := body.child(nsShell, "Code").value()
	switch strings.ToLower(strings.TrimPrefix(code, nsShell+"/signal/")) {
	case "terminate":
		e.shells.terminate(sh, p)
	case "ctrl_c", "ctrl_break":
		if p.console { // whoever reads from a pipe has no console that could tell him
			p.kill()
		}
	default:
		return reply{}, faultParameter()
	}
	return reply{action: nsShell + "/SignalResponse", body: "<rsp:SignalResponse></rsp:SignalResponse>"}, nil
}

func (e *endpoint) delete(_ context.Context, m message, sh *shell) (reply, *wsFault) {
	if m.body != nil {
		return reply{}, faultSchema(2150858817, "The Body of a Delete must be empty.")
	}
	e.shells.remove(sh)
	return reply{action: nsTransfer + "/DeleteResponse", body: ""}, nil
}
