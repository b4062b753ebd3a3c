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
	DiskFree      int64             `json:"disk_free"` // bytes, on the root folder's disk; 0: no such disk, -1: cannot be told
	Services      map[string]string `json:"services"`
	PendingReboot bool              `json:"pending_reboot"`

	StartTypes   map[string]string `json:"start_types"`   // of the services: automatic, manual or disabled
	Bits         int               `json:"bits"`          // of the agent's process: 32 or 64
	OSBits       int               `json:"os_bits"`       // of the system
	SharedConfig *bool             `json:"shared_config"` // what is configured here appears on other servers, too; nil: cannot be told
	Framework    int               `json:"framework"`     // release number of .NET Framework 4; 0: none
	Modules      map[string]bool   `json:"modules"`       // app_init, request_monitor, rewrite, websockets, ancm
	Runtimes     []string          `json:"runtimes"`      // versions of the shared runtime of ASP.NET Core
}

// SectionsResult is what the configuration of IIS lets a web.config say.
type SectionsResult struct {
	Sections []Section `json:"sections"` // below system.webServer
}

// Section is one that is declared, such as system.webServer/handlers. A locked one may not be in a web.config.
type Section struct {
	Name   string `json:"name"`
	Locked bool   `json:"locked"`
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

// CertificateArgs ask for the certificate that slots with these bindings would get.
type CertificateArgs struct {
	App        string   `json:"app"`
	Subject    string   `json:"subject"`
	Thumbprint string   `json:"thumbprint"`
	Bindings   []string `json:"bindings"`
}

// CertificateResult is that certificate.
type CertificateResult struct {
	Thumbprint string    `json:"thumbprint"`
	Subject    string    `json:"subject"`
	NotAfter   time.Time `json:"not_after"`
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
	Host      string `json:"host"` // empty: address and port, as in a health check of the balancer
	FirstMS   int64  `json:"first_ms"`
	EachMS    int64  `json:"each_ms"`
	Requests  int    `json:"requests"`
	Header    string `json:"header"`
	UserAgent string `json:"user_agent"`
	Port      int    `json:"port,omitempty"` // of the binding that is asked; 0: the first
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
	Server  string  `json:"server"` // value of the header
	Page    string  `json:"page"`   // the first 2,048 bytes of an answer with status 400 and up
}

// SlotArgs name one slot.
type SlotArgs struct {
	App  string `json:"app"`
	Slot string `json:"slot"`
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
	// TakeOver takes the lease from another owner of the same run, whose process must be dead.
	TakeOver bool `json:"take_over,omitempty"`
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
