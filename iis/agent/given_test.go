package agent_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"iiscanary/iis/agent"
	"iiscanary/iis/iistest"
)

// trapped is a call that fails.
type trapped struct {
	Call, Slot, Code string
	Times, MS        int
}

// noted is an entry of an event log, so many times.
type noted struct {
	iistest.Entry
	Times int
}

// errorLog is how http.sys' log begins: its columns, and so many bytes of old lines.
type errorLog struct {
	Fields string
	Bytes  int
}

// given is a state that a vector puts the server into.
type given struct {
	Slots []struct {
		Name, Version string
		Files         map[string]string
		Serves        bool
	} `json:"slots"`
	Traps           []trapped                 `json:"traps"`
	ClearTraps      bool                      `json:"clear_traps"`
	Rivals          int                       `json:"rivals"` // so many commits of others come in between
	Drift           []string                  `json:"drift"`
	Enforce         map[string]string         `json:"enforce"`
	LoseCertificate bool                      `json:"lose_certificate"`
	Unbind          bool                      `json:"unbind"`
	Outlive         map[string]int            `json:"outlive"` // milliseconds, by slot
	Spawn           map[string]map[string]int `json:"spawn"`   // milliseconds after the worker, by image, by slot
	Reuse           []string                  `json:"reuse"`
	Queue           map[string]int            `json:"queue"`   // requests, by slot
	Run             []string                  `json:"run"`     // images of programs
	Legacy          []int64                   `json:"legacy"`  // site ids
	Offline         []string                  `json:"offline"` // slots whose pool stops
	Occupied        *bool                     `json:"occupied"`
	ListensV6       *bool                     `json:"listens_v6"` // another program on the site's port, by IPv6 alone
	Bind            map[string]string         `json:"bind"`       // one more binding, by slot
	RefuseStart     []string                  `json:"refuse_start"`
	RemoveByHand    []string                  `json:"remove_by_hand"`
	BootOff         []string                  `json:"boot_off"`
	Events          map[string][]noted        `json:"events"`       // by slot
	ErrorLog        *errorLog                 `json:"error_log"`    // http.sys' own, before anything is refused
	SlowLogs        int                       `json:"slow_logs"`    // milliseconds
	ForeignSite     map[string]string         `json:"foreign_site"` // path by name
	ByHand          []string                  `json:"by_hand"`      // paths of files
	ReadOnly        []string                  `json:"read_only"`    // paths of files
	Links           map[string]string         `json:"links"`        // junctions
	Depot           map[string]shelf          `json:"depot"`        // by path
	TearNote        string                    `json:"tear_note"`    // of a run
	LeaseFile       *string                   `json:"lease_file"`   // what a hand or a power failure leaves of it
	Reboot          bool                      `json:"reboot"`
	Certificates    []stored                  `json:"certificates"` // in the machine's store
	NamedSite       map[string]string         `json:"named_site"`   // host by name
	Proxy           *struct {
		Servers string `json:"servers"`
		Bypass  string `json:"bypass"`
	} `json:"proxy"` // as netsh winhttp set proxy takes them
	Trouble *struct {
		NotElevated     bool   `json:"not_elevated"`
		Halted          bool   `json:"halted"`
		Resetting       bool   `json:"resetting"`
		Garbled         bool   `json:"garbled"`
		NoCertificate   bool   `json:"no_certificate"`
		PortCertificate string `json:"port_certificate"`
		OtherPorts      string `json:"other_ports"`
		Store           string `json:"store"`

		PendingReboot bool     `json:"pending_reboot"`
		StartType     string   `json:"start_type"`
		SharedConfig  bool     `json:"shared_config"`
		Process32     bool     `json:"process_32"`
		Framework     int      `json:"framework"`
		Locked        []string `json:"locked"`
	} `json:"trouble"`
	Modules  []string `json:"modules"`  // that are installed
	Runtimes []string `json:"runtimes"` // of ASP.NET Core, too
}

