package iistest

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"
)

type pullArgs struct {
	Root    string `json:"root"`
	URL     string `json:"url"`
	Token   string `json:"token"`
	Proxy   string `json:"proxy"`
	SHA256  string `json:"sha256"`
	Size    int64  `json:"size"`
	Seconds int64  `json:"seconds"`
	Files   []struct {
		SHA256 string `json:"sha256"`
		Size   int64  `json:"size"`
	} `json:"files"`
}

// pullStep is where a transfer fails.
const pullStep = "fetch the archive"

// mostLed is how many redirects are gone after.
const mostLed = 5

// pull fetches an archive and keeps the contents that are asked for.
func pull(ctx context.Context, c *call) (any, error) {
	var a pullArgs
	if err := c.read(&a); err != nil {
		return nil, err
	}
	if _, err := c.server.store.local(a.Root); err != nil {
		return nil, err
	}
	from, err := url.Parse(a.URL)
	if err != nil || from.Scheme != "https" || from.User != nil || from.Host == "" {
		return nil, refuse("bad_request", "the address of the archive is not https")
	}
	if !hexSum.MatchString(a.SHA256) || a.Size < 1 || a.Size > 4<<30 || len(a.Files) == 0 {
		return nil, refuse("bad_request", "pull needs an archive's size and SHA-256, and contents to look for")
	}
	wanted := map[string]int64{}
	for _, f := range a.Files {
		if !hexSum.MatchString(f.SHA256) || f.Size < 0 {
			return nil, refuse("bad_request", "%q is no SHA-256 in lower case", f.SHA256)
		}
		wanted[f.SHA256] = f.Size
	}
	archive, err := c.server.download(ctx, a, from)
	if err != nil {
		return nil, err
	}
	if sumBytes(archive) != a.SHA256 {
		return nil, refuse("hash_mismatch", "what came is not the archive that is meant").at("compare the archive").saying("it was deleted, and nothing of it was kept")
	}
	stored, err := c.server.store.unpack(c.app, archive, wanted)
	if err != nil {
		return nil, err
	}
	return map[string]any{"stored": stored}, nil
}

