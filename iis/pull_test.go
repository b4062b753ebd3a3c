package iis_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"iiscanary/canary"
	"iiscanary/iis"
	"iiscanary/iis/agent"
	"iiscanary/iis/bundle"
	"iiscanary/iis/iistest"
)

// closer is an archive in memory.
type closer struct{ *bytes.Reader }

func (closer) Close() error { return nil }

// yard is a world whose servers can fetch an archive from a web server that they trust.
type yard struct {
	*world
	release *bundle.Release
	origin  iis.Origin
	url     string

	mu     sync.Mutex
	answer func(http.ResponseWriter, *http.Request) bool // true: it has answered
	asked  int
	told   []string
}

const planted = "hunter2-planted"

func newYard(t *testing.T, files map[string]string, s setup) *yard {
	t.Helper()
	y := &yard{}
	archive := packed(t, files)
	web := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		y.mu.Lock()
		y.asked++
		answer := y.answer
		y.mu.Unlock()
		switch {
		case answer != nil && answer(w, r):
		case r.Header.Get("Authorization") != "Bearer "+planted || r.URL.RawQuery != "sig="+planted:
			w.WriteHeader(http.StatusForbidden)
		default:
			_, _ = w.Write(archive)
		}
	}))
	own := selfSigned(t, "127.0.0.1")
	web.TLS = &tls.Config{Certificates: []tls.Certificate{own}}
	web.Config.ErrorLog = log.New(io.Discard, "", 0)
	web.StartTLS()
	t.Cleanup(web.Close)
	more := s.server
	s.server = func(c *iistest.Config) {
		c.Roots = x509.NewCertPool()
		c.Roots.AddCert(own.Leaf)
		if more != nil {
			more(c)
		}
	}
	s.fleet = func(o *iis.Options) { o.Notify = func(text string) { y.told = append(y.told, text) } }
	y.world = newWorld(t, s)
	y.acquire(t)
	var err error
	if y.release, err = bundle.Read(closer{bytes.NewReader(archive)}, int64(len(archive)), "app.domain.com.2.zip", app); err != nil {
		t.Fatal(err)
	}
	y.url = web.URL + "/app.zip?sig=" + planted
	y.origin = iis.Origin{Shown: web.URL + "/app.zip", SHA256: fmt.Sprintf("%x", sha256.Sum256(archive)), Size: int64(len(archive)),
		Locate: func(context.Context, time.Duration) (string, string, error) { return y.url, planted, nil }}
	y.fleet.Use(y.release)
	return y
}

