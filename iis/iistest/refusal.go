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

// HRESULTs as IIS gives them.
const (
	alreadyExists = -2147024713 // 0x800700B7: another started site owns the binding
	sharing       = -2147024864 // 0x80070020: another process owns the port
	changedOnDisk = -2147023890 // 0x800703EE: somebody else committed in between
)
