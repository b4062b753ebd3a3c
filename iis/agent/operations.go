package agent

import (
	"encoding/json"
	"time"
)

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
