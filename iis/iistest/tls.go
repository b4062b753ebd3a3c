package iistest

import "crypto/tls"

// secure is the TLS of the listener. A certificate of the client is asked for where it can be of use, and looked at with a request:
// http.sys breaks no handshake for it.
func (e *endpoint) secure() *tls.Config {
	c := &tls.Config{GetCertificate: e.listenerFor, NextProtos: []string{"http/1.1"}, MinVersion: tls.VersionTLS12, CurvePreferences: curves()}
	if e.server.config.Clients != nil {
		c.ClientAuth = tls.RequestClientCert
	}
	c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
		most := e.server.trouble.read().MaxTLS
		if most == 0 {
			return nil, nil
		}
		old := c.Clone()
		old.GetConfigForClient, old.MinVersion, old.MaxVersion = nil, min(most, tls.VersionTLS12), most
		return old, nil
	}
	return c
}

// listenerFor chooses the certificate of one handshake.
func (e *endpoint) listenerFor(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	if other := e.server.trouble.read().Listener; other != nil {
		return other, nil
	}
	return &e.server.config.Certificate, nil
}
