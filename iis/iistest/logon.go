package iistest

import (
	"crypto/md5"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net/http"
	"strings"
)

// logon is what a connection has shown so far. Requests of a connection come one after the other.
type logon struct {
	question *question
	session  *sealing
	mechs    []byte // the list of mechanisms that an NTLM logon in SPNEGO began with
	ticket   bool   // Kerberos has logged it on
}

// holds says that the connection is logged on.
func (l *logon) holds() bool { return l.session != nil || l.ticket }

// outlet is where the reply to one request goes.
type outlet struct {
	http.ResponseWriter
	seal *sealing          // nil: as it is
	told func(text []byte) // hears what is sent, before it is sealed; nil: nobody listens
}

// text sends an envelope, sealed if its request was.
func (a outlet) text(status int, text string) {
	kind, body := "application/soap+xml;charset=UTF-8", []byte(text)
	if a.told != nil {
		a.told(body)
	}
	if a.seal != nil {
		kind, body = sealedMedia, a.seal.seal(body)
	}
	a.Header().Set("Content-Type", kind)
	a.WriteHeader(status)
	_, _ = a.Write(body) // the client may be gone
}

// admit checks the login of one request and opens its body. false: the answer has been given.
func (e *endpoint) admit(w http.ResponseWriter, r *http.Request, body []byte) (outlet, []byte, bool) {
	login := &r.Context().Value(connectionKey{}).(*wire).login
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch strings.ToLower(scheme) {
	case "":
		if !login.holds() || r.TLS != nil && e.server.config.ForgetLogins {
			e.refuse(w, r, false)
			return outlet{}, nil, false
		}
	case "basic":
		*login = logon{}
		if r.TLS == nil || e.server.config.NoBasic || !e.knows(r) {
			e.refuse(w, r, !e.server.config.NoBasic)
			return outlet{}, nil, false
		}
		return outlet{ResponseWriter: w}, body, true
	case strings.ToLower(mutual):
		if !e.mapped(w, r) {
			return outlet{}, nil, false
		}
		return outlet{ResponseWriter: w}, body, true
	case "negotiate", "kerberos":
		if !e.negotiate(w, r, login, token) {
			return outlet{}, nil, false
		}
		if len(body) == 0 {
			w.WriteHeader(http.StatusOK)
			return outlet{}, nil, false
		}
	default:
		e.refuse(w, r, false)
		return outlet{}, nil, false
	}
	return e.unseal(w, r, login, body)
}

// unseal opens the body of a connection that is logged on. Without TLS, there is no other. What Kerberos logs on is not sealed here.
func (e *endpoint) unseal(w http.ResponseWriter, r *http.Request, login *logon, body []byte) (outlet, []byte, bool) {
	if !isSealedMedia(r.Header.Get("Content-Type")) {
		if r.TLS == nil {
			e.refuse(w, r, false)
			return outlet{}, nil, false
		}
		return outlet{ResponseWriter: w}, body, true
	}
	if login.session == nil {
		w.WriteHeader(http.StatusBadRequest)
		return outlet{}, nil, false
	}
	plain, err := login.session.open(body)
	if err != nil {
		login.session = nil // the two are out of step for ever
		w.WriteHeader(http.StatusBadRequest)
		return outlet{}, nil, false
	}
	r.Header.Set("Content-Type", "application/soap+xml;charset=UTF-8")
	return outlet{ResponseWriter: w, seal: login.session}, plain, true
}

// refuse is a 401; counts says that somebody's password was wrong.
func (e *endpoint) refuse(w http.ResponseWriter, r *http.Request, counts bool) {
	if counts {
		e.refused.Add(1)
	}
	w.Header().Add("WWW-Authenticate", "Negotiate")
	if e.acceptor != nil {
		w.Header().Add("WWW-Authenticate", "Kerberos")
	}
	if r.TLS != nil && !e.server.config.NoBasic {
		w.Header().Add("WWW-Authenticate", `Basic realm="WSMAN"`)
	}
	w.WriteHeader(http.StatusUnauthorized)
}

// isLocked says that there were too many wrong passwords.
func (e *endpoint) isLocked() bool {
	most := e.server.config.LockOut
	return e.server.faults.denies() || most > 0 && int(e.refused.Load()) >= most
}

// proof is what a client has to show on this connection.
func (e *endpoint) proof(r *http.Request) proof {
	c := e.server.config
	p := proof{user: c.User, password: e.password(), strict: c.StrictBinding}
	if r.TLS != nil {
		if shown, err := e.listenerFor(nil); err == nil {
			p.binding = endPoint(shown.Certificate[0])
		}
	}
	return p
}

// endPoint is the tls-server-end-point binding of RFC 5929 in the form of RFC 2744, hashed: MsvAvChannelBindings.
func endPoint(der []byte) []byte {
	sum256 := sha256.Sum256(der)
	sum := sum256[:]
	if leaf, err := x509.ParseCertificate(der); err == nil {
		switch name := leaf.SignatureAlgorithm.String(); {
		case strings.Contains(name, "SHA384"):
			s := sha512.Sum384(der)
			sum = s[:]
		case strings.Contains(name, "SHA512"):
			s := sha512.Sum512(der)
			sum = s[:]
		}
	}
	h := md5.New()
	_, _ = h.Write(make([]byte, 16)) // no addresses; a hash never fails
	_, _ = h.Write(binary.LittleEndian.AppendUint32(nil, uint32(len("tls-server-end-point:")+len(sum))))
	_, _ = io.WriteString(h, "tls-server-end-point:")
	_, _ = h.Write(sum)
	return h.Sum(nil)
}

// password is the account's present one.
func (e *endpoint) password() string {
	if changed := e.server.trouble.read().Password; changed != "" {
		return changed
	}
	return e.server.config.Password
}

// knows compares login and password in constant time.
func (e *endpoint) knows(r *http.Request) bool {
	user, password, ok := r.BasicAuth()
	if e.isLocked() {
		return false
	}
	same := subtle.ConstantTimeCompare([]byte(strings.ToLower(user)), []byte(strings.ToLower(e.server.config.User))) &
		subtle.ConstantTimeCompare([]byte(password), []byte(e.password()))
	return ok && same == 1
}