func packed(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := z.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, files[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// bring stages the release as it is now.
func (y *yard) bring(t *testing.T, slot string) error {
	t.Helper()
	y.fleet.PullFrom(&y.origin)
	return y.fleet.Stage(t.Context(), "web-01", canary.Release{Slot: slot, Version: slot, Digest: y.release.Digest, Files: len(y.release.Files), Bytes: y.release.Bytes})
}

func (y *yard) puts() int { return y.servers["web-01"].Truth().Ops["put"] }

func TestAServerFetchesThePackageByItself(t *testing.T) {
	y := newYard(t, site("2"), setup{})
	if err := y.bring(t, new); err != nil {
		t.Fatal(err)
	}
	if got := y.truth(t, new).Digest; got != y.release.Digest || y.puts() != 0 || y.asked != 1 {
		t.Errorf("digest %s, %d puts, %d requests", got, y.puts(), y.asked)
	}
	if err := y.bring(t, "app.domain.com-3"); err != nil {
		t.Fatal(err)
	}
	if y.asked != 1 {
		t.Error("it fetched what it had")
	}
	y.unseen(t)
}

func TestOnlyWhatIsNotInThePackageTravelsFromHere(t *testing.T) {
	y := newYard(t, site("2"), setup{})
	if err := y.release.Replace(map[string][]byte{"web.config": []byte("<configuration><appSettings/></configuration>")}); err != nil {
		t.Fatal(err)
	}
	if err := y.bring(t, new); err != nil {
		t.Fatal(err)
	}
	if got := y.truth(t, new).Digest; got != y.release.Digest || y.puts() != 1 || y.asked != 1 {
		t.Errorf("digest %s, %d puts, %d requests", got, y.puts(), y.asked)
	}
}

func TestAServerThatCannotFetch(t *testing.T) {
	status := func(n int) func(http.ResponseWriter, *http.Request) bool {
		return func(w http.ResponseWriter, _ *http.Request) bool { w.WriteHeader(n); return true }
	}
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter, *http.Request) bool
		change func(*yard)
		why    string
		asked  int
		lasts  bool // also where files may travel from here
	}{
		"refused":       {answer: status(403), why: "web answers 403", asked: 1},
		"gone":          {answer: status(404), why: "there is no such archive", asked: 1},
		"busy for good": {answer: status(503), why: "web answers 503", asked: 3},
		"another archive": {answer: func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = w.Write(packed(t, site("9")))
			return true
		}, why: "is not the archive that is meant", asked: 1},
		"a longer archive": {answer: func(w http.ResponseWriter, _ *http.Request) bool {
			_, _ = w.Write(make([]byte, 1<<20))
			return true
		}, why: "sends more than", asked: 1},
		"plain": {answer: func(w http.ResponseWriter, r *http.Request) bool {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
			return true
		}, why: "not https", asked: 1},
		"nobody": {change: func(y *yard) { y.url = "https://127.0.0.1:1/app.zip?sig=" + planted }, why: "cannot be reached from this server"},
		"no address": {change: func(y *yard) {
			y.origin.Locate = func(context.Context, time.Duration) (string, string, error) {
				return "", "", errors.New("no credentials")
			}
		}, why: "no credentials"},
		"no room": {change: func(y *yard) { y.servers["web-01"].SetDiskFree(1) }, why: "disk_full", asked: 1, lasts: true},
	} {
		t.Run(name, func(t *testing.T) {
			y := newYard(t, site("2"), setup{})
			y.answer = c.answer
			if c.change != nil {
				c.change(y)
			}
			err := y.bring(t, new)
			if err == nil || !strings.Contains(strings.ReplaceAll(err.Error(), "127.0.0.1", "web"), c.why) || !strings.Contains(err.Error(), y.origin.Shown) || strings.Contains(err.Error(), planted) {
				t.Errorf("got %v", err)
			}
			if y.asked != c.asked || y.puts() != 0 {
				t.Errorf("%d requests, %d puts", y.asked, y.puts())
			}
			y.origin.Spare = true
			err = y.bring(t, new)
			if c.lasts {
				if err == nil || len(y.told) > 0 {
					t.Errorf("it went on: %v, %v", err, y.told)
				}
				return
			}
			if err != nil || y.truth(t, new).Digest != y.release.Digest || y.puts() != 1 {
				t.Errorf("from here instead: %v, %d puts", err, y.puts())
			}
			if len(y.told) != 1 || !strings.Contains(y.told[0], "web-01 cannot fetch "+y.origin.Shown+" by itself, so its files travel from here") || strings.Contains(y.told[0], planted) {
				t.Errorf("said %q", y.told)
			}
			y.unseen(t)
		})
	}
}

func TestAServerThatIsBusyIsAskedAgain(t *testing.T) {
	y := newYard(t, site("2"), setup{})
	y.answer = func(w http.ResponseWriter, _ *http.Request) bool {
		if y.asked < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return true
		}
		return false
	}
	if err := y.bring(t, new); err != nil || y.asked != 3 || y.puts() != 0 {
		t.Errorf("%v, %d requests, %d puts", err, y.asked, y.puts())
	}
}

// through is a proxy that counts what goes through it.
func through(t *testing.T) (string, *int) {
	t.Helper()
	var used int
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		used++
		to, err := net.Dial("tcp", r.Host)
		if r.Method != http.MethodConnect || err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		from, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		_, _ = io.WriteString(from, "HTTP/1.1 200 OK\r\n\r\n")
		go func() { _, _ = io.Copy(to, from); _ = to.Close() }()
		_, _ = io.Copy(from, to)
		_ = from.Close()
	}))
	t.Cleanup(s.Close)
	return s.URL, &used
}

