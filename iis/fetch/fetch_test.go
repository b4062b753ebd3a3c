package fetch_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"iiscanary/iis/fetch"
)

const pack = "the bytes of a package"

func sum(text string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(text))) }

// web is a server at https, and options that trust it.
func web(t *testing.T, h http.HandlerFunc) (string, fetch.Options) {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	s := httptest.NewTLSServer(h)
	t.Cleanup(s.Close)
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return s.URL, fetch.Options{CAs: pool, Token: "hunter2", UserAgent: "test/1", Pause: time.Millisecond}
}

func parse(t *testing.T, text string) fetch.Reference {
	t.Helper()
	r, err := fetch.Parse(text, "")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// nothingLeft holds that no temporary file lies about.
func nothingLeft(t *testing.T) {
	t.Helper()
	if left, err := filepath.Glob(filepath.Join(os.TempDir(), "*")); err != nil || len(left) > 0 {
		t.Errorf("%v lie about, %v", left, err)
	}
}

func TestADownloadIsThePackageThatWasPinned(t *testing.T) {
	at, o := web(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer hunter2" || r.UserAgent() != "test/1" || r.URL.RawQuery != "build=1" {
			w.WriteHeader(http.StatusUnauthorized)
		}
		_, _ = io.WriteString(w, pack)
	})
	r := parse(t, at+"/a/app.domain.com.3457%20b.zip?build=1#sha256="+strings.ToUpper(sum(pack)))
	f, err := fetch.Fetch(t.Context(), r, o)
	if err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil || info.Mode().Perm() != 0o600 || f.Size != int64(len(pack)) || !f.Private() {
		t.Errorf("%v, %v", info, err)
	}
	if got, err := io.ReadAll(io.NewSectionReader(f, 0, f.Size)); string(got) != pack || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	nothingLeft(t)
	if r.Name() != "app.domain.com.3457 b.zip" || r.String() != at+"/a/app.domain.com.3457%20b.zip#sha256="+sum(pack) {
		t.Errorf("%s, %s", r.Name(), r)
	}
}

func TestADownloadThatIsNoGood(t *testing.T) {
	var asked atomic.Int64
	at, o := web(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		switch r.URL.Path {
		case "/other":
			_, _ = io.WriteString(w, "something else")
		case "/large":
			_, _ = io.WriteString(w, strings.Repeat("x", 101))
		case "/plain":
			http.Redirect(w, r, "http://127.0.0.1:1/x", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/short":
			w.Header().Set("Content-Length", "50")
			_, _ = io.WriteString(w, "x")
		case "/slow":
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		case "/busy":
			w.WriteHeader(http.StatusServiceUnavailable)
		case "/secret":
			w.WriteHeader(http.StatusForbidden)
		default:
			w.WriteHeader(http.StatusNotFound)
		}
	})
	o.MostBytes = 100
	for _, c := range []struct {
		path, why string
		asked     int64
	}{
		{"/other", "its SHA-256 is " + sum("something else"), 1},
		{"/large", "larger than 100 bytes", 1},
		{"/plain", "not https", 1},
		{"/loop", "more than 5 times", 6},
		{"/short", "unexpected EOF", 3},
		{"/slow", "no byte came for 50ms", 0}, // under load not every attempt gets as far as the server
		{"/busy", "503", 3},
		{"/secret", "403 Forbidden: give package.token", 1},
		{"/none", "404 Not Found: there is no such file", 1},
	} {
		t.Run(c.path[1:], func(t *testing.T) {
			asked.Store(0)
			o := o
			if o.Idle = time.Minute; c.path == "/slow" {
				o.Idle = 50 * time.Millisecond
			}
			_, err := fetch.Fetch(t.Context(), parse(t, at+c.path+"?sig=hunter2#sha256="+sum(pack)), o)
			if err == nil || !strings.Contains(err.Error(), c.why) || strings.Contains(err.Error(), "hunter2") || !strings.Contains(err.Error(), at+c.path) {
				t.Errorf("got %v", err)
			}
			if n := asked.Load(); c.asked > 0 && n != c.asked {
				t.Errorf("asked %d times, want %d", n, c.asked)
			}
			nothingLeft(t)
		})
	}
}

func TestAnInterruptionIsGoneOnWith(t *testing.T) {
	var asked atomic.Int64
	at, o := web(t, func(w http.ResponseWriter, r *http.Request) {
		switch asked.Add(1) {
		case 1:
			w.WriteHeader(http.StatusBadGateway)
		case 2:
			w.Header().Set("Content-Length", "50")
			_, _ = io.WriteString(w, "x")
		default:
			_, _ = io.WriteString(w, pack)
		}
	})
	f, err := fetch.Fetch(t.Context(), parse(t, at+"/x#sha256="+sum(pack)), o)
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	nothingLeft(t)
}

