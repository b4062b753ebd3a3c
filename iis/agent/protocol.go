package agent

import (
	"encoding/json"
	"fmt"
)

// Request is one operation. Args is one of the ...Args types.
type Request struct {
	ID    string `json:"id"`
	Op    string `json:"op"`
	Args  any    `json:"args"`
	Lease *Fence `json:"lease,omitempty"`
}

// Fence names the lease under which a change is made; the agent refuses one that is not current.
type Fence struct {
	Run        string `json:"run"`
	Generation int64  `json:"generation"`
}

// Answer is what comes back: a result, an error, or, from a loader that failed, Fatal.
type Answer struct {
	ID       string          `json:"id"`
	Result   json.RawMessage `json:"result,omitempty"`
	Error    *Error          `json:"error,omitempty"`
	Fatal    string          `json:"fatal,omitempty"`
	Language string          `json:"language,omitempty"` // PowerShell's language mode, with Fatal
	Version  string          `json:"version,omitempty"`  // PowerShell's version, with Fatal
	IIS      *bool           `json:"iis,omitempty"`      // whether IIS is installed, with Fatal
}

// Code is the kind of an error. The set is the agent's; an unknown one is treated as Internal.
type Code string

// The codes of errors.
const (
	BadRequest         Code = "bad_request"
	UnknownOp          Code = "unknown_op"
	Fenced             Code = "fenced"
	Leased             Code = "leased"
	NotFound           Code = "not_found"
	Conflict           Code = "conflict"
	Busy               Code = "busy"
	PortTaken          Code = "port_taken"
	PoolFailed         Code = "pool_failed"
	WorkerLingers      Code = "worker_lingers"
	Unsettled          Code = "unsettled"
	AccessDenied       Code = "access_denied"
	IISMissing         Code = "iis_missing"
	IISStopped         Code = "iis_stopped"
	DiskFull           Code = "disk_full"
	HashMismatch       Code = "hash_mismatch"
	PullFailed         Code = "pull_failed"
	CertificateMissing Code = "certificate_missing"
	Internal           Code = "internal"
)

// Error is an operation that the agent refused or that failed on the server.
type Error struct {
	Op      string `json:"-"`
	Code    Code   `json:"code"`
	Message string `json:"message"`
	HResult int32  `json:"hresult,omitempty"`
	Step    string `json:"step,omitempty"` // where in the operation
	Hint    string `json:"hint,omitempty"` // what a person can do
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%s: %s (%s", e.Op, e.Message, e.Code)
	if e.HResult != 0 {
		s += fmt.Sprintf(", 0x%08X", uint32(e.HResult))
	}
	if e.Step != "" {
		s += ", at " + e.Step
	}
	s += ")"
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// StartError says that the agent could not be started; another try would end the same way.
type StartError struct {
	Text     string
	Language string // PowerShell's language mode
	Version  string // PowerShell's version
	NoIIS    bool   // IIS is not installed
}

// StartError is why the agent did not start, of an answer with Fatal.
func (a Answer) StartError() *StartError {
	return &StartError{Text: a.Fatal, Language: a.Language, Version: a.Version, NoIIS: a.IIS != nil && !*a.IIS}
}

func (e *StartError) Error() string {
	s := "the agent did not start: " + e.Text
	if e.Language != "" && e.Language != "FullLanguage" {
		s += "; PowerShell runs in " + e.Language + " here: let the account run in full language mode (AppLocker or WDAC policy)"
	}
	return s
}
