package main

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"path/filepath"
	"strings"
	"time"

	"iiscanary/canary"
	"iiscanary/cmd/iis-canary/rehearsal"
	"iiscanary/iis"
)

// trouble is what one check is for.
type trouble struct {
	id     checkID
	half   string       // what in particular, where the check is for several things
	make   func(*scene) // what it does is taken back when the scene ends
	words  []string     // of the row
	remedy string       // where it is not that of the table
	code   int          // 0: 7
	warns  bool         // it is told, and stops nothing
	play   func(*scene) // what is demanded of it, where that is not that plan and deploy refuse it
	after  func(*scene)
}

func troubles() []trouble {
	var all []trouble
	for _, some := range [][]trouble{localTroubles(), awsTroubles(), groupTroubles(), wayInTroubles(), releaseTroubles(), serverTroubles(), logTroubles(), runTroubles()} {
		all = append(all, some...)
	}
	return all
}

func localTroubles() []trouble {
	return []trouble{
		{id: checkReferences, make: func(s *scene) { s.edit("file:es_api_key", "file:gone") },
			words: []string{"sources.elastic.api_key: read the secret file:gone: "}},
		{id: checkState, make: func(s *scene) {
			s.file("taken", "a file, where the folder of the journals should be")
			s.edit("state: state", "state: taken")
		}, words: []string{"taken: ", "not a directory"}},
		{id: checkReadable, make: func(s *scene) { s.pack = s.file("broken.zip", "no zip at all") },
			words: []string{"broken.zip: it is neither a folder, nor a zip"}},
		{id: checkSafe, make: func(s *scene) {
			var b bytes.Buffer
			z := zip.NewWriter(&b)
			for _, name := range []string{"web.config", "../outside.dll", "CON"} {
				w, err := z.Create(name)
				if err == nil {
					_, err = io.WriteString(w, "x")
				}
				if err != nil {
					s.t.Fatal(err)
				}
			}
			if err := z.Close(); err != nil {
				s.t.Fatal(err)
			}
			s.pack = s.file("app.domain.com.9.zip", b.String())
		}, words: []string{`"../outside.dll" leads out of its folder`, `"CON" has a name that Windows takes for a device`}},
		{id: checkSigned, make: func(s *scene) {
			s.edit("on_failure: revert", "on_failure: revert\npackage: { signature: { minisign: [RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3] } }")
		}, words: []string{"no signature is beside the package: open the package: stat ", ".minisig: no such file"}},
		{id: checkFits, make: func(s *scene) {
			s.edit("on_failure: revert", "on_failure: revert\nsettings: { tokens: { files: [bin/App.Web.dl], values: { A: b } } }")
		}, words: []string{`settings.tokens.files[0]: found no file "bin/App.Web.dl" in the package`, "nearest: bin/App.Web.dll",
			"settings.tokens.values.A: found no #{A} in the files that are named"}},
	}
}

// holdLease makes another run hold both servers, until the function that comes back is called.
func holdLease(s *scene) (release func()) {
	s.t.Helper()
	quiet := streams{getenv: func(string) string { return "" }, err: io.Discard}
	ses, err := connect(context.WithoutCancel(s.t.Context()), quiet, s.fleet.Config(), func(string) {})
	if err != nil {
		s.t.Fatal(err)
	}
	if err := ses.hosts.Acquire(context.WithoutCancel(s.t.Context()), ses.hosts.Servers(), iis.Claim{Run: exampleRunID, Owner: "alice", Reason: "deploy 3999", Life: time.Minute}); err != nil {
		s.t.Fatal(err)
	}
	return func() {
		if err := ses.hosts.Release(context.WithoutCancel(s.t.Context())); err != nil {
			s.t.Error(err)
		}
		ses.close()
	}
}

// runTroubles are those that other runs leave behind; the last one stays behind, finished.
func runTroubles() []trouble {
	return []trouble{
		{id: checkLock, code: 6, make: func(s *scene) {
			release := holdLease(s)
			s.t.Cleanup(func() { release() })
		}, words: []string{"web-01, web-02 run " + exampleRunID + " of alice holds it (deploy 3999)"}},
		{id: checkUnfinished, make: func(s *scene) {
			drain := canary.Step{ID: "wave1/web-03/drain", Server: "web-03", Action: canary.Drain{Server: "web-03"}}
			plan := canary.Plan{Run: exampleRunID, App: rehearsal.App, New: canary.Release{Slot: rehearsal.App + "-3999"},
				Servers: []canary.Server{{Name: "web-01"}, {Name: "web-02"}, {Name: "web-03"}}, Waves: []canary.Wave{{Name: "wave1", Lanes: []canary.Lane{{drain}}}}}
			s.note(canary.Event{Seq: 1, At: time.Now(), Type: canary.Planned, Run: exampleRunID, Plan: &plan})
			s.note(canary.Event{Seq: 2, At: time.Now(), Type: canary.Began, Run: exampleRunID, Step: drain.ID, Server: "web-03", Before: canary.State{"in": "true"}})
			s.t.Cleanup(func() { s.note(canary.Event{Seq: 3, At: time.Now(), Type: canary.Finished, Run: exampleRunID}) })
		}, words: []string{"run " + exampleRunID + " to " + rehearsal.App + "-3999 did not come to its end, and web-03, which it took out of rotation, is in no target group"},
			after: func(s *scene) {
				y := s.enter("plan").must(s.t, 7)
				s.enter("plan", "--abandon", exampleRunID).must(s.t, 0)
				s.enter("plan", "--abandon", "20261121-101500-ffff").must(s.t, 7)
				for _, verb := range []string{"resume", "revert"} {
					if !strings.Contains(y.err, "iis-canary "+verb+" --config "+filepath.ToSlash(s.config)+" --run "+exampleRunID) {
						s.t.Errorf("nobody says how to %s:\n%s", verb, y.err)
					}
				}
			}},
	}
}

// note writes a line of a run on the first server, under its lease.
func (s *scene) note(e canary.Event) {
	s.t.Helper()
	line, err := json.Marshal(e)
	if err != nil {
		s.t.Fatal(err)
	}
	quiet := streams{getenv: func(string) string { return "" }, err: io.Discard}
	ses, err := connect(context.WithoutCancel(s.t.Context()), quiet, s.fleet.Config(), func(string) {})
	if err != nil {
		s.t.Fatal(err)
	}
	defer ses.close()
	ctx := context.WithoutCancel(s.t.Context())
	if err := ses.hosts.Acquire(ctx, []string{"web-01"}, iis.Claim{Run: e.Run, Owner: "alice", Reason: "deploy 3999", Life: time.Minute}); err != nil {
		s.t.Fatal(err)
	}
	if err := ses.hosts.Note(ctx, "web-01", e.Run, []string{string(line)}); err != nil {
		s.t.Error(err)
	}
	if err := ses.hosts.Release(ctx); err != nil {
		s.t.Error(err)
	}
}