func TestATransferEndsInItsTime(t *testing.T) {
	at, o := web(t, func(w http.ResponseWriter, r *http.Request) {
		for r.Context().Err() == nil {
			_, _ = io.WriteString(w, "x")
			w.(http.Flusher).Flush()
			<-time.After(time.Millisecond)
		}
	})
	o.Timeout = 100 * time.Millisecond
	_, err := fetch.Fetch(t.Context(), parse(t, at+"/x#sha256="+sum(pack)), o)
	if err == nil || !strings.Contains(err.Error(), "not here after 100ms (package.timeout)") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := fetch.Fetch(ctx, parse(t, at+"/x#sha256="+sum(pack)), o); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestTheTokenGoesToItsOwnHostOnly(t *testing.T) {
	var leaked atomic.Bool
	other, _ := web(t, func(w http.ResponseWriter, r *http.Request) {
		leaked.Store(r.Header.Get("Authorization") != "")
		_, _ = io.WriteString(w, pack)
	})
	at, o := web(t, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, other+"/y", http.StatusFound) })
	f, err := fetch.Fetch(t.Context(), parse(t, at+"/x#sha256="+sum(pack)), o)
	if err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	if leaked.Load() {
		t.Error("another host got the token")
	}
}

func TestACertificateThatNobodyTrusts(t *testing.T) {
	at, o := web(t, func(http.ResponseWriter, *http.Request) {})
	o.CAs = x509.NewCertPool()
	_, err := fetch.Fetch(t.Context(), parse(t, at+"/x#sha256="+sum(pack)), o)
	if err == nil || !strings.Contains(err.Error(), "not trusted") || !strings.Contains(err.Error(), "package.ca") {
		t.Errorf("got %v", err)
	}
	if _, is := errors.AsType[*tls.CertificateVerificationError](err); is {
		t.Error("the error is the library's own")
	}
}

func TestALocalFileIsComparedToo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.zip")
	if err := os.WriteFile(file, []byte(pack), 0o600); err != nil {
		t.Fatal(err)
	}
	good, err := fetch.Parse(file, sum(pack))
	if err != nil {
		t.Fatal(err)
	}
	if f, err := fetch.Fetch(t.Context(), good, fetch.Options{}); err != nil {
		t.Error(err)
	} else if err := f.Close(); err != nil {
		t.Error(err)
	}
	f, err := fetch.Fetch(t.Context(), parse(t, file), fetch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	own, err := f.Copy()
	if err != nil || f.Private() || !own.Private() || own.Size != f.Size {
		t.Errorf("%v, %v", own, err)
	}
	for _, f := range []*fetch.File{f, own} {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the package itself was removed: %v", err)
	}
	if _, err := os.Stat(own.Name()); err == nil {
		t.Error("the copy was not removed")
	}
	bad := parse(t, file+"#sha256="+sum("another"))
	if _, err := fetch.Fetch(t.Context(), bad, fetch.Options{}); err == nil || !strings.Contains(err.Error(), "not the package that is meant") {
		t.Errorf("got %v", err)
	}
	if _, err := fetch.Fetch(t.Context(), parse(t, t.TempDir()), fetch.Options{}); err == nil || !strings.Contains(err.Error(), "no file") {
		t.Errorf("got %v", err)
	}
}

// Between two looks at a file that others can write to it may have become another one.
func TestWhatWasComparedIsWhatIsRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "a.zip")
	if err := os.WriteFile(file, []byte(pack), 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := fetch.Fetch(t.Context(), parse(t, file+"#sha256="+sum(pack)), fetch.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.Repeat("x", len(pack))), 0o600); err != nil {
		t.Fatal(err)
	}
	if now, err := f.Sum(); err != nil || now != sum(pack) || !f.Private() {
		t.Errorf("what is read now has the SHA-256 %s, %v", now, err)
	}
	if err := f.Close(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(f.Name()); err == nil {
		t.Error("the copy was not removed")
	}
	if _, err := os.Stat(file); err != nil {
		t.Errorf("the package itself was removed: %v", err)
	}
}

func TestACopyThatIsAnotherPackageIsRemoved(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	file := filepath.Join(t.TempDir(), "a.zip")
	if err := os.WriteFile(file, []byte(pack), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := fetch.Fetch(t.Context(), parse(t, file+"#sha256="+sum("another")), fetch.Options{}); err == nil {
		t.Error("it was taken")
	}
	if left, err := os.ReadDir(os.TempDir()); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func TestWhatIsBesideAPackage(t *testing.T) {
	at, o := web(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.String()) })
	got, err := fetch.Beside(t.Context(), parse(t, at+"/a.zip?x=1#sha256="+sum(pack)), ".minisig", 100, o)
	if err != nil || string(got) != "/a.zip.minisig?x=1" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := fetch.Beside(t.Context(), parse(t, at+"/a.zip#sha256="+sum(pack)), ".minisig", 5, o); err == nil {
		t.Error("one that is too large was taken")
	}
	file := filepath.Join(t.TempDir(), "a.zip")
	if err := os.WriteFile(file+".sig", []byte("signed"), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, err := fetch.Beside(t.Context(), parse(t, file), ".sig", 100, o); err != nil || string(got) != "signed" {
		t.Errorf("%q, %v", got, err)
	}
	if _, err := fetch.Beside(t.Context(), parse(t, file), ".minisig", 100, o); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := fetch.Beside(t.Context(), parse(t, file), ".sig", 3, o); err == nil {
		t.Error("a file that is too large was taken")
	}
}
