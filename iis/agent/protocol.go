package agent

import (
	"encoding/json"
	"fmt"
	"time"
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
	DiskFull           Code = "disk_full"
	HashMismatch       Code = "hash_mismatch"
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
}

func (e *StartError) Error() string {
	s := "the agent did not start: " + e.Text
	if e.Language != "" && e.Language != "FullLanguage" {
		s += "; PowerShell runs in " + e.Language + " here: let the account run in full language mode (AppLocker or WDAC policy)"
	}
	return s
}

// AppArgs name the app, and for some operations its root folder.
type AppArgs struct {
	App  string `json:"app"`
	Root string `json:"root,omitempty"`
}

// HelloResult is what the server is.
type HelloResult struct {
	Agent         string            `json:"agent"`
	Machine       string            `json:"machine"`
	OS            string            `json:"os"`
	IIS           string            `json:"iis"`
	PowerShell    string            `json:"powershell"`
	LanguageMode  string            `json:"language_mode"`
	Elevated      bool              `json:"elevated"`
	Account       string            `json:"account"`
	Clock         time.Time         `json:"clock"`
	DiskFree      int64             `json:"disk_free"` // bytes, on the root folder's disk
	Services      map[string]string `json:"services"`
	PendingReboot bool              `json:"pending_reboot"`
}

// SurveyResult is what is on the server.
type SurveyResult struct {
	Clock    time.Time `json:"clock"`
	DiskFree int64     `json:"disk_free"`
	Slots    []Slot    `json:"slots"`
	Lease    *Lease    `json:"lease"`
	Runs     []string  `json:"runs"`
}

// Slot is one site with its pool and folder.
type Slot struct {
	Name     string   `json:"name"`
	ID       int64    `json:"id"`
	Site     string   `json:"site"`
	Pool     string   `json:"pool"`
	SiteBoot bool     `json:"site_boot"`
	PoolBoot bool     `json:"pool_boot"`
	Path     string   `json:"path"`
	Bindings []string `json:"bindings"`
	Workers  []Worker `json:"workers"`
	Requests int      `json:"requests"`
	Digest   string   `json:"digest"`
	Version  string   `json:"version"`
	Created  string   `json:"created"`
}

// Worker is one worker process.
type Worker struct {
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
}

// Lease is who may change the app on this server.
type Lease struct {
	Run        string    `json:"run"`
	Owner      string    `json:"owner"`
	Reason     string    `json:"reason"`
	Generation int64     `json:"generation"`
	Taken      time.Time `json:"taken"`
	Until      time.Time `json:"until"`
}

// HaveArgs asks which contents the server can supply by itself.
type HaveArgs struct {
	App    string   `json:"app"`
	Root   string   `json:"root"`
	Hashes []string `json:"hashes"`
}

// HaveResult is the part of HaveArgs.Hashes that is there.
type HaveResult struct {
	Have []string `json:"have"`
}

// PutArgs describe the blob: for each entry Length bytes, one after the other, inflated.
type PutArgs struct {
	App   string    `json:"app"`
	Root  string    `json:"root"`
	Files []PutFile `json:"files"`
}

// PutFile is one range of one content.
type PutFile struct {
	SHA256 string `json:"sha256"`
	Size   int64  `json:"size"`   // of the whole content
	Offset int64  `json:"offset"` // of the first byte of this range
	Length int64  `json:"length"` // of this range
}

// PutResult is the contents that became whole.
type PutResult struct {
	Stored []string `json:"stored"`
}

// CreateArgs describe a slot.
type CreateArgs struct {
	App         string       `json:"app"`
	Root        string       `json:"root"`
	Slot        string       `json:"slot"`
	Version     string       `json:"version"`
	Digest      string       `json:"digest"`
	Files       []File       `json:"files"`
	Bindings    []string     `json:"bindings"` // such as "*:443:"
	Certificate *Certificate `json:"certificate"`
	Runtime     string       `json:"runtime"` // "v4.0" or "none"
	Host        string       `json:"host"`
}

// File is one file of a release; Path uses "/".
type File struct {
	Path   string `json:"path"`
	Size   int64  `json:"size"`
	SHA256 string `json:"sha256"`
}

// Certificate selects one in the machine's store, by subject or by thumbprint.
type Certificate struct {
	Subject    string `json:"subject"`
	Thumbprint string `json:"thumbprint"`
}

// Change is what an operation altered.
type Change struct {
	Changed  bool            `json:"changed"`
	Before   json.RawMessage `json:"before"`
	After    json.RawMessage `json:"after"`
	Warnings []string        `json:"warnings"`
}

// StartArgs start a slot. StableMS is how long it must stay started; 0: the agent's 2 s.
type StartArgs struct {
	App      string `json:"app"`
	Slot     string `json:"slot"`
	StableMS int64  `json:"stable_ms,omitempty"`
}

// StopArgs stop a slot. WaitMS is how long its workers may take to go.
type StopArgs struct {
	App    string `json:"app"`
	Slot   string `json:"slot"`
	WaitMS int64  `json:"wait_ms"`
}

// OwnArgs say which slots start at boot.
type OwnArgs struct {
	App  string          `json:"app"`
	Boot map[string]bool `json:"boot"`
}

// ProbeArgs are one series of warm-up requests.
type ProbeArgs struct {
	App       string `json:"app"`
	Slot      string `json:"slot"`
	Path      string `json:"path"`
	Host      string `json:"host"`
	FirstMS   int64  `json:"first_ms"`
	EachMS    int64  `json:"each_ms"`
	Requests  int    `json:"requests"`
	Header    string `json:"header"`
	UserAgent string `json:"user_agent"`
}

// ProbeResult is the answers in order.
type ProbeResult struct {
	Answers []Probed `json:"answers"`
}

// Probed is one answer; MS is how long it took, in milliseconds.
type Probed struct {
	Status  int     `json:"status"`
	MS      float64 `json:"ms"`
	Bytes   int64   `json:"bytes"`
	Version string  `json:"version"`
	Worker  int     `json:"worker"`
	Error   string  `json:"error"`
}

// SlotArgs name one slot.
type SlotArgs struct {
	App  string `json:"app"`
	Slot string `json:"slot"`
}

// RequestsResult is the requests in flight.
type RequestsResult struct {
	Current int `json:"current"`
}

// NoteArgs append lines to a run's shard.
type NoteArgs struct {
	App   string   `json:"app"`
	Run   string   `json:"run"`
	Lines []string `json:"lines"`
}

// NotesArgs ask for one run's shard; an empty Run for all.
type NotesArgs struct {
	App string `json:"app"`
	Run string `json:"run"`
}

// NotesResult is the shards, newest first.
type NotesResult struct {
	Runs []Shard `json:"runs"`
}

// Shard is the lines of one run on one server.
type Shard struct {
	Run   string   `json:"run"`
	Lines []string `json:"lines"`
}

// LeaseArgs acquire, renew, release or read the lease.
type LeaseArgs struct {
	App     string `json:"app"`
	Action  string `json:"action"`
	Run     string `json:"run"`
	Owner   string `json:"owner"`
	Reason  string `json:"reason"`
	Seconds int64  `json:"seconds"`
}

// LeaseResult is the lease after the action; nil: none.
type LeaseResult struct {
	Lease *Lease `json:"lease"`
}

// PruneArgs name the slots to keep.
type PruneArgs struct {
	App  string   `json:"app"`
	Root string   `json:"root"`
	Keep []string `json:"keep"`
}

// PruneResult is what went, and what could not.
type PruneResult struct {
	Removed  []string `json:"removed"`
	Warnings []string `json:"warnings"`
}
