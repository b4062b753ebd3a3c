package agent

import "time"

// SurveyArgs ask what is on the server; with Bindings, also for what only now and then matters of their ports.
type SurveyArgs struct {
	App      string   `json:"app"`
	Root     string   `json:"root"`
	Bindings []string `json:"bindings,omitempty"`
}

// SurveyResult is what is on the server.
type SurveyResult struct {
	Clock    time.Time `json:"clock"`
	DiskFree int64     `json:"disk_free"`
	Slots    []Slot    `json:"slots"`
	Lease    *Lease    `json:"lease"`
	Runs     []string  `json:"runs"`

	Listeners    []Listener        `json:"listeners"` // on the ports of SurveyArgs.Bindings
	Certificates []PortCertificate `json:"certificates"`
	Legacy       []string          `json:"legacy"` // places in the configuration with values that take certificates off ports, such as LM/W3SVC/7
}

// Listener is one program that listens on a port. http.sys is process 4.
type Listener struct {
	Address string `json:"address"`
	Port    int    `json:"port"`
	PID     int    `json:"pid"`
	Image   string `json:"image"`
	Service string `json:"service"` // empty: none
}

// PortCertificate is the thumbprints of what hangs on a port, and of what did when the boot flags were set last; empty: nothing, or
// never set.
type PortCertificate struct {
	Port       string `json:"port"` // such as "*:443:"
	Thumbprint string `json:"thumbprint"`
	Before     string `json:"before"`
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
	Digest   string   `json:"digest"`
	Version  string   `json:"version"`
	Created  string   `json:"created"`

	Certificate string `json:"certificate"` // thumbprint of what hangs on the first binding's port; empty: nothing
}

// Worker is one worker process.
type Worker struct {
	PID     int       `json:"pid"`
	Started time.Time `json:"started"`
}

// PerfResult is how much the slots that have a worker have to do.
type PerfResult struct {
	Slots []SlotLoad `json:"slots"`
}

// SlotLoad is one slot's. A number is -1 where the server cannot tell.
type SlotLoad struct {
	Slot        string `json:"slot"`
	Requests    int    `json:"requests"`    // that workers are busy with
	Queue       int    `json:"queue"`       // that wait for a worker
	Connections int    `json:"connections"` // open, idle ones too
}

// HistoryResult is who has been at work on the server.
type HistoryResult struct {
	Written  string        `json:"written"`  // when applicationHost.config was written last; empty: nobody can tell
	Versions []Written     `json:"versions"` // of it that IIS keeps, the newest five
	Programs []Running     `json:"programs"` // that are known to write it, and run now
	Runs     []WrittenByUs `json:"runs"`     // of the app that left notes, the newest five
}

// Written is one kept version of the configuration.
type Written struct {
	Name    string    `json:"name"`
	Written time.Time `json:"written"`
}

// Running is a process.
type Running struct {
	Name string `json:"name"`
	PID  int    `json:"pid"`
}

// WrittenByUs is a run, and when it wrote its last note.
type WrittenByUs struct {
	Run     string    `json:"run"`
	Written time.Time `json:"written"`
}

// EventsArgs ask what the server itself has noted about a slot in the last LastMS milliseconds. After WithinMS the agent answers with what it
// has by then; 0: it reads to the end.
type EventsArgs struct {
	App      string `json:"app"`
	Slot     string `json:"slot"`
	LastMS   int64  `json:"last_ms"`
	WithinMS int64  `json:"within_ms,omitempty"`
}

// EventsResult is the newest records, oldest first.
type EventsResult struct {
	Clock   time.Time `json:"clock"`
	Entries []Record  `json:"entries"`
	LeftOff int       `json:"left_off"` // older records that were too many
	Unread  []string  `json:"unread"`   // logs that could not be read, with the reason
}

// Record is one entry of an event log, or so many refusals of http.sys of one kind.
type Record struct {
	Time   time.Time `json:"time"`
	Log    string    `json:"log"`    // System, Application or HTTPERR
	Source string    `json:"source"` // of HTTPERR: the reason, such as AppOffline
	ID     int       `json:"id"`     // of HTTPERR: the status
	Named  bool      `json:"named"`  // the record names the slot
	Count  int       `json:"count"`
	Text   string    `json:"text"`
}

// RequestsResult is the requests in flight; -1: the server cannot tell.
type RequestsResult struct {
	Current int `json:"current"`
}