func TestAProxyIsUsedOnlyWhereOneIsConfigured(t *testing.T) {
	proxy, used := through(t)
	for _, c := range []struct {
		proxy string
		used  int
	}{{"", 0}, {"machine", 1}, {proxy, 2}} {
		y := newYard(t, site("2"), setup{server: func(c *iistest.Config) { c.MachineProxy = proxy }})
		y.origin.Proxy = c.proxy
		if err := y.bring(t, new); err != nil || *used != c.used {
			t.Errorf("with proxy %q: %v, used %d times, want %d", c.proxy, err, *used, c.used)
		}
	}
}

// unseen holds that the secrets of the address are in no file of the server, its command lines included.
func (y *yard) unseen(t *testing.T) {
	t.Helper()
	err := filepath.WalkDir(y.servers["web-01"].LogFolder(), func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if bytes.Contains(text, []byte(planted)) {
			t.Errorf("the address or the token is in %s", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestFilesMustBeSignedByWhomTheConfigurationAllows(t *testing.T) {
	const contoso, print = "CN=Contoso Ltd, O=Contoso Ltd, C=US", "0123456789ABCDEF0123456789ABCDEF01234567"
	files := map[string]string{
		"bin/App.dll": iistest.Sign("code", contoso, print, 0), "bin/Old.dll": iistest.Sign("code", "CN=Old", "EE", 0x800B0101),
		"bin/Odd.dll": iistest.Sign("code", "CN=Odd", "DD", 0x800B0109), "bin/Bad.dll": strings.Replace(iistest.Sign("code", contoso, print, 0), "code", "evil", 1),
		"bin/None.dll": "code", "bin/Gone.dll": iistest.Sign("code", "CN=Gone", "CC", 0x800B010C), "bin/New.dll": iistest.Sign("code", "CN=New", "BB", 0x80092026),
	}
	w := newWorld(t, setup{})
	w.acquire(t)
	r := folder(t, files)
	w.fleet.Use(r)
	release := canary.Release{Slot: new, Version: "2", Digest: r.Digest, Files: len(r.Files), Bytes: r.Bytes}
	for _, c := range []struct {
		file, allow, why string
	}{
		{"bin/App.dll", contoso, ""},
		{"bin/App.dll", "contoso ltd", ""},
		{"bin/App.dll", strings.ToLower(print), ""},
		{"bin/App.dll", "Contoso", "bin/App.dll is signed by " + contoso + " (" + print + "); allowed: Contoso (package.authenticode)"},
		{"bin/None.dll", contoso, "web-01: bin/None.dll is not signed; allowed: " + contoso},
		{"bin/Bad.dll", contoso, "and was altered after that"},
		{"bin/Old.dll", "Old", "whose certificate had expired"},
		{"bin/Odd.dll", "Odd", "whom this server does not trust"},
		{"bin/Gone.dll", "Gone", "whose certificate is revoked"},
		{"bin/New.dll", "New", "Windows refuses that (0x80092026)"},
	} {
		w.fleet.Demand(&iis.Authenticode{Files: []string{c.file}, Allow: []string{c.allow}})
		err := w.fleet.Stage(t.Context(), "web-01", release)
		if no := (*iis.SignerError)(nil); c.why == "" && err != nil || c.why != "" && (!errors.As(err, &no) || !strings.Contains(err.Error(), c.why)) {
			t.Errorf("%s by %s: %v", c.file, c.allow, err)
		}
	}
	w.fleet.Demand(&iis.Authenticode{Files: slices.Sorted(maps.Keys(files)), Allow: []string{contoso}})
	if err := w.fleet.Stage(t.Context(), "web-01", release); err == nil || !strings.Contains(err.Error(), "and 1 more files") {
		t.Errorf("got %v", err)
	}
	if !(agent.Signed{Name: "x"}).By(" X ") || (agent.Signed{}).By("") {
		t.Error("a name is a name, and nothing is nobody")
	}
}