// client is what the machine fetches with: its own roots, TLS 1.2 at least, and a proxy only where one is named.
func (s *Server) client(proxy string) *http.Client {
	t := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.config.Roots, MinVersion: tls.VersionTLS12}, DisableKeepAlives: true, DisableCompression: true}
	if proxy == "machine" {
		t.Proxy = s.faults.proxyFor
	} else if at, err := url.Parse(proxy); err == nil && proxy != "" {
		t.Proxy = http.ProxyURL(at)
	}
	return &http.Client{Transport: t, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// download goes after redirects until an answer is the archive, or is none.
func (s *Server) download(ctx context.Context, a pullArgs, from *url.URL) ([]byte, error) {
	limit := s.machine.patient(time.Duration(max(a.Seconds, 1)) * time.Second)
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	client, at := s.client(a.Proxy), from
	for range mostLed + 1 {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
		if err != nil {
			return nil, refuse("bad_request", "the address of the archive is not https")
		}
		req.Header.Set("User-Agent", "iis-canary")
		if a.Token != "" && at.Host == from.Host {
			req.Header.Set("Authorization", "Bearer "+a.Token)
		}
		res, err := client.Do(req)
		if err != nil {
			return nil, unreached(ctx, from.Hostname(), err)
		}
		next := res.Header.Get("Location")
		if res.StatusCode == http.StatusOK || res.StatusCode < 300 || res.StatusCode > 399 || next == "" {
			return s.receive(ctx, a, at.Hostname(), res)
		}
		_ = res.Body.Close() // nobody reads it
		to, err := at.Parse(next)
		if err != nil || to.Scheme != "https" {
			return nil, refuse("pull_failed", "%s leads to an address that is not https", from.Hostname()).at(pullStep)
		}
		at = to
	}
	return nil, refuse("pull_failed", "%s leads from one address to the next, more than %d times", from.Hostname(), mostLed).at(pullStep)
}

// receive reads the archive, or says why the answer is none.
func (s *Server) receive(ctx context.Context, a pullArgs, host string, res *http.Response) ([]byte, error) {
	defer res.Body.Close()
	if code := res.StatusCode; code != http.StatusOK {
		kind, hint := "pull_failed", ""
		switch {
		case code >= 500 || code == 429 || code == 408:
			kind = "busy"
		case code == 401 || code == 403:
			hint = "the server may not read the archive there: look at the token, or at the age of the address"
		case code == 404 || code == 410:
			hint = "there is no such archive"
		}
		return nil, refuse(kind, "%s answers %d", host, code).at(pullStep).saying(hint)
	}
	archive, err := io.ReadAll(io.LimitReader(res.Body, a.Size+1))
	switch {
	case int64(len(archive)) > a.Size || res.ContentLength > a.Size:
		return nil, refuse("hash_mismatch", "%s sends more than the %d bytes of the archive that is meant", host, a.Size).at(pullStep)
	case ctx.Err() != nil:
		return nil, refuse("pull_failed", "the archive is not here after %d s", a.Seconds).at(pullStep)
	case err != nil || int64(len(archive)) < a.Size:
		return nil, refuse("busy", "%s sent %d of %d bytes", host, len(archive), a.Size).at(pullStep)
	}
	return archive, nil
}

// unreached tells a server that is not trusted from one that is not there.
func unreached(ctx context.Context, host string, err error) error {
	if ctx.Err() != nil {
		return refuse("pull_failed", "the archive is not here in time").at(pullStep)
	}
	untrusted, alert, record := (*tls.CertificateVerificationError)(nil), tls.AlertError(0), tls.RecordHeaderError{}
	if errors.As(err, &untrusted) || errors.As(err, &alert) || errors.As(err, &record) || strings.Contains(err.Error(), "protocol version") {
		return refuse("pull_failed", "no TLS with %s that this server trusts", host).at(pullStep).
			saying("put its authority into the server's store of trusted roots (Local Computer), and let it speak TLS 1.2")
	}
	return refuse("busy", "%s cannot be reached from this server", host).at(pullStep).saying("let the server reach it, or name a proxy (package.pull_proxy)")
}

// unpack stores what the archive has of the wanted contents. Names in it mean nothing.
func (s *store) unpack(app string, archive []byte, wanted map[string]int64) ([]string, error) {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, refuse("pull_failed", "the archive is no zip that this server can open").at("open the archive")
	}
	sizes := map[int64]bool{}
	for _, size := range wanted {
		sizes[size] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	stored, left := []string{}, int64(4<<30)
	for _, f := range z.File {
		size := int64(f.UncompressedSize64)
		if !sizes[size] || len(wanted) == 0 {
			continue
		}
		if left -= size; left < 0 {
			return nil, refuse("pull_failed", "the archive inflates to more than %d bytes", int64(4<<30)).at("open the archive")
		}
		content, err := inflate(f)
		sum := sumBytes(content)
		if _, is := wanted[sum]; err != nil || !is {
			continue
		}
		delete(wanted, sum)
		if err := s.keep(app, sum, content); err != nil {
			return nil, err
		}
		stored = append(stored, sum)
	}
	return stored, nil
}

// inflate reads an entry that is as long as it says.
func inflate(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, int64(f.UncompressedSize64)+1))
}

// keep puts a content into the store of parts. The lock is held.
func (s *store) keep(app, sum string, content []byte) error {
	path := filepath.Join(s.data(app, "parts"), sum)
	if exists(path) {
		return nil
	}
	if err := s.take(int64(len(content))); err != nil {
		return err
	}
	if err := write(path+".part", content); err != nil {
		return err
	}
	return os.Rename(path+".part", path)
}

// trusts says whether the machine trusts a certificate for a name, for the C# agent under Mono.
func (s *Server) trusts(raw, name string) bool {
	der, err := base64.StdEncoding.DecodeString(raw)
	if err != nil {
		return false
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return false
	}
	_, err = leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: s.config.Roots})
	return err == nil
}
