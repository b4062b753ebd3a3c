package iistest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Limits of WinRM 3 with default settings.
const (
	envelopeDefault = 153_600 // when the client names none
	envelopeLeast   = 8192    // DSP0226 R13.1-2
	timeoutLimit    = 60 * time.Second
	timeoutLeast    = 500 * time.Millisecond
)

// message is one request whose header has everything that Windows demands.
type message struct {
	action   string
	id       string
	resource string
	shell    string // selector ShellId
	client   string // IP address that it came from
	options  map[string]string
	timeout  time.Duration
	maxSize  int
	body     *element // the one element in the Body; nil: none
}

// verb is the last part of the action.
func (m message) verb() string { return m.action[strings.LastIndexByte(m.action, '/')+1:] }

// known are the headers that Windows understands.
var known = []struct{ space, local string }{
	{nsAddressing, "Action"}, {nsAddressing, "To"}, {nsAddressing, "MessageID"}, {nsAddressing, "ReplyTo"}, {nsAddressing, "From"},
	{nsAddressing, "FaultTo"}, {nsAddressing, "RelatesTo"}, {nsManagement, "ResourceURI"}, {nsManagement, "MaxEnvelopeSize"},
	{nsManagement, "OperationTimeout"}, {nsManagement, "Locale"}, {nsMicrosoft, "DataLocale"}, {nsManagement, "SelectorSet"},
	{nsManagement, "OptionSet"}, {nsMicrosoft, "SessionId"}, {nsMicrosoft, "OperationID"}, {nsMicrosoft, "SequenceId"},
	{nsMicrosoft, "ActivityId"}, {nsManagement, "FragmentTransfer"},
}

// envelopeParts is Header and Body of a SOAP 1.2 envelope, in that order.
func envelopeParts(text []byte) (header, body *element, f *wsFault) {
	root, err := parseXML(text)
	if err != nil {
		return nil, nil, faultSchema(2150858819, "The WS-Management service cannot process the request because the XML is invalid: "+err.Error())
	}
	if root.name.Local == "Envelope" && root.name.Space != nsSOAP {
		return nil, nil, faultVersion()
	}
	ok := root.name.Local == "Envelope" && len(root.children) == 2 &&
		root.child(nsSOAP, "Header") == root.children[0] && root.child(nsSOAP, "Body") == root.children[1]
	if !ok {
		return nil, nil, faultSchema(2150858817, "The envelope must hold one Header and then one Body.")
	}
	return root.children[0], root.children[1], nil
}

// readMessage checks a request in the order in which Windows does: envelope, headers, addressing, resource.
func readMessage(text []byte) (message, *wsFault) {
	header, body, f := envelopeParts(text)
	if f != nil {
		return message{}, f
	}
	m := message{id: header.child(nsAddressing, "MessageID").value()}
	if f := checkHeaders(header); f != nil {
		return m, f
	}
	if len(body.children) > 1 {
		return m, faultSchema(2150858817, "The Body must hold at most one element.")
	}
	if len(body.children) == 1 {
		m.body = body.children[0]
	}
	m.action = header.child(nsAddressing, "Action").value()
	m.resource = header.child(nsManagement, "ResourceURI").value()
	m.options = map[string]string{}
	for _, o := range header.child(nsManagement, "OptionSet").all(nsManagement, "Option") {
		m.options[o.attr("Name")] = o.value()
	}
	for _, s := range header.child(nsManagement, "SelectorSet").all(nsManagement, "Selector") {
		if !strings.EqualFold(s.attr("Name"), "ShellId") {
			return m, faultSelectors("The selector " + s.attr("Name") + " is not valid for the resource.")
		}
		m.shell = strings.ToUpper(s.value())
	}
	return m, m.readLimits(header)
}

// checkHeaders finds headers that are missing, doubled or not understood.
func checkHeaders(header *element) *wsFault {
	for _, h := range header.children {
		understood := slices.ContainsFunc(known, func(k struct{ space, local string }) bool {
			return k.space == h.name.Space && k.local == h.name.Local
		})
		if !understood && yes(h.attr("mustUnderstand")) {
			return faultMustUnderstand(h.name.Local)
		}
		if understood && len(header.all(h.name.Space, h.name.Local)) > 1 {
			return faultSchema(2150858817, "The header "+h.name.Local+" is there twice.")
		}
	}
	for _, need := range []string{"Action", "To", "MessageID"} {
		if header.child(nsAddressing, need).value() == "" {
			return faultHeader(need)
		}
	}
	if header.child(nsAddressing, "ReplyTo").child(nsAddressing, "Address").value() == "" {
		return faultHeader("ReplyTo")
	}
	if header.child(nsManagement, "ResourceURI").value() == "" {
		return faultResource("")
	}
	return nil
}

func (m *message) readLimits(header *element) *wsFault {
	m.timeout, m.maxSize = timeoutLimit, envelopeDefault
	if t := header.child(nsManagement, "OperationTimeout"); t != nil {
		d, err := parseDuration(t.value())
		if err != nil {
			return faultSchema(2150858817, "OperationTimeout: "+err.Error())
		}
		m.timeout = min(max(d, timeoutLeast), timeoutLimit)
	}
	if s := header.child(nsManagement, "MaxEnvelopeSize"); s != nil {
		n, err := strconv.Atoi(s.value())
		if err != nil || n <= 0 {
			return faultSchema(2150858817, "MaxEnvelopeSize is no number.")
		}
		if n < envelopeLeast {
			return faultEncoding(2150858824, fmt.Sprintf("MaxEnvelopeSize must be at least %d.", envelopeLeast))
		}
		m.maxSize = n
	}
	return nil
}

// parseDuration reads the part of xs:duration that has a fixed length: PnDTnHnMnS.
func parseDuration(s string) (time.Duration, error) {
	bad := fmt.Errorf("%q is no duration", s)
	rest, ok := strings.CutPrefix(s, "P")
	days, clock, timed := strings.Cut(rest, "T")
	if !ok || rest == "" || timed && clock == "" {
		return 0, bad
	}
	var total float64
	for _, part := range []struct {
		text, units string
		seconds     []float64
	}{{days, "D", []float64{86400}}, {clock, "HMS", []float64{3600, 60, 1}}} {
		text := part.text
		for i, unit := range part.units {
			number, after, found := strings.Cut(text, string(unit))
			if !found {
				continue
			}
			n, err := strconv.ParseFloat(number, 64)
			if err != nil || n < 0 || n > 1e9 || strings.ContainsAny(number, "eExXpPnN_+") {
				return 0, bad
			}
			total, text = total+n*part.seconds[i], after
		}
		if text != "" {
			return 0, bad
		}
	}
	return time.Duration(min(total, 1e9) * float64(time.Second)), nil
}
