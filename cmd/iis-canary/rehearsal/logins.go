package rehearsal

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"strings"

	"iiscanary/iis/iistest"
	"iiscanary/iis/kdctest"
)

// The ways to log in to the servers of a rehearsal.
const (
	basicAuth       = "basic"
	ntlmAuth        = "ntlm"
	kerberosAuth    = "kerberos"
	certificateAuth = "certificate"
)

// Auths are the ways to log in to the servers of a rehearsal.
func Auths() []string { return []string{basicAuth, ntlmAuth, kerberosAuth, certificateAuth} }

// Names of what is made up for logins, and of the files that the configuration finds them in.
const (
	realm         = "REHEARSAL.TEST"
	domainName    = "rehearsal.test"
	clientName    = winrmUser + "@localhost"
	kerberosFile  = "krb5.conf"
	clientFile    = "client.pem"
	clientKeyFile = "client.key"
)

// ntlm says that the servers are as Windows sets them up: WinRM without TLS, and Basic switched off.
func (o Options) ntlm() bool { return o.Auth == ntlmAuth }

// listener is the port of the WinRM listener that the program uses.
func (o Options) listener(p place) int {
	if o.ntlm() {
		return p.plain
	}
	return p.winrm
}

// wayIn is how WinRM is reached.
func (o Options) wayIn() string {
	switch o.Auth {
	case ntlmAuth:
		return "https: false, auth: ntlm"
	case kerberosAuth:
		return "https: true, auth: kerberos, kerberos: { realm: " + realm + ", spn: 'HTTP/{name}." + domainName + "', krb5_conf: " + kerberosFile + " }, ca: ca.pem"
	case certificateAuth:
		return "https: true, auth: certificate, ca: ca.pem"
	}
	return "https: true, auth: basic, ca: ca.pem"
}

// credentials are what WinRM is logged in to with.
func (o Options) credentials() string {
	if o.Auth == certificateAuth {
		return ", certificate: 'file:" + clientFile + "', key: 'file:" + clientKeyFile + "'"
	}
	return ", user: 'file:winrm_user', password: 'file:winrm_password'"
}

// spn is what a server is called in Kerberos.
func spn(server string) string { return "HTTP/" + server + "." + domainName }

// domain puts up what the way to log in needs besides the servers.
func (f *Fleet) domain(context.Context) error {
	var err error
	switch f.options.Auth {
	case certificateAuth:
		f.clients, err = newAuthority()
		return err
	case kerberosAuth:
		services := map[string]string{}
		for i := range f.places {
			services[spn(serverName(i))] = f.secrets[machineSecret]
		}
		f.KDC, err = kdctest.New(kdctest.Config{Realm: realm, Accounts: map[string]string{f.secrets["winrm_user"]: f.secrets["winrm_password"]}, Services: services})
		if err != nil {
			return err
		}
		f.teardown = append(f.teardown, func() { _ = f.KDC.Close() })
	}
	return nil
}

// machineSecret is the name of the secret that the keys of the servers' own accounts are made of.
const machineSecret = "machine_password"

// logins sets a server up for the way to log in. Only what is rehearsed is switched on.
func (f *Fleet) logins(c *iistest.Config) error {
	c.NoBasic = f.options.Auth != "" && f.options.Auth != basicAuth
	switch f.options.Auth {
	case ntlmAuth:
		c.Plain = true
	case kerberosAuth:
		keys, err := f.KDC.Keytab(spn(c.Name))
		if err != nil {
			return err
		}
		c.Keytab, c.Members, c.StrictBinding = keys, []string{f.secrets["winrm_user"] + "@" + realm}, true
	case certificateAuth:
		c.Clients, c.Mapped = f.clients.pool(), []string{clientName}
	}
	return nil
}

// identityFiles are the files that the way to log in needs, by name.
func (f *Fleet) identityFiles() (map[string]string, error) {
	switch f.options.Auth {
	case kerberosAuth:
		return map[string]string{kerberosFile: f.KDC.Krb5Conf()}, nil
	case certificateAuth:
		pair, err := f.clients.issueClient(winrmUser, clientName)
		if err != nil {
			return nil, err
		}
		key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
		if err != nil {
			return nil, fmt.Errorf("write the rehearsal's client key: %w", err)
		}
		var chain strings.Builder
		for _, der := range pair.Certificate {
			chain.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
		}
		return map[string]string{clientFile: chain.String(), clientKeyFile: string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))}, nil
	}
	return nil, nil
}
