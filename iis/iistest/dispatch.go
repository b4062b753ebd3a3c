package iistest

import (
	"fmt"
	"net"
	"net/http"
)

// dispatch runs one request and may lose its connection on the way.
func (e *endpoint) dispatch(to outlet, r *http.Request, text []byte) {
	fate := e.server.faults.next()
	wire := r.Context().Value(connectionKey{}).(*wire)
	if fate.latency > 0 && !pause(r.Context(), fate.latency) {
		return
	}
	if fate.before {
		e.server.record("reset %s", Unheard)
		abort(wire.Conn)
		return
	}
	m, f := e.understand(r, text)
	planned, is := e.server.faults.fail(m.verb(), false)
	switch {
	case is && planned.Lost == Unheard:
		e.server.record("reset before the effect of %s", m.verb())
		abort(wire.Conn)
		return
	case is && planned.Hang:
		e.server.record("%s is never answered", m.verb())
		<-r.Context().Done()
		return
	case is && planned.Status != 0:
		e.server.record("%s is answered %d", m.verb(), planned.Status)
		kernel(to, planned.Status, http.StatusText(planned.Status), "")
		return
	}
	var done reply
	if is && planned.Spoilt == "" && planned.Lost == "" {
		f = faultOf(planned.Code)
	}
	if f == nil {
		done, f = e.handle(r.Context(), m)
	}
	if done.partly {
		if half, is := e.server.faults.fail(m.verb(), true); is {
			planned = half
		}
	}
	if fate.after || planned.Lost == Unanswered || planned.Lost == Halved {
		e.server.record("reset after the effect of %s", m.verb())
		abort(wire.Conn)
		return
	}
	e.answer(to, m, done, f, planned.Spoilt)
}

// understand reads one request within the limits of the moment.
func (e *endpoint) understand(r *http.Request, text []byte) (message, *wsFault) {
	limits := e.server.faults.limited()
	most := limits.EnvelopeKB * 1024
	if len(text) > most {
		return message{}, faultEncoding(2150858823, fmt.Sprintf("The WS-Management service cannot process the request. The request packet of %d bytes "+
			"exceeds the maximum envelope size of %d.", len(text), most))
	}
	m, f := readMessage(text)
	m.maxSize, m.timeout = min(m.maxSize, most), min(m.timeout, limits.Timeout)
	m.client, _, _ = net.SplitHostPort(r.RemoteAddr) // net/http always has it in that form
	return m, f
}

// answer gives the reply, or the fault.
func (e *endpoint) answer(to outlet, m message, done reply, f *wsFault, spoilt Garbage) {
	status, text := http.StatusOK, envelope(done.action, m.id, done.body)
	if f != nil {
		status, text = http.StatusInternalServerError, envelope(nsManagement[:len(nsManagement)-len(".xsd")]+"/fault", m.id, f.xml(e.server.config.Name))
		if f.code != timedOut || m.verb() != "Receive" || m.timeout == timeoutLeast {
			e.server.record("%s is refused: %d %s", m.verb(), f.code, f.text)
		}
	}
	if spoilt != "" {
		e.server.record("%s is answered with garbage: %s", m.verb(), spoilt)
		spoilt.spoil(to, status, m.id, text)
		return
	}
	to.text(status, text)
}
