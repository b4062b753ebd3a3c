package kerberos

import (
	"os"
	"path/filepath"
	"testing"
)

// As MIT's Kerberos has it: DNS is asked for KDCs unless krb5.conf forbids it.
func TestDNSIsAskedUnlessForbidden(t *testing.T) {
	for text, want := range map[string]bool{
		"": true,
		"[libdefaults]\n default_realm = CORP.TEST\n": true,
		"[libdefaults]\n# dns_lookup_kdc = false\n":   true,
		"[libdefaults]\n dns_lookup_kdc = false\n":    false,
		"[libdefaults]\n dns_lookup_kdc = true\n":     true,
		"includedir /etc/krb5.conf.d/\n[libdefaults]\n renew_lifetime = 7d\n rdns = false\n[realms]\n A = {\n  v4_name_convert = {\n  }\n }\n": true,
	} {
		path := filepath.Join(t.TempDir(), "krb5.conf")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := loadConfig(path, "CORP.TEST")
		if err != nil || c.LibDefaults.DNSLookupKDC != want || c.LibDefaults.DefaultRealm != "CORP.TEST" {
			t.Errorf("%q: %v", text, err)
		}
	}
	c, err := loadConfig("", "CORP.TEST")
	if err != nil || !c.LibDefaults.DNSLookupKDC {
		t.Errorf("without a file: %v", err)
	}
}

func TestTheKindOfATicketCacheIsKnown(t *testing.T) {
	for name, want := range map[string][2]string{
		"/tmp/krb5cc_0": {"/tmp/krb5cc_0", ""}, "FILE:/tmp/krb5cc_0": {"/tmp/krb5cc_0", ""}, `C:\tickets`: {`C:\tickets`, ""},
		`FILE:C:\tickets`: {`C:\tickets`, ""}, "KCM:1000": {"1000", "KCM"}, "KEYRING:persistent:0": {"persistent:0", "KEYRING"},
	} {
		if path, kind := cachePath(name); path != want[0] || kind != want[1] {
			t.Errorf("%s: %q %q", name, path, kind)
		}
	}
}
