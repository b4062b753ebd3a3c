package iis

import (
	"fmt"
	"strings"
)

// Question is one thing about Windows that only a Windows server can tell.
type Question struct {
	ID    string
	Asked string
	// Expected is what the program counts on. Where all of it was seen, the answer is [AsExpected].
	Expected []Expectation
	// Settles is the assumption that the answer settles, as docs/assumptions.md says it.
	Settles string
	// Slow questions take longer than a minute.
	Slow bool
}

// Expectation is what one observed value should be: Is, or a number of at most AtMost where Is is nil.
type Expectation struct {
	Key    string
	Is     any // string, bool or float64
	AtMost float64
}

func (e Expectation) String() string {
	if e.Is == nil {
		return fmt.Sprintf("%s at most %g", e.Key, e.AtMost)
	}
	return fmt.Sprintf("%s %v", e.Key, e.Is)
}

// Expectation is all of them in one line.
func (q Question) Expectation() string {
	var all []string
	for _, e := range q.Expected {
		all = append(all, e.String())
	}
	return strings.Join(all, ", ")
}

// Answer is what came out of a question, in a word.
type Answer string

// The answers.
const (
	AsExpected   Answer = "as expected"
	Other        Answer = "other"
	CouldNotTell Answer = "could not tell"
)

// Judge compares what was seen with what was expected. Something that was not seen tells nothing, whatever else was.
func (q Question) Judge(observed map[string]any) (Answer, string) {
	var missing, differ []string
	for _, e := range q.Expected {
		got, seen := observed[e.Key]
		switch {
		case !seen:
			missing = append(missing, e.Key)
		case !e.met(got):
			differ = append(differ, fmt.Sprintf("%s is %v, expected %s", e.Key, got, e))
		}
	}
	switch {
	case len(differ) > 0:
		return Other, strings.Join(differ, "; ")
	case len(missing) > 0:
		return CouldNotTell, "not seen: " + strings.Join(missing, ", ")
	}
	return AsExpected, ""
}

func (e Expectation) met(got any) bool {
	number, is := got.(float64)
	if e.Is != nil {
		return got == e.Is
	}
	return is && number <= e.AtMost
}

// so is an observation that has to be made.
func so(keys ...string) []Expectation {
	var all []Expectation
	for _, k := range keys {
		all = append(all, Expectation{Key: k, Is: true})
	}
	return all
}

// Questions is everything that is open, in the order in which it is asked: what the agent tries on the throw-away site, then what is
// asked of the channel itself, the slow ones last.
func Questions() []Question {
	return append(siteQuestions(), channelQuestions()...)
}

