package configs

import (
	"fmt"
	"os"
	"strings"
)

// here warns about what a configuration needs and this machine does not have: environment variables, and files beside it. A
// file is often checked where no secrets are, so these are no mistakes.
func (s *sense) here() {
	if s.secret.lookup == nil {
		return
	}
	v := s.spec
	s.secretHere("aws.access_key", v.AWS.AccessKey)
	s.secretHere("aws.secret_key", v.AWS.SecretKey)
	s.secretHere("servers.winrm.user", v.Servers.WinRM.User)
	s.secretHere("servers.winrm.password", v.Servers.WinRM.Password)
	s.secretHere("servers.winrm.certificate", v.Servers.WinRM.Certificate)
	s.secretHere("servers.winrm.key", v.Servers.WinRM.Key)
	s.fileHere("servers.winrm.kerberos.keytab", v.Servers.WinRM.Kerberos.Keytab)
	s.fileHere("servers.winrm.kerberos.ccache", v.Servers.WinRM.Kerberos.CCache)
	s.fileHere("servers.winrm.kerberos.krb5_conf", v.Servers.WinRM.Kerberos.Config)
	s.fileHere("servers.winrm.ca", v.Servers.WinRM.CA)
	s.secretHere("package.token", v.Package.Token)
	s.fileHere("package.ca", v.Package.CA)
	for i, file := range v.Package.Signature.PEM {
		s.fileHere(fmt.Sprintf("package.signature.pem[%d]", i), file)
	}
	for path, value := range v.Settings.All() {
		s.secretHere(path, value.secret)
	}
	if e := v.Sources.Elastic; e != nil {
		s.secretHere("sources.elastic.api_key", e.APIKey)
		s.secretHere("sources.elastic.user", e.User)
		s.secretHere("sources.elastic.password", e.Password)
		s.fileHere("sources.elastic.ca", e.CA)
	}
	for i, n := range v.Notify {
		s.secretHere(fmt.Sprintf("notify[%d].webhook", i), n.Webhook)
	}
}

func (s *sense) secretHere(path string, secret Secret) {
	if name, missing := secret.missing(); missing {
		s.warn(path, "the environment variable %s is not set", name)
	}
	if file, is := strings.CutPrefix(secret.ref, "file:"); is {
		s.fileHere(path, within(s.dir, file))
	}
}

func (s *sense) fileHere(path, file string) {
	if file == "" || !s.sound(path) {
		return
	}
	if info, err := os.Stat(file); err != nil || info.IsDir() {
		s.warn(path, "there is no file %s", printable([]rune(file)))
	}
}
