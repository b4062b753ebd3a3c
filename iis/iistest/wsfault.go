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

// faultCommand says the same words for every command, whether there never was one or it has been terminated.
func faultCommand() *wsFault {
	f := faultSelectors("The WS-Management service cannot process the request because the request contained invalid selectors for the resource. ")
	f.message = "The Windows Remote Shell received a request to perform an operation on a command identifier that does not exist. " +
		"Either the command has completed execution or the client specified an invalid command identifier. "
	return f
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

// timedOut is what a Receive with nothing to say ends with.
const timedOut = 2150858793

func faultTimedOut() *wsFault {
	return &wsFault{code: timedOut, value: "s:Receiver", subcode: "w:TimedOut",
		text: "The WS-Management service cannot complete the operation within the time specified in OperationTimeout. "}
}

func faultQuota(shells int) *wsFault {
	return &wsFault{code: 2150859173, value: "s:Sender", subcode: "w:QuotaLimit", wmi: true,
		text: fmt.Sprintf("This user is allowed a maximum number of %d concurrent shells, which has been exceeded. Close existing shells or raise the quota for this user.", shells)}
}

// faultOf is the fault with a code that a test asks for, in Windows' words.
func faultOf(code uint32) *wsFault {
	words := map[uint32]string{
		5: "Access is denied. ", 87: "The parameter is incorrect. ", 232: "The pipe is being closed. ",
		1115: "A system shutdown is in progress. ", 1722: "The RPC server is unavailable. ", 1726: "The remote procedure call failed. ",
		2147942402: "The system cannot find the file specified. ",
		2147943418: "Illegal operation attempted on a registry key that has been marked for deletion. ",
		2150858815: "The WS-Management service cannot process the request. The quota limit has been exceeded. ",
		2150859174: "This user has exceeded the maximum number of concurrent operations. Close existing operations for this user, or raise the quota for this user. ",
		2150859175: "The maximum number of concurrent operations for this user has been exceeded. ",
		2150859176: "The system load quota has been exceeded. ",
		2150859179: "The maximum number of users executing shell operations has been exceeded. ",
		2150859180: "The WS-Management service is not configured to accept any remote shell requests. ",
		2150859240: "This operation is blocked because the user has exceeded the allowed time for the quota. ",
	}
	switch code {
	case 109:
		return faultPipe()
	case 995:
		return faultAborted()
	case 2147942606:
		return faultTooLong()
	case 2150858753:
		return faultAction("")
	case 2150858811:
		return faultResource("")
	case 2150858793:
		return faultTimedOut()
	case 2150858817, 2150858819:
		return faultSchema(code, "The WS-Management service cannot process the request because the XML is invalid.")
	case 2150858823, 2150858824, 2150858825:
		return faultEncoding(code, "The WS-Management service cannot process the request. The request packet exceeds the maximum envelope size.")
	case 2150858843:
		return faultShell("")
	case 2150859173:
		return faultQuota(30)
	case 2150858815, 2150859174, 2150859175, 2150859176, 2150859179, 2150859240:
		return &wsFault{code: code, value: "s:Sender", subcode: "w:QuotaLimit", wmi: true, text: words[code]}
	case 5, 2150859180:
		return &wsFault{code: code, value: "s:Sender", subcode: "w:AccessDenied", text: words[code]}
	}
	text := words[code]
	if text == "" {
		text = fmt.Sprintf("The operation failed with code %d.", code)
	}
	return &wsFault{code: code, value: "s:Receiver", subcode: "w:InternalError", text: text}
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
		detail += fmt.Sprintf(`<p:MSFT_WmiError xmlns:p="http://schemas.dmtf.org/wbem/wscim/1/cim-schema/2/MSFT_WmiError">`+
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
