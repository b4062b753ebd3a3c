package main

import (
	"cmp"
	"crypto/tls"
	"os"
	"time"

	"iiscanary/configs"
	"iiscanary/iis"
	"iiscanary/iis/winrm"
	"iiscanary/iis/winrm/kerberos"
)

// wayIn is what is the same for every server of the way into it.
func (ses *session) wayIn() (iis.Endpoint, error) {
	w := ses.spec.Servers.WinRM
	e := iis.Endpoint{HTTPS: w.HTTPS, Auth: winrm.Auth(w.Auth), ServerName: w.ServerName, MinTLS: tls.VersionTLS12}
	if w.TLSMin == "1.3" {
		e.MinTLS = tls.VersionTLS13
	}
	var err error
	if e.CAs, err = ses.authorities(w.CA); err != nil {
		return e, &referenceError{"servers.winrm.ca", err}
	}
	if e.Auth == winrm.Certificate {
		e.Identity, err = ses.identity()
		return e, err
	}
	if e.User, err = resolved("servers.winrm.user", w.User); err != nil {
		return e, err
	}
	if e.Auth == winrm.Kerberos {
		e.Tickets, err = ses.ticketOffice(e.User)
		return e, err
	}
	password, err := resolved("servers.winrm.password", w.Password)
	e.Password = iis.Secret(password)
	return e, err
}

// resolved is the value of a reference; empty where none is given.
func resolved(key string, s configs.Secret) (string, error) {
	if s.IsZero() {
		return "", nil
	}
	value, err := s.Resolve()
	if err != nil {
		return "", &referenceError{key, err}
	}
	return value, nil
}

// identity is the certificate that this program shows.
func (ses *session) identity() (*tls.Certificate, error) {
	w := ses.spec.Servers.WinRM
	certificate, err := resolved("servers.winrm.certificate", w.Certificate)
	if err != nil {
		return nil, err
	}
	key, err := resolved("servers.winrm.key", w.Key)
	if err != nil {
		return nil, err
	}
	pair, err := winrm.LoadCertificate([]byte(certificate), []byte(key), time.Now())
	if err != nil {
		return nil, &referenceError{"servers.winrm.certificate", err}
	}
	return pair, nil
}

// ticketOffice is where the run's tickets come from, for all servers: one, however often the fleet is looked at anew.
func (ses *session) ticketOffice(user string) (*kerberos.Client, error) {
	if ses.tickets != nil {
		return ses.tickets, nil
	}
	w := ses.spec.Servers.WinRM
	password, err := resolved("servers.winrm.password", w.Password)
	if err != nil {
		return nil, err
	}
	o := kerberos.Options{User: user, Realm: w.Kerberos.Realm, Password: password, Keytab: w.Kerberos.Keytab,
		CCache: cmp.Or(w.Kerberos.CCache, ses.getenv("KRB5CCNAME")), Config: cmp.Or(w.Kerberos.Config, ses.getenv("KRB5_CONFIG"))}
	if o.Config == "" {
		o.Config = usualKerberos()
	}
	if ses.tickets, err = kerberos.New(o); err != nil {
		ses.tickets = nil
		return nil, &referenceError{"servers.winrm.kerberos", err}
	}
	return ses.tickets, nil
}

// usualKerberos is the machine's own configuration; empty: it has none.
func usualKerberos() string {
	const usual = "/etc/krb5.conf"
	if _, err := os.Stat(usual); err != nil {
		return ""
	}
	return usual
}
