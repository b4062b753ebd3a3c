package main

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"iiscanary/iis/iistest"
)

// impostor puts somebody in the place of the second server's WinRM without TLS.
func (s *scene) impostor(say http.HandlerFunc) {
	s.t.Helper()
	p := httptest.NewServer(say)
	s.t.Cleanup(p.Close)
	first := s.fleet.Servers[0]
	s.mapped(net.JoinHostPort(first.Address(), fmt.Sprint(first.PlainPort())), p.Listener.Addr().String())
}

// between hands requests on to a server, over one connection, and bends its answers.
func between(t *testing.T, server *iistest.Server, bend func(head http.Header, body []byte)) http.HandlerFunc {
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	t.Cleanup(client.CloseIdleConnections)
	to := fmt.Sprintf("http://%s/wsman", net.JoinHostPort(server.Address(), fmt.Sprint(server.PlainPort())))
	return func(w http.ResponseWriter, r *http.Request) {
		out, err := http.NewRequestWithContext(r.Context(), r.Method, to, r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		out.Header, out.ContentLength = r.Header, r.ContentLength
		answer, err := client.Do(out)
		if err != nil {
			return // the program has gone
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			return
		}
		bend(answer.Header, body)
		for name, values := range answer.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.StatusCode)
		_, _ = io.Copy(w, bytes.NewReader(body))
	}
}

// changed is a byte of each sealed answer.
func changed(head http.Header, body []byte) {
	if strings.HasPrefix(head.Get("Content-Type"), "multipart/encrypted") && len(body) > 40 {
		body[len(body)-40] ^= 1
	}
}

// weakened is a challenge that asks for no seal (MS-NLMP 2.2.2.5, flag F).
func weakened(head http.Header, _ []byte) {
	const flags, seal = 20, 0x20
	coded, is := strings.CutPrefix(head.Get("WWW-Authenticate"), "Negotiate ")
	challenge, err := base64.StdEncoding.DecodeString(coded)
	if !is || err != nil || len(challenge) <= flags {
		return
	}
	challenge[flags] &^= seal
	head.Set("WWW-Authenticate", "Negotiate "+base64.StdEncoding.EncodeToString(challenge))
}

// sealedTroubles are those of WinRM that only a login that seals can have.
func sealedTroubles() []part {
	const stranger = "do: find out who answers at this address before anybody logs in there"
	return []part{
		{"somebody asks for no login", func(s *scene) {
			s.impostor(func(http.ResponseWriter, *http.Request) {})
			s.refused(checkWinRM, "web-02 (127.0.0.", "the server asks for no login: it is not the WinRM that was meant; do not go on before you know who answers there", stranger)
		}},
		{"somebody asks for less than was meant", func(s *scene) {
			s.impostor(between(s.t, s.fleet.Servers[1], weakened))
			s.refused(checkWinRM, "web-02 (127.0.0.", "sealing", "; do not go on before you know who answers there", stranger)
		}},
		{"somebody changes what is sealed", func(s *scene) {
			s.impostor(between(s.t, s.fleet.Servers[1], changed))
			s.refused(checkWinRM, "web-02 (127.0.0.", "a sealed message was changed on its way, or is not the next one of its connection")
		}},
	}
}