// come puts the server into the state.
func (b *bench) come(g given) error {
	s := b.server
	all := []error{b.deposit(g.Depot)}
	for _, x := range g.Slots {
		all = append(all, s.Install(x.Name, x.Version, b.fill(x.Files).(map[string]string)))
		if x.Serves {
			all = append(all, s.Serve(x.Name))
		}
	}
	if g.ClearTraps {
		s.ClearTraps()
	}
	for _, x := range g.Traps {
		t := iistest.Trap{Call: x.Call, Slot: x.Slot, Times: x.Times}
		_, err := fmt.Sscanf(x.Code, "0x%X", &t.Code)
		if x.MS > 0 {
			t.Until = time.Now().Add(time.Duration(x.MS) * time.Millisecond)
		}
		all = append(all, err)
		s.SetTrap(t)
	}
	if g.Rivals > 0 {
		s.ConflictCommits(g.Rivals)
	}
	for _, slot := range g.Drift {
		s.Drift(slot)
	}
	for name, value := range g.Enforce {
		s.Enforce(name, value)
	}
	for name, path := range g.ForeignSite {
		s.AddSite(name, path)
	}
	for _, path := range g.ByHand {
		all = append(all, s.PutFile(path, "made by hand"))
	}
	for _, path := range g.ReadOnly {
		all = append(all, s.MakeReadOnly(path))
	}
	for path, to := range g.Links {
		all = append(all, s.Link(path, to))
	}
	all = append(all, b.issue(g))
	if g.LoseCertificate {
		s.LoseCertificate()
	}
	if g.Proxy != nil {
		s.SetProxy(b.fill(g.Proxy.Servers).(string), g.Proxy.Bypass)
	}
	if g.Unbind {
		s.Unbind()
	}
	if t := g.Trouble; t != nil {
		s.SetTrouble(iistest.Trouble{NotElevated: t.NotElevated, Halted: t.Halted, Resetting: t.Resetting, Garbled: t.Garbled, NoCertificate: t.NoCertificate, PortCertificate: t.PortCertificate, OtherPorts: t.OtherPorts, Store: t.Store,
			PendingReboot: t.PendingReboot, StartType: t.StartType, SharedConfig: t.SharedConfig, Process32: t.Process32, Framework: t.Framework, Locked: t.Locked})
	}
	all = append(all, s.Equip(g.Modules, g.Runtimes))
	return errors.Join(append(all, b.comeSlots(g), b.occupy(g.Occupied))...)
}

func (b *bench) comeSlots(g given) error {
	for slot, ms := range g.Outlive {
		b.server.Outlive(slot, time.Duration(ms)*time.Millisecond)
	}
	for _, slot := range g.RefuseStart {
		b.server.RefuseStart(slot)
	}
	for slot, started := range g.Spawn {
		for image, ms := range started {
			b.server.Spawn(slot, image, time.Duration(ms)*time.Millisecond)
		}
	}
	for _, slot := range g.Reuse {
		b.server.Reuse(slot)
	}
	for slot, n := range g.Queue {
		b.server.Queue(slot, n)
	}
	for _, image := range g.Run {
		b.server.Run(image)
	}
	for _, id := range g.Legacy {
		b.server.LegacyBinding(id, true)
	}
	b.server.SlowLogs(time.Duration(g.SlowLogs) * time.Millisecond)
	for slot, entries := range g.Events {
		for _, e := range entries {
			b.server.Write(slot, slices.Repeat([]iistest.Entry{e.Entry}, max(1, e.Times))...)
		}
	}
	return b.comeByHand(g)
}

