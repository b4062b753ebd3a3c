package iistest

import "fmt"

// refusal is the error member of an answer.
type refusal struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	HResult int32  `json:"hresult,omitempty"`
	Step    string `json:"step,omitempty"`
	Hint    string `json:"hint,omitempty"`
	with    any    // a result beside the error, which a lease held by another run has
}

func (r *refusal) Error() string { return r.Code + ": " + r.Message }

func refuse(code, format string, args ...any) *refusal {
	return &refusal{Code: code, Message: fmt.Sprintf(format, args...)}
}

func (r *refusal) at(step string) *refusal {
	r.Step = step
	return r
}

func (r *refusal) saying(hint string) *refusal {
	r.Hint = hint
	return r
}

// HRESULTs as IIS gives them.
const (
	fileNotFound        = -2147024894 // 0x80070002
	pathNotFound        = -2147024893 // 0x80070003
	accessDenied        = -2147024891 // 0x80070005
	invalidData         = -2147024883 // 0x8007000D: the configuration cannot be read
	sharing             = -2147024864 // 0x80070020: another process owns the port, or has the file open
	lockedSection       = -2147024863 // 0x80070021: a section is locked at its parent
	diskFull            = -2147024784 // 0x80070070
	alreadyExists       = -2147024713 // 0x800700B7: another started site owns the binding
	changedOnDisk       = -2147023890 // 0x800703EE: somebody else committed in between
	disabled            = -2147023838 // 0x80070422: the service is disabled
	cannotAcceptControl = -2147023835 // 0x80070425: the pool is starting or stopping
	notStarted          = -2147023834 // 0x80070426: the service, or the pool, is not started
	elementNotFound     = -2147023728 // 0x80070490
	noLogonSession      = -2147023584 // 0x80070520: the private key cannot be used
	unsupported         = -2147023483 // 0x80070585: this IIS does not know the setting
	rpcUnavailable      = -2147023174 // 0x800706BA: WAS is restarting
	notRegistered       = -2147221164 // 0x80040154: IIS is not installed
	noSuchObject        = -2147020584 // 0x800710D8: WAS does not know the object, or not yet
)
