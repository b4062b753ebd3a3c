package winrm

import (
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// reply is what we read of any answer. Elements are matched by name, whatever their prefix.
type reply struct {
	Header struct {
		Action    string `xml:"http://schemas.xmlsoap.org/ws/2004/08/addressing Action"`
		RelatesTo string `xml:"http://schemas.xmlsoap.org/ws/2004/08/addressing RelatesTo"`
	} `xml:"http://www.w3.org/2003/05/soap-envelope Header"`
	Body struct {
		Shell struct {
			ID string `xml:"ShellId"`
		} `xml:"Shell"`
		Created struct {
			Selectors []struct {
				Name  string `xml:"Name,attr"`
				Value string `xml:",chardata"`
			} `xml:"ReferenceParameters>SelectorSet>Selector"`
		} `xml:"ResourceCreated"`
		CommandID string `xml:"CommandResponse>CommandId"`
		Receive   struct {
			Streams []struct {
				Name string `xml:"Name,attr"`
				Data string `xml:",chardata"`
			} `xml:"Stream"`
			State struct {
				State    string `xml:"State,attr"`
				ExitCode string `xml:"ExitCode"`
			} `xml:"CommandState"`
		} `xml:"ReceiveResponse"`
		Shells []struct {
			ID       string `xml:"ShellId"`
			Name     string `xml:"Name"`
			Inactive string `xml:"ShellInactivity"`
		} `xml:"EnumerateResponse>Items>Shell"`
		Fault *fault `xml:"http://www.w3.org/2003/05/soap-envelope Fault"`
	} `xml:"http://www.w3.org/2003/05/soap-envelope Body"`
}

type fault struct {
	Code struct {
		Value   string `xml:"Value"`
		Subcode string `xml:"Subcode>Value"`
	} `xml:"Code"`
	Reason string `xml:"Reason>Text"`
	Detail struct {
		WSMan struct {
			Code    string  `xml:"Code,attr"`
			Message message `xml:"Message"`
		} `xml:"WSManFault"`
		WMI struct {
			Code    string `xml:"error_Code"`
			Message string `xml:"Message"`
		} `xml:"MSFT_WmiError"`
	} `xml:"Detail"`
}

// message is the text of a WSManFault: plain, or from the provider that refused.
type message struct {
	Text     string `xml:",chardata"`
	Provider string `xml:"ProviderFault>WSManFault>Message"`
}

func parse(text string) (reply, error) {
	var r reply
	d := xml.NewDecoder(strings.NewReader(text))
	if err := d.Decode(&r); err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return r, fmt.Errorf("the answer is no SOAP envelope: %w", err)
	}
	return r, nil
}

func parseFault(text string) (*Fault, error) {
	r, err := parse(text)
	if err != nil {
		return nil, err
	}
	f := r.Body.Fault
	if f == nil {
		return nil, errors.New("no fault in the envelope")
	}
	out := &Fault{Subcode: local(f.Code.Subcode), Text: firstText(f.Detail.WSMan.Message.Provider,
		f.Detail.WSMan.Message.Text, f.Detail.WMI.Message, f.Reason, "no reason given")}
	out.Code = firstCode(f.Detail.WSMan.Code, f.Detail.WMI.Code)
	return out, nil
}

func local(qname string) string {
	qname = strings.TrimSpace(qname)
	return qname[strings.LastIndexByte(qname, ':')+1:]
}

func firstText(all ...string) string {
	for _, s := range all {
		if s = strings.Join(strings.Fields(s), " "); s != "" {
			return s
		}
	}
	return ""
}

// firstCode reads decimal codes; some versions of Windows write them as negative numbers.
func firstCode(all ...string) uint32 {
	for _, s := range all {
		if n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64); err == nil && n != 0 {
			return uint32(n)
		}
	}
	return 0
}

func (r reply) shellID() string {
	if id := strings.TrimSpace(r.Body.Shell.ID); id != "" {
		return id
	}
	for _, s := range r.Body.Created.Selectors {
		if strings.EqualFold(s.Name, "ShellId") {
			return strings.TrimSpace(s.Value)
		}
	}
	return ""
}

// output decodes the streams of a ReceiveResponse.
func (r reply) output() (Output, error) {
	var out Output
	for _, s := range r.Body.Receive.Streams {
		data, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s.Data), ""))
		if err != nil {
			return out, fmt.Errorf("stream %s is no base64: %w", s.Name, err)
		}
		switch s.Name {
		case "stdout":
			out.Stdout = append(out.Stdout, data...)
		case "stderr":
			out.Stderr = append(out.Stderr, data...)
		}
	}
	state := r.Body.Receive.State
	out.Done = state.State == stateDone
	if out.Done {
		// An exit code such as 0xC0000005 does not fit an int32.
		code, err := strconv.ParseInt(strings.TrimSpace(state.ExitCode), 10, 64)
		if err != nil && state.ExitCode != "" {
			return out, fmt.Errorf("exit code %q: %w", state.ExitCode, err)
		}
		out.ExitCode = int(code)
	}
	return out, nil
}