// comeByHand is what may not be possible, as there is no such slot.
func (b *bench) comeByHand(g given) error {
	var all []error
	if g.ErrorLog != nil {
		all = append(all, b.server.FillErrorLog(g.ErrorLog.Fields, g.ErrorLog.Bytes))
	}
	for _, slot := range g.Offline {
		all = append(all, b.server.Offline(slot))
	}
	if g.ListensV6 != nil {
		b.server.ListenV6(*g.ListensV6)
	}
	for slot, information := range g.Bind {
		all = append(all, b.server.AddBinding(slot, information))
	}
	for _, slot := range g.BootOff {
		all = append(all, b.server.SetBoot(slot, false))
	}
	for _, slot := range g.RemoveByHand {
		all = append(all, b.server.RemoveByHand(slot))
	}
	if g.LeaseFile != nil {
		all = append(all, b.server.SpoilLease(*g.LeaseFile))
	}
	if g.TearNote != "" {
		all = append(all, b.server.TearNote(g.TearNote))
	}
	return errors.Join(all...)
}

// arguments are a step's, with the app, the root and what is left to the harness: "contents" of put and create.
func (b *bench) arguments(s step) (args map[string]any, blob []byte, err error) {
	args = map[string]any{"app": "app", "root": `D:\sites`}
	for name, v := range s.Args {
		args[name] = b.fill(v)
	}
	contents, given := args["contents"]
	delete(args, "contents")
	if !given {
		if text, is := args["blob"].(string); is {
			delete(args, "blob")
			blob, err = deflated(text)
		}
		return args, blob, err
	}
	if list, is := contents.([]any); is {
		args["files"], blob, err = parts(list)
		return args, blob, err
	}
	defaults := map[string]any{"version": "v", "digest": sum(fmt.Sprint(args["slot"])), "bindings": []any{b.server.Binding()}, "runtime": "v4.0", "host": "app"}
	for name, v := range defaults {
		if _, set := args[name]; !set {
			args[name] = v
		}
	}
	var files []agent.File
	for path, c := range contents.(map[string]any) {
		files = append(files, agent.File{Path: path, Size: int64(len(c.(string))), SHA256: sum(c.(string))})
	}
	args["files"] = files
	return args, nil, nil
}

// parts are contents whole, one after the other in one blob.
func parts(contents []any) ([]agent.PutFile, []byte, error) {
	var files []agent.PutFile
	var all strings.Builder
	for _, c := range contents {
		text := c.(string)
		files = append(files, agent.PutFile{SHA256: sum(text), Size: int64(len(text)), Length: int64(len(text))})
		all.WriteString(text)
	}
	blob, err := deflated(all.String())
	return files, blob, err
}

// fill puts this server's own values into texts: $binding, $port, $portnumber for a number, and $sum(text) for a SHA-256; $depot and the like for addresses to fetch from, $proxy,
// $archive(path) and $size(path) for what is there; $signed(content|subject|thumbprint|HRESULT) for a signed file.
func (b *bench) fill(v any) any {
	switch x := v.(type) {
	case map[string]any:
		out := map[string]any{}
		for k, member := range x {
			out[k] = b.fill(member)
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i, member := range x {
			out[i] = b.fill(member)
		}
		return out
	case map[string]string:
		out := map[string]string{}
		for k, text := range x {
			out[k] = b.fill(text).(string)
		}
		return out
	case string:
		if x == "$portnumber" {
			return b.server.SitePort()
		}
		if value, is := b.depot.value(x); is {
			return value
		}
		if content, subject, thumbprint, hresult, is := signedFile(x); is {
			return iistest.Sign(content, subject, thumbprint, hresult)
		}
		if text, is := strings.CutPrefix(x, "$sum("); is {
			return sum(strings.TrimSuffix(text, ")"))
		}
		return strings.NewReplacer("$binding", b.server.Binding(), "$port", fmt.Sprint(b.server.SitePort())).Replace(b.depot.fill(x))
	}
	return v
}

// UnmarshalJSON refuses members that no trap has: a misspelt one would spring nothing.
func (g *given) UnmarshalJSON(raw []byte) error {
	type bare given
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.DisallowUnknownFields()
	return d.Decode((*bare)(g))
}