// siteQuestions are the agent's experiments of the same names.
func siteQuestions() []Question {
	return []Question{
		{ID: "file-changed", Asked: "what a commit throws when somebody else has committed since its manager read the configuration",
			Expected: append(so("conflict", "file_load_exception"), Expectation{Key: "hresult", Is: "0x800703EE"}),
			Settles:  `"file has changed on disk" arrives as a FileLoadException with HRESULT 0x800703EE`},
		{ID: "certificate-kept", Asked: "whether a port keeps its certificate when a site on it is removed as plain configuration, or by appcmd",
			Expected: so("before", "after_element", "after_appcmd"),
			Settles:  "removing a site's element without its typed binding leaves the certificate at 0.0.0.0:443 alone"},
		{ID: "certificate-dropped", Asked: "whether a port loses its certificate when a site on it is removed as an object of the API",
			Expected: []Expectation{{Key: "after_object", Is: false}},
			Settles:  "removing a site as an object (Sites.Remove) takes the certificate away from the other sites on its port"},
		{ID: "binding-same-hash", Asked: "whether http.sys rewrites a port's entry when a binding is added to the port, as a plain element",
			Expected: append(so("still_there"), Expectation{Key: "rewritten", Is: false}),
			Settles:  "adding a binding as a plain element leaves the certificate of its port in http.sys alone"},
		{ID: "binding-flags", Asked: "which sslFlags a new https binding has",
			Expected: []Expectation{{Key: "ssl_flags", Is: 0.0}},
			Settles:  "a new https binding has sslFlags 0: no SNI, no central store, every protocol on"},
		{ID: "pool-start", Asked: "whether a pool that does not start at boot gets a worker when it is started, before any request",
			Expected: so("worker"),
			Settles:  "ApplicationPool.Start() works on a pool with autoStart=false, and WAS starts its worker at once (AlwaysRunning)"},
		{ID: "pool-on-demand", Asked: "whether such a pool gets a worker on demand at first, after a recycle and after a crash",
			Expected: so("after_request", "after_recycle", "after_crash"),
			Settles:  "a pool with autoStart=false that runs gets a new worker on demand, also after a recycle or a crash"},
		{ID: "flags-no-recycle", Asked: "whether setting serverAutoStart and autoStart recycles the worker",
			Expected: so("same_worker_after_on", "same_worker_after_off"),
			Settles:  "setting serverAutoStart and autoStart recycles nothing"},
		{ID: "preload-site-stopped", Asked: "whether a pool that starts while its site is stopped preloads the application",
			Expected: []Expectation{{Key: "ran_while_site_stopped", Is: false}},
			Settles:  "an application does not run before its site is started, even if its pool is and preloadEnabled is set"},
		{ID: "log-flush", Asked: "whether netsh http flush logbuffer exists and brings lines into the access log",
			Expected: append(so("after_flush"), Expectation{Key: "exit", Is: 0.0}),
			Settles:  "netsh http flush logbuffer writes out the lines of all sites"},
		{ID: "log-site-name", Asked: "what s-sitename holds when logSiteId is false",
			Expected: []Expectation{{Key: "field", Is: "the site's name"}},
			Settles:  "s-sitename prints the site's name when logSiteId is false"},
		{ID: "startup-times", Asked: "how long powershell.exe with IIS' library, a manager and appcmd take for one look at the sites",
			Expected: []Expectation{{Key: "powershell_exit", Is: 0.0}, {Key: "powershell_ms", AtMost: 10000}, {Key: "manager_ms", AtMost: 2000}, {Key: "appcmd_exit", Is: 0.0}, {Key: "appcmd_ms", AtMost: 2000}},
			Settles:  "PowerShell with IIS' library starts within seconds, and a look at the sites takes less than two"},
		{ID: "token", Asked: "what the token of a WinRM session may do: write into the temporary folder, make a global mutex",
			Expected: so("compiled", "temp_writable", "global_mutex"),
			Settles:  "the token of a WinRM session may write into the temporary folder and make a global mutex"},
		{ID: "components", Asked: "whether everything that the agent uses of Windows is there",
			Expected: append(so("appcmd", "netsh", "icacls", "powershell"), Expectation{Key: "library", Is: "7.0"}),
			Settles:  "appcmd, netsh, icacls, Windows PowerShell and version 7.0 of IIS' library are in the box, on Server 2025 too"},
		{ID: "bits", Asked: "whether BITS takes a job from a WinRM session",
			Expected: []Expectation{{Key: "created", Is: false}, {Key: "hresult", Is: "0x800704DD"}},
			Settles:  "BITS takes no jobs from a WinRM session (0x800704DD): files come by WinRM or by the agent's own HTTP"},
	}
}

// channelQuestions are asked by this program, over WinRM.
func channelQuestions() []Question {
	return []Question{
		{ID: "agent-start", Asked: "whether and how fast the agent starts: virus scanners may look at the loader",
			Expected: append(so("answered"), Expectation{Key: "answered_ms", AtMost: 30000}),
			Settles:  "virus scanners let a loader compile C# with Add-Type"},
		{ID: "send-large", Asked: "whether 3 MB in Sends of 380 KB arrive unchanged in pipe mode",
			Expected: append(so("unchanged"), Expectation{Key: "sends", AtMost: mostSends}),
			Settles:  "pipe mode (WINRS_CONSOLEMODE_STDIN=FALSE) hands bytes to a program unchanged"},
		{ID: "envelope-too-large", Asked: "what is answered to an envelope above MaxEnvelopeSizekb",
			Expected: so("recognised"),
			Settles:  "envelopes of 380,000 bytes are taken where MaxEnvelopeSizekb is 500"},
		{ID: "requests-per-operation", Asked: "how many HTTP requests one operation costs, logins included",
			Expected: []Expectation{{Key: "per_operation", AtMost: mostRequests}},
			Settles:  "a connection that was logged on stays so: an operation costs two requests"},
		{ID: "receive-latency", Asked: "how long a small answer takes to arrive after the server has taken the question",
			Expected: []Expectation{{Key: "wait_median_ms", AtMost: 250}},
			Settles:  "a pending Receive is answered as soon as the program writes, not in steps"},
		{ID: "stderr-form", Asked: "how PowerShell's errors arrive on standard error",
			Expected: so("clixml", "readable"),
			Settles:  "PowerShell with -EncodedCommand writes its errors as CLIXML, which the program reads"},
		{ID: "idle-timer", Asked: "whether a shell outlives its idle time while a Receive is pending, and ends without one", Slow: true,
			Expected: so("polled_lives", "silent_gone"),
			Settles:  "a pending Receive counts as activity, so a shell with IdleTimeOut PT15M lives through a bake"},
	}
}
