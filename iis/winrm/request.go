package winrm

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"strings"
	"time"

	"github.com/masterzen/simplexml/dom"
	"github.com/masterzen/winrm/soap"
)

// Actions and names of MS-WSMV 2.2.
const (
	actionCreate  = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Create"
	actionDelete  = "http://schemas.xmlsoap.org/ws/2004/09/transfer/Delete"
	shellURI      = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
	actionCommand = shellURI + "/Command"
	actionSend    = shellURI + "/Send"
	actionReceive = shellURI + "/Receive"
	actionSignal  = shellURI + "/Signal"
	resourceCmd   = shellURI + "/cmd"
	signalEnd     = shellURI + "/signal/terminate"
	stateDone     = shellURI + "/CommandState/Done"
	anonymous     = "http://schemas.xmlsoap.org/ws/2004/08/addressing/role/anonymous"
	// idleTimeOut ends a shell that nobody polls any more, so that a runner that died leaves nothing behind for long.
	idleTimeOut = "PT15M"
)

// request is one SOAP message with its id, which the answer must name.
type request struct {
	id      string
	message *soap.SoapMessage
}

func (c *Client) newRequest(action, resource, shell string, options ...*soap.HeaderOption) request {
	r := request{id: "uuid:" + uuid(), message: soap.NewMessage()}
	h := r.message.Header().
		To(c.url).
		ReplyTo(anonymous).
		MaxEnvelopeSize(envelopeSize).
		Timeout(isoSeconds(c.timeouts.Operation)).
		Id(r.id).
		Locale("en-US").
		Action(action).
		ResourceURI(resource)
	if shell != "" {
		h.ShellId(escape(shell))
	}
	for _, o := range options {
		h.AddOption(o)
	}
	h.Build()
	return r
}

func (c *Client) createRequest(idle string) request {
	r := c.newRequest(actionCreate, resourceCmd, "",
		soap.NewHeaderOption("WINRS_NOPROFILE", "FALSE"), soap.NewHeaderOption("WINRS_CODEPAGE", "65001"))
	shell := r.body("Shell")
	r.child(shell, "IdleTimeOut").SetContent(idle)
	r.child(shell, "InputStreams").SetContent("stdin")
	r.child(shell, "Name").SetContent(escape(c.shellName))
	r.child(shell, "OutputStreams").SetContent("stdout stderr")
	return r
}

// commandRequest asks for pipe mode: input arrives unconverted, and its end is an end of file.
func (c *Client) commandRequest(shell, command string) request {
	r := c.newRequest(actionCommand, resourceCmd, shell,
		soap.NewHeaderOption("WINRS_CONSOLEMODE_STDIN", "FALSE"), soap.NewHeaderOption("WINRS_SKIP_CMD_SHELL", "FALSE"))
	r.child(r.body("CommandLine"), "Command").SetContent(escape(command))
	return r
}

func (c *Client) sendRequest(shell, command string, input []byte, end bool) request {
	r := c.newRequest(actionSend, resourceCmd, shell)
	stream := r.child(r.body("Send"), "Stream")
	stream.SetAttr("Name", "stdin")
	stream.SetAttr("CommandId", escape(command))
	if end {
		stream.SetAttr("End", "true")
	}
	stream.SetContent(base64.StdEncoding.EncodeToString(input))
	return r
}

func (c *Client) receiveRequest(shell, command string) request {
	r := c.newRequest(actionReceive, resourceCmd, shell)
	stream := r.child(r.body("Receive"), "DesiredStream")
	stream.SetAttr("CommandId", escape(command))
	stream.SetContent("stdout stderr")
	return r
}

func (c *Client) signalRequest(shell, command string) request {
	r := c.newRequest(actionSignal, resourceCmd, shell)
	signal := r.body("Signal")
	signal.SetAttr("CommandId", escape(command))
	r.child(signal, "Code").SetContent(signalEnd)
	return r
}

func (c *Client) deleteRequest(shell string) request {
	r := c.newRequest(actionDelete, resourceCmd, shell)
	r.message.NewBody()
	return r
}

func (r request) body(name string) *dom.Element {
	return r.message.CreateBodyElement(name, soap.DOM_NS_WIN_SHELL)
}

func (r request) child(parent *dom.Element, name string) *dom.Element {
	return r.message.CreateElement(parent, name, soap.DOM_NS_WIN_SHELL)
}

// escape is needed because the library writes content as it is given.
func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder never fails
	return b.String()
}

// isoSeconds is an xs:duration; WinRM takes fractions of a second.
func isoSeconds(d time.Duration) string { return fmt.Sprintf("PT%.3fS", d.Seconds()) }

// uuid is a random one, RFC 9562 version 4.
func uuid() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%X-%X-%X-%X-%X", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
