package iistest

import (
	"encoding/xml"
	"fmt"
	"strings"
)

// wsFault is a SOAP fault, answered with HTTP 500. Codes are those of wsmerror.h and winerror.h.
type wsFault struct {
	code    uint32
	value   string // s:Sender, s:Receiver, s:MustUnderstand, s:VersionMismatch
	subcode string // empty: none
	text    string
	detail  string // XML inside s:Detail before the WSManFault
	message string // XML of f:Message; empty: text
	wmi     bool   // reported as MSFT_WmiError, as 2012 and later report quotas
}

func faultSchema(code uint32, text string) *wsFault {
	return &wsFault{code: code, value: "s:Sender", subcode: "w:SchemaValidationError", text: text}
}

func faultVersion() *wsFault {
	return &wsFault{code: 2150858817, value: "s:VersionMismatch", text: "The envelope is not of SOAP 1.2."}
}

func faultMustUnderstand(header string) *wsFault {
	return &wsFault{code: 2150858817, value: "s:MustUnderstand", text: "The header " + header + " is not understood."}
}

// faultHeader has the subcode of WS-Addressing; which number Windows gives with it was never recorded.
func faultHeader(name string) *wsFault {
	return &wsFault{code: 2150858817, value: "s:Sender", subcode: "a:MessageInformationHeaderRequired",
		text: "The WS-Management service cannot process the request. The header " + name + " is required and missing."}
}

func faultResource(uri string) *wsFault {
	return &wsFault{code: 2150858811, value: "s:Sender", subcode: "a:DestinationUnreachable",
		text:   "The WS-Management service cannot process the request. The resource URI is missing or it has an incorrect format: " + uri,
		detail: "<w:FaultDetail>http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/InvalidResourceURI</w:FaultDetail>"}
}

func faultAction(action string) *wsFault {
	return &wsFault{code: 2150858753, value: "s:Sender", subcode: "a:ActionNotSupported",
		text: "The WS-Management service cannot process the request because the WS-Addressing action URI in the request is not valid: " + action}
}

func faultEncoding(code uint32, text string) *wsFault {
	return &wsFault{code: code, value: "s:Sender", subcode: "w:EncodingLimit", text: text}
}

func faultSelectors(text string) *wsFault {
	return &wsFault{code: 2150858843, value: "s:Sender", subcode: "w:InvalidSelectors", text: text,
		detail: "<w:FaultDetail>http://schemas.dmtf.org/wbem/wsman/1/wsman/faultDetail/UnexpectedSelectors</w:FaultDetail>"}
}

func faultShell(id string) *wsFault {
	return faultSelectors("The request for the Windows Remote Shell with ShellId " + id + " failed because the shell was not found " +
		"on the server. Possible causes are: the specified ShellId is incorrect or the shell no longer exists on the server. " +
		"Provide the correct ShellId or create a new shell and retry the operation.")
}

func faultCommand(id string) *wsFault {
	return faultSelectors("The request for the Windows Remote Shell with CommandId " + id + " failed because the command was not found.")
}

// faultParameter is what winrscmd.dll says to a missing CommandId.
func faultParameter() *wsFault {
	return &wsFault{code: 87, value: "s:Sender", subcode: "w:InvalidParameter", text: "The parameter is incorrect.",
		message: `<f:ProviderFault provider="Shell cmd plugin" path="%systemroot%\system32\winrscmd.dll">The parameter is incorrect.</f:ProviderFault>`}
}

func faultPipe() *wsFault {
	return &wsFault{code: 109, value: "s:Receiver", subcode: "w:InternalError", text: "The pipe has been ended. "}
}

func faultTooLong() *wsFault {
	return &wsFault{code: 2147942606, value: "s:Receiver", subcode: "w:InternalError", text: "The filename or extension is too long. "}
}

func faultAborted() *wsFault {
	return &wsFault{code: 995, value: "s:Receiver", subcode: "w:InternalError",
		text: "The I/O operation has been aborted because of either a thread exit or an application request. "}
}

func faultTimedOut() *wsFault {
	return &wsFault{code: 2150858793, value: "s:Receiver", subcode: "w:TimedOut",
		text: "The WS-Management service cannot complete the operation within the time specified in OperationTimeout. "}
}

func faultQuota() *wsFault {
	return &wsFault{code: 2150859173, value: "s:Sender", subcode: "w:QuotaLimit", wmi: true,
		text: fmt.Sprintf("This user is allowed a maximum number of %d concurrent shells, which has been exceeded. Close existing shells or raise the quota for this user.", shellQuota)}
}

// xml is the Body's content.
func (f *wsFault) xml(machine string) string {
	sub := ""
	if f.subcode != "" {
		sub = "<s:Subcode><s:Value>" + f.subcode + "</s:Value></s:Subcode>"
	}
	text := escape(f.text)
	detail := f.detail
	if f.wmi {
		detail += fmt.Sprintf(`<p:MSFT_WmiError xmlns:p="http://schemas.microsoft.com/wbem/wsman/1/wmi/root/microsoft/windows/management/MSFT_WmiError">`+
			`<p:error_Category>0</p:error_Category><p:error_Code>%d</p:error_Code><p:error_Type>HRESULT</p:error_Type>`+
			`<p:Message>%s</p:Message></p:MSFT_WmiError>`, f.code, text)
	} else {
		message := f.message
		if message == "" {
			message = text
		}
		detail += fmt.Sprintf(`<f:WSManFault xmlns:f="%s" Code="%d" Machine="%s"><f:Message>%s</f:Message></f:WSManFault>`,
			nsFault, f.code, escape(machine), message)
	}
	return `<s:Fault><s:Code><s:Value>` + f.value + `</s:Value>` + sub + `</s:Code><s:Reason><s:Text xml:lang="en-US">` + text +
		`</s:Text></s:Reason><s:Detail>` + detail + `</s:Detail></s:Fault>`
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s)) // a strings.Builder never fails
	return b.String()
}
