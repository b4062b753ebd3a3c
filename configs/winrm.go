package configs

import (
	"net"
	"strings"
)

// WinRM is the way into a server.
type WinRM struct {
	// HTTPS false is plain HTTP, with auth: ntlm only, which seals every message. Basic would show the password to the network.
	HTTPS bool `yaml:"https" default:"true"`
	// Port of the listener, where an address names none; default: 5986, and 5985 without https.
	Port int `yaml:"port" min:"1" max:"65535"`
	// Auth is how the account proves who it is. What is chosen is what is used, never less.
	Auth string `yaml:"auth" default:"basic" oneof:"basic ntlm kerberos certificate"`
	// Channel is how the agent on a server is spoken to: stream is one process for the whole run; oneshot is one for each
	// operation, slower, with all of its input as text; auto is stream, and oneshot where that stays silent.
	Channel string `yaml:"channel" default:"auto" oneof:"auto stream oneshot"`
	// User is an account that may administer the servers. It may be written out; Password may not. Neither with auth: certificate.
	User Secret `yaml:"user" literal:"true"`
	// Password of User, by reference only. With auth: kerberos a keytab or a ticket does as well.
	Password Secret `yaml:"password"`
	// Certificate is for auth: certificate, in PEM form with those that signed it behind it; by reference only.
	Certificate Secret `yaml:"certificate"`
	// Key of Certificate, in PEM form and not encrypted; by reference only.
	Key Secret `yaml:"key"`
	// Kerberos is for auth: kerberos.
	Kerberos Kerberos `yaml:"kerberos"`
	// CA is a PEM file of authorities to trust, relative to the configuration file; empty: the system's.
	CA string `yaml:"ca"`
	// ServerName is the name that certificates are checked for; empty: the address.
	ServerName string `yaml:"server_name" form:"hostname"`
	// TLSMin is the least version of TLS that is spoken.
	TLSMin string `yaml:"tls_min" default:"1.2" oneof:"1.2 1.3"`
}

// Kerberos says where the ticket comes from that the run shows to its servers: from a password, a Keytab or a CCache.
type Kerberos struct {
	// Realm of the account, such as CORP.DOMAIN.COM; default: what stands behind the @ of the user, or the realm of krb5.conf.
	Realm string `yaml:"realm" form:"realm"`
	// SPN is what a server is called in Kerberos, with {host} for its address and {name} for its name. By default HTTP/{host};
	// an IP address has no such name.
	SPN string `yaml:"spn" form:"spn"`
	// Keytab is a file with the keys of the user, relative to the configuration file; instead of a password.
	Keytab string `yaml:"keytab"`
	// CCache is a file with a ticket that kinit got, relative to the configuration file. Without it, a password and a keytab: the
	// one that the environment variable KRB5CCNAME names.
	CCache string `yaml:"ccache"`
	// Config is a krb5.conf, relative to the configuration file; default: the one that the environment variable KRB5_CONFIG names,
	// /etc/krb5.conf, and where there is none, DNS.
	Config string `yaml:"krb5_conf"`
}

const (
	winrmAt    = "servers.winrm"
	kerberosAt = winrmAt + ".kerberos"
)

// winrm keeps passwords off the network, and knows the two ports of Windows.
func (s *sense) winrm() {
	w := &s.spec.Servers.WinRM
	if s.sound(winrmAt+".https", winrmAt+".auth") && !w.HTTPS {
		switch w.Auth {
		case "basic":
			s.wrong(winrmAt+".https", "false", "true, or auth: ntlm: basic authentication over plain HTTP shows the password to the network")
		case "kerberos":
			s.wrong(winrmAt+".https", "false", "true: kerberos says who logs in, and only TLS protects what is said then")
		case "certificate":
			s.wrong(winrmAt+".https", "false", "true: a certificate is shown while TLS begins")
		}
	}
	if !w.HTTPS && s.given(winrmAt+".tls_min") {
		s.warn(winrmAt+".tls_min", "is not used: https is false")
	}
	if s.sound(winrmAt + ".auth") {
		s.login(w)
	}
	if w.Port != 0 {
		return
	}
	w.Port = 5985
	if w.HTTPS {
		w.Port = 5986
	}
}

// login checks that there is what the way to log in needs, and nothing that it does not use.
func (s *sense) login(w *WinRM) {
	unused := func(key string) {
		if s.given(winrmAt + "." + key) {
			s.wrong(winrmAt+"."+key, "a key that auth: "+w.Auth+" does not use", "no "+key+", or the auth that uses it")
		}
	}
	if w.Auth != "kerberos" {
		unused("kerberos")
	}
	if w.Auth == "certificate" {
		unused("user")
		unused("password")
		s.needed("certificate", w.Certificate)
		s.needed("key", w.Key)
		return
	}
	unused("certificate")
	unused("key")
	if w.Auth == "kerberos" {
		s.kerberos(w)
		return
	}
	s.needed("user", w.User)
	s.needed("password", w.Password)
}

// needed refuses the absence of a key.
func (s *sense) needed(key string, value Secret) {
	if path := winrmAt + "." + key; value.IsZero() && s.sound(path) {
		s.wrong(path, "nothing", "a value: the key "+key+" is required")
	}
}

// kerberos checks where the ticket comes from, and that each server has a name in Kerberos.
func (s *sense) kerberos(w *WinRM) {
	k := w.Kerberos
	var ways []string
	for _, way := range []struct {
		name  string
		given bool
	}{{"password", !w.Password.IsZero()}, {"kerberos.keytab", k.Keytab != ""}, {"kerberos.ccache", k.CCache != ""}} {
		if way.given {
			ways = append(ways, way.name)
		}
	}
	if len(ways) > 1 {
		s.wrong(kerberosAt, strings.Join(ways, " and "), "one of password, kerberos.keytab and kerberos.ccache")
	}
	if !w.Password.IsZero() || k.Keytab != "" {
		s.needed("user", w.User)
	}
	if k.Realm != strings.ToUpper(k.Realm) && s.sound(kerberosAt+".realm") {
		s.warn(kerberosAt+".realm", "has small letters: the realm of a domain is its name in capitals, %s", strings.ToUpper(k.Realm))
	}
	if k.SPN != "" && !strings.Contains(k.SPN, "{host}") || !s.sound("servers.address", kerberosAt+".spn") {
		return
	}
	const instead = "a name for each server, such as servers.address: private_dns, or spn: 'HTTP/{name}.domain.com': Kerberos knows no addresses"
	v := s.spec.Servers
	if v.Address == "private_ip" {
		s.wrong(kerberosAt+".spn", "servers with an IP address instead of a name", instead)
		return
	}
	for id, host := range v.Map {
		if path := join("servers.map", id); s.sound(path) && isAddress(host) {
			s.wrong(path, s.shown(path, host), instead)
		}
	}
}

// isAddress says that host, or host:port, is an IP address.
func isAddress(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return net.ParseIP(strings.Trim(host, "[]")) != nil
}
