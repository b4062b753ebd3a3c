package rehearsal_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"iiscanary/cmd/iis-canary/rehearsal"
)

// standing puts up a small fleet that stands, and its control.
func standing(t *testing.T) (*rehearsal.Fleet, rehearsal.Endpoints, string) {
	t.Helper()
	dir := t.TempDir()
	f, err := rehearsal.New(t.Context(), rehearsal.Options{Servers: 2, Speed: 40, Traffic: 20, Dir: dir, Standing: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	c, err := f.Listen()
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Stand(c); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(dir, rehearsal.EndpointsFile))
	if err != nil {
		t.Fatal(err)
	}
	var e rehearsal.Endpoints
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	return f, e, dir
}

// ask sends one request to the control and reads the answer into out.
func ask(t *testing.T, method, url, body string, out any) int {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil || json.Unmarshal(text, out) != nil {
		t.Fatalf("%v: the control answered %q", err, text)
	}
	return answer.StatusCode
}

func TestEndpointsNameEveryPeerOfTheFleet(t *testing.T) {
	t.Parallel()
	f, e, dir := standing(t)
	if len(e.Servers) != 2 || e.Servers[0].Name != "web-01" || !strings.HasSuffix(e.Servers[0].WinRM, "/wsman") || e.Servers[0].Password == "" {
		t.Errorf("servers: %+v", e.Servers)
	}
	if e.AWS != f.Balancer.URL() || e.Front != f.Balancer.FrontURL() || e.Elasticsearch != f.Logs.URL() || e.TargetGroupARN == "" || e.LoadBalancerARN == "" {
		t.Errorf("peers: %+v", e)
	}
	for _, name := range []string{e.CA, filepath.Join(dir, rehearsal.GoodPackage), filepath.Join(dir, rehearsal.BadPackage), f.Config()} {
		if _, err := os.Stat(name); err != nil {
			t.Error(err)
		}
	}
}

func TestStateIsTheTruthOfThePeers(t *testing.T) {
	t.Parallel()
	f, e, _ := standing(t)
	if err := f.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
	var s rehearsal.State
	if code := ask(t, http.MethodGet, e.Control+"/state", "", &s); code != http.StatusOK {
		t.Fatalf("status %d", code)
	}
	for _, server := range s.Servers {
		if server.Slot != rehearsal.OldSlot || !server.InRotation || !server.Warm || server.Target != "healthy" || server.Lease != nil {
			t.Errorf("%+v", server)
		}
	}
	if s.Traffic.Requests == 0 || s.Traffic.Failed != 0 || s.Changes != (rehearsal.Changes{}) || s.Calls.WinRM != 0 {
		t.Errorf("an untouched fleet says %+v", s)
	}
	f.Servers[1].Unreachable(true) // the truth needs no WinRM
	if code := ask(t, http.MethodGet, e.Control+"/state", "", &s); code != http.StatusOK || len(s.Servers) != 2 {
		t.Errorf("with a server that cannot be reached: status %d, %+v", code, s)
	}
}

func TestControlSwitchesFaultsOnAndOffAndRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	_, e, _ := standing(t)
	on := func() []string {
		var s rehearsal.State
		ask(t, http.MethodGet, e.Control+"/state", "", &s)
		return s.Faults
	}
	var list struct{ Faults []struct{ Name string } }
	if code := ask(t, http.MethodPost, e.Control+"/faults", `{"name":"winrm-drop"}`, &list); code != http.StatusOK || len(list.Faults) != len(rehearsal.Faults()) {
		t.Errorf("status %d, %+v", code, list)
	}
	if got := on(); len(got) != 1 || got[0] != "winrm-drop" {
		t.Errorf("on are %v", got)
	}
	for _, body := range []string{`{"name":"erors"}`, `{"fault":"errors"}`, `[]`, ``, strings.Repeat(" ", 9000) + `{"name":"errors"}`} {
		var refused struct{ Error string }
		if code := ask(t, http.MethodPost, e.Control+"/faults", body, &refused); code < 400 || refused.Error == "" {
			t.Errorf("%.40q was taken: status %d", body, code)
		}
	}
	if got := on(); len(got) != 1 {
		t.Errorf("a refused order changed the faults: %v", got)
	}
	ask(t, http.MethodDelete, e.Control+"/faults", "", &list)
	if got := on(); len(got) != 0 {
		t.Errorf("after DELETE %v are on", got)
	}
}

func TestManyMayUseTheControlAtOnce(t *testing.T) {
	t.Parallel()
	_, e, _ := standing(t)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 20 {
				var any struct{}
				ask(t, http.MethodGet, e.Control+"/state", "", &any)
				ask(t, http.MethodPost, e.Control+"/faults", `{"name":"throttle"}`, &any)
				ask(t, http.MethodDelete, e.Control+"/faults", "", &any)
			}
		})
	}
	all.Wait()
}
