package iistest

import (
	"encoding/base64"
	"net/http"
)

// negotiate takes one token of NTLM or Kerberos, in SPNEGO or not; true: it was the last, and right.
func (e *endpoint) negotiate(w http.ResponseWriter, r *http.Request, login *logon, text string) bool {
	token, err := base64.StdEncoding.DecodeString(text)
	was := *login
	*login = logon{} // every challenge is answered once
	wrapped, inSPNEGO := unwrap(token)
	switch {
	case err != nil:
	case inSPNEGO && ntlmType(wrapped.token) != 0:
		if wrapped.mechs == nil {
			wrapped.mechs = was.mechs
		}
		return e.ntlm(w, r, login, was.question, wrapped.token, &wrapped)
	case ntlmType(token) != 0:
		return e.ntlm(w, r, login, was.question, token, nil)
	case inSPNEGO:
		return e.kerberos(w, r, login, wrapped.token, true)
	case isKerberos(token):
		return e.kerberos(w, r, login, token, false)
	}
	e.refuse(w, r, false)
	return false
}

// ntlm takes one NTLM message; in is what it came in, nil: nothing.
func (e *endpoint) ntlm(w http.ResponseWriter, r *http.Request, login *logon, asked *question, m []byte, in *negotiation) bool {
	switch kind := ntlmType(m); {
	case kind == 1:
		if login.question = ask(m, e.server.config.Name, e.server.clock()); login.question == nil {
			break
		}
		text := login.question.text
		if in != nil {
			login.mechs = in.mechs
			text = respond(incomplete, oidNTLM(), text, nil)
		}
		challenge(w, text)
		return false
	case kind == 3 && asked != nil:
		session, err := asked.judge(m, e.proof(r))
		if err == nil && in != nil {
			err = in.finish(w, session)
		}
		if err == nil && !e.isLocked() {
			login.session = session
			return true
		}
		w.Header().Del("WWW-Authenticate")
		e.refuse(w, r, true)
		return false
	}
	e.refuse(w, r, false)
	return false
}

// challenge is a 401 that goes on.
func challenge(w http.ResponseWriter, token []byte) {
	w.Header().Set("WWW-Authenticate", "Negotiate "+base64.StdEncoding.EncodeToString(token))
	w.WriteHeader(http.StatusUnauthorized)
}
