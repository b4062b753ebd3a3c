package iistest

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Namespaces of MS-WSMV.
const (
	nsSOAP        = "http://www.w3.org/2003/05/soap-envelope"
	nsAddressing  = "http://schemas.xmlsoap.org/ws/2004/08/addressing"
	nsManagement  = "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"
	nsMicrosoft   = "http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd"
	nsShell       = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell"
	nsTransfer    = "http://schemas.xmlsoap.org/ws/2004/09/transfer"
	nsEnumeration = "http://schemas.xmlsoap.org/ws/2004/09/enumeration"
	nsIdentity    = "http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd"
	nsFault       = "http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"
)

// deepest is how far elements may be nested.
const deepest = 32

// element is one XML element. Names are compared with their namespace, never by prefix.
type element struct {
	name     xml.Name
	attrs    []xml.Attr
	children []*element
	text     strings.Builder
}

// parseXML reads one document. Document types and processing instructions other than the XML declaration are refused.
func parseXML(text []byte) (*element, error) {
	d := xml.NewDecoder(bytes.NewReader(text))
	var root *element
	var open []*element
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		switch t := token.(type) {
		case xml.StartElement:
			e := &element{name: t.Name, attrs: t.Attr}
			switch {
			case len(open) == 0 && root != nil:
				return nil, errors.New("two roots")
			case len(open) == 0:
				root = e
			case len(open) >= deepest:
				return nil, errors.New("nested too deeply")
			default:
				top := open[len(open)-1]
				top.children = append(top.children, e)
			}
			open = append(open, e)
		case xml.EndElement:
			open = open[:len(open)-1]
		case xml.CharData:
			if len(open) > 0 {
				open[len(open)-1].text.Write(t)
			}
		case xml.Directive:
			return nil, errors.New("a document type")
		case xml.ProcInst:
			if t.Target != "xml" {
				return nil, fmt.Errorf("a processing instruction %q", t.Target)
			}
		}
	}
	if root == nil {
		return nil, errors.New("no root")
	}
	return root, nil
}

// child is the first child of that name; nil: none.
func (e *element) child(space, local string) *element {
	if e == nil {
		return nil
	}
	for _, c := range e.children {
		if c.name.Space == space && c.name.Local == local {
			return c
		}
	}
	return nil
}

func (e *element) all(space, local string) []*element {
	var out []*element
	if e == nil {
		return nil
	}
	for _, c := range e.children {
		if c.name.Space == space && c.name.Local == local {
			out = append(out, c)
		}
	}
	return out
}

func (e *element) value() string {
	if e == nil {
		return ""
	}
	return strings.TrimSpace(e.text.String())
}

// attr is an attribute by its local name, as Windows takes mustUnderstand with and without a prefix.
func (e *element) attr(local string) string {
	if e == nil {
		return ""
	}
	for _, a := range e.attrs {
		if a.Name.Local == local && a.Name.Space != "xmlns" {
			return a.Value
		}
	}
	return ""
}

// yes reads a boolean of any spelling.
func yes(s string) bool { return strings.EqualFold(s, "true") || s == "1" }
