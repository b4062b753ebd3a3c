package kerberos_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"iiscanary/iis/kdctest"
	"iiscanary/iis/winrm/kerberos"
)

func TestNothingWeakerThanAESIsUsed(t *testing.T) {
	k, o := domain(t)
	k.SetTrouble(kdctest.Trouble{Weak: true})
	_, err := client(t, o).Token(t.Context(), spn, nil)
	if said, is := errors.AsType[*kerberos.Error](err); !is || said.Code != 14 || k.Truth().Refused != 0 {
		t.Errorf("got %v", err)
	}
}

func TestNoReplyBringsAWeakerKey(t *testing.T) {
	for name, weak := range map[string]kdctest.RC4{
		"of the answer to a login": {Answer: true}, "of the ticket-granting ticket": {Granting: true}, "of a server's ticket": {Service: true},
	} {
		k, o := domain(t)
		k.SetTrouble(kdctest.Trouble{RC4: weak})
		_, err := client(t, o).Token(t.Context(), spn, nil)
		if said, is := errors.AsType[*kerberos.Error](err); !is || said.Code != 14 || said.Login == weak.Service || !strings.Contains(err.Error(), "msDS-SupportedEncryptionTypes") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestATicketCacheWithAWeakerKeyIsNotUsed(t *testing.T) {
	k, o := domain(t)
	k.SetTrouble(kdctest.Trouble{RC4: kdctest.RC4{Granting: true}})
	cache, err := k.CCache("deploy", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	k.SetTrouble(kdctest.Trouble{})
	o.User, o.Password, o.CCache = "", "", file(t, "cache", cache)
	c, err := kerberos.New(o)
	if err == nil {
		_, err = c.Token(t.Context(), spn, nil)
		t.Fatalf("it was taken, and used: %v", err)
	}
	for _, words := range []string{o.CCache, "encryption type 23", "AES", "default_tkt_enctypes", "kinit -c " + o.CCache + " deploy@CORP.TEST"} {
		if !strings.Contains(err.Error(), words) {
			t.Errorf("no %q in: %v", words, err)
		}
	}
}

func TestNamesInFilesAreShownOnOneLine(t *testing.T) {
	k, o := domain(t)
	keys, err := k.Keytab("deploy")
	if err != nil {
		t.Fatal(err)
	}
	cache, err := k.CCache("deploy", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	odd := func(content []byte) []byte {
		return bytes.ReplaceAll(content, []byte("deploy"), []byte("d\n\xd6\x1b\u00e9"))
	}
	for path, options := range map[string]kerberos.Options{
		"the keytab":       {User: "deploy", Realm: o.Realm, Config: o.Config, Keytab: file(t, "keytab", odd(keys))},
		"the ticket cache": {Config: o.Config, CCache: file(t, "cache", odd(cache))},
	} {
		if _, err := kerberos.New(options); err == nil || !strings.Contains(err.Error(), path+" ") || !strings.Contains(err.Error(), `"d\n\xd6\x1b\u00e9@CORP.TEST"`) {
			t.Errorf("%s: got %v", path, err)
		}
	}
}

func TestATicketOfACacheWithAWeakerKeyIsAskedForAnew(t *testing.T) {
	for weak, asked := range map[bool]int{false: 0, true: 1} {
		k, o := domain(t)
		k.SetTrouble(kdctest.Trouble{RC4: kdctest.RC4{Service: weak}})
		cache, err := k.CCache("deploy", time.Hour, spn)
		if err != nil {
			t.Fatal(err)
		}
		k.SetTrouble(kdctest.Trouble{})
		o.User, o.Password, o.CCache = "", "", file(t, "cache", cache)
		if _, err := client(t, o).Token(t.Context(), spn, nil); err != nil || k.Truth().Tickets[spn] != asked {
			t.Errorf("a weaker key: %t; asked for %d times, %v", weak, k.Truth().Tickets[spn], err)
		}
	}
}

func TestAKDCCannotKeepThisMachineBusy(t *testing.T) {
	for name, trouble := range map[string]kdctest.Trouble{
		"2^31 rounds": {Rounds: 1 << 31}, "2^32-1 rounds": {Rounds: 1<<32 - 1}, "in a list behind the right one": {Behind: 1 << 22},
	} {
		k, o := domain(t)
		k.SetTrouble(trouble)
		began := time.Now()
		_, err := client(t, o).Token(t.Context(), spn, nil)
		if err == nil || !strings.Contains(err.Error(), "more than any needs") || time.Since(began) > 5*time.Second {
			t.Errorf("%s: after %s: %v", name, time.Since(began), err)
		}
	}
	k, o := domain(t)
	k.SetTrouble(kdctest.Trouble{Rounds: 4096})
	if _, err := client(t, o).Token(t.Context(), spn, nil); err != nil {
		t.Errorf("what is usual: %v", err)
	}
}

// FuzzKDC says anything at all to a client that logs in.
func FuzzKDC(f *testing.F) {
	f.Add([]byte{0x7e, 0})
	f.Add([]byte{0x6b, 3, 0x30, 1, 0})
	f.Add([]byte("HTTP/1.1 400 Bad Request"))
	k, o := domain(f)
	f.Fuzz(func(t *testing.T, answer []byte) {
		if answer == nil {
			answer = []byte{}
		}
		k.SetTrouble(kdctest.Trouble{Answer: answer})
		if _, err := client(t, o).Token(t.Context(), spn, nil); err == nil {
			t.Errorf("a token came of %x", answer)
		}
	})
}

// FuzzFiles reads anything at all as a keytab, and as a ticket cache.
func FuzzFiles(f *testing.F) {
	k, err := kdctest.New(kdctest.Config{Realm: realm, Accounts: map[string]string{"deploy": "right"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = k.Close() })
	keys, err := k.Keytab("deploy")
	if err != nil {
		f.Fatal(err)
	}
	cache, err := k.CCache("deploy", time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(keys)
	f.Add(cache)
	for _, content := range [][]byte{keys, cache} {
		f.Add(bytes.ReplaceAll(content, []byte("deploy"), []byte("dep\n\xd6\x1b")))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		path := file(t, "file", content)
		for _, o := range []kerberos.Options{{User: "deploy", Realm: realm, Keytab: path}, {CCache: path}} {
			if c, err := kerberos.New(o); err == nil {
				c.Close()
			} else if !utf8.ValidString(err.Error()) || strings.ContainsFunc(err.Error(), unicode.IsControl) || len(err.Error()) > 4000 {
				t.Errorf("an error that cannot stand on a line: %q", err)
			}
		}
	})
}

// FuzzSaid reads anything at all as what a server says with a 401.
func FuzzSaid(f *testing.F) {
	f.Add([]byte{0xa1, 0x07, 0x30, 0x05, 0xa0, 0x03, 0x0a, 0x01, 0x02})
	f.Add([]byte("`\x0b\x06\x09*\x86H\x86\xf7\x12\x01\x02\x02\x03\x00~"))
	f.Fuzz(func(t *testing.T, token []byte) {
		if said := kerberos.Said(token, spn); said != nil && strings.ContainsAny(said.Error(), "\n\x1b") {
			t.Errorf("%q", said)
		}
	})
}
