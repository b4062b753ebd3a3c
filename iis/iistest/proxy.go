package iistest

import (
	"fmt"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// SetProxy is netsh winhttp set proxy: servers, and hosts that are reached without them.
func (s *Server) SetProxy(servers, bypass string) {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.proxy, s.faults.bypass = servers, bypass
}

// winhttp is what netsh winhttp shows.
func (f *faults) winhttp() (servers, bypass string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.proxy, f.bypass
}

// proxyFor is the proxy for an address of https; nil: none.
func (f *faults) proxyFor(r *http.Request) (*url.URL, error) {
	servers, bypass := f.winhttp()
	host := strings.ToLower(r.URL.Hostname())
	for _, hosts := range items(bypass) {
		if hosts == "<local>" && !strings.Contains(host, ".") {
			return nil, nil
		}
		if fits, err := path.Match(hosts, host); err == nil && fits {
			return nil, nil
		}
	}
	every := ""
	for _, server := range items(servers) {
		scheme, at, named := strings.Cut(server, "=")
		switch {
		case !named && every == "":
			every = server
		case named && scheme == "https":
			return proxyAt(at)
		}
	}
	if every == "" {
		return nil, nil
	}
	return proxyAt(every)
}

func proxyAt(server string) (*url.URL, error) {
	at, err := url.Parse("http://" + strings.TrimPrefix(server, "http://"))
	if err != nil {
		return nil, fmt.Errorf("the machine's proxy: %w", err)
	}
	return at, nil
}

// items takes a list of Windows apart, in lower case.
func items(list string) []string {
	return strings.FieldsFunc(strings.ToLower(list), func(r rune) bool { return strings.ContainsRune("; \t\r\n", r) })
}
