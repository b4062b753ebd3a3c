package kerberos_test

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"iiscanary/iis/kdctest"
	"iiscanary/iis/winrm/kerberos"
)

const (
	realm = "CORP.TEST"
	spn   = "HTTP/web-01.corp.test"
)

// domain is a realm with one user and two servers, and options that log in to it with the password.
func domain(t testing.TB) (*kdctest.KDC, kerberos.Options) {
	t.Helper()
	k, err := kdctest.New(kdctest.Config{Realm: realm, Accounts: map[string]string{"deploy": "right"},
		Services: map[string]string{spn: "machine-1", "HTTP/web-02.corp.test": "machine-2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	return k, kerberos.Options{User: "deploy", Password: "right", Config: file(t, "krb5.conf", []byte(k.Krb5Conf())), Timeout: 2 * time.Second}
}

func file(t testing.TB, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func client(t testing.TB, o kerberos.Options) *kerberos.Client {
	t.Helper()
	c, err := kerberos.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func TestOneTicketGrantingTicketServesAllServers(t *testing.T) {
	k, o := domain(t)
	c := client(t, o)
	done := make(chan error)
	for i := range 20 {
		go func() {
			_, err := c.Token(t.Context(), []string{spn, "HTTP/web-02.corp.test"}[i%2], nil)
			done <- err
		}()
	}
	for range 20 {
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
	if truth := k.Truth(); truth.Logins != 1 || truth.Tickets[spn] != 1 || truth.Tickets["HTTP/web-02.corp.test"] != 1 {
		t.Errorf("%+v", truth)
	}
}

func TestAKeytabLogsInAsThePasswordDoes(t *testing.T) {
	k, o := domain(t)
	keys, err := k.Keytab("deploy")
	if err != nil {
		t.Fatal(err)
	}
	o.Password, o.Keytab = "", file(t, "deploy.keytab", keys)
	for _, user := range []string{"deploy", "deploy@corp.test", "deploy@CORP.TEST"} {
		o.User = user
		c := client(t, o)
		if _, err := c.Token(t.Context(), spn, nil); err != nil || c.Account() != "deploy@CORP.TEST" {
			t.Errorf("%s: %s, %v", user, c.Account(), err)
		}
	}
}

func TestAPasswordThatWasRefusedIsNotTriedAgain(t *testing.T) {
	k, o := domain(t)
	o.Password = "wrong-Passw0rd"
	c := client(t, o)
	for range 3 {
		_, err := c.Token(t.Context(), spn, nil)
		said, is := errors.AsType[*kerberos.Error](err)
		if !is || said.Code != 24 || !said.Login {
			t.Fatalf("got %v", err)
		}
		if want := "Kerberos in CORP.TEST refuses deploy@CORP.TEST: the password, or the key in the keytab, is wrong"; !strings.HasPrefix(err.Error(), want) ||
			strings.Contains(err.Error(), "Passw0rd") {
			t.Error(err)
		}
	}
	if n := k.Truth().Refused; n != 1 {
		t.Errorf("the password was tried %d times", n)
	}
}

func TestEachRefusalOfTheKDCSaysWhatToDo(t *testing.T) {
	for name, c := range map[string]struct {
		trouble kdctest.Trouble
		change  func(*kerberos.Options)
		spn     string
		code    int32
		words   string
	}{
		"an unknown user":        {change: func(o *kerberos.Options) { o.User = "nobody" }, code: 6, words: "there is no such account (Kerberos error 6); check the user"},
		"an unknown service":     {spn: "HTTP/web-99.corp.test", code: 7, words: "no account has this name (SPN) (Kerberos error 7); reach the server by its full DNS name"},
		"an expired password":    {trouble: kdctest.Trouble{Code: 23}, code: 23, words: "the password has expired (Kerberos error 23); set a new one"},
		"a locked account":       {trouble: kdctest.Trouble{Code: 18}, code: 18, words: "disabled or locked"},
		"a clock ahead":          {trouble: kdctest.Trouble{Clock: time.Hour}, code: 37, words: "the clocks differ by too much, by 1h0m0s (Kerberos error 37); let this machine"},
		"a clock behind":         {trouble: kdctest.Trouble{Clock: -time.Hour}, code: 37, words: "by 1h0m0s"},
		"no key of a right kind": {trouble: kdctest.Trouble{Code: 14}, code: 14, words: "msDS-SupportedEncryptionTypes"},
		"an unusual refusal":     {trouble: kdctest.Trouble{Code: 12}, code: 12, words: "(Kerberos error 12)"},
	} {
		t.Run(name, func(t *testing.T) {
			k, o := domain(t)
			k.SetTrouble(c.trouble)
			if c.change != nil {
				c.change(&o)
			}
			if c.spn == "" {
				c.spn = spn
			}
			_, err := client(t, o).Token(t.Context(), c.spn, nil)
			said, is := errors.AsType[*kerberos.Error](err)
			if !is || said.Code != c.code || said.Login != (c.spn == spn) || !strings.Contains(err.Error(), c.words) {
				t.Errorf("got %v", err)
			}
			if is {
				t.Log(err)
			}
		})
	}
}

func TestAServiceThatIsUnknownDoesNotSpoilTheOthers(t *testing.T) {
	_, o := domain(t)
	c := client(t, o)
	if _, err := c.Token(t.Context(), "HTTP/web-99.corp.test", nil); err == nil {
		t.Fatal("a ticket for nobody")
	}
	if _, err := c.Token(t.Context(), spn, nil); err != nil {
		t.Error(err)
	}
}

func TestAKDCThatIsSilentIsGivenUpAndNamed(t *testing.T) {
	k, o := domain(t)
	k.SetTrouble(kdctest.Trouble{Mute: true})
	o.Timeout = 50 * time.Millisecond
	c := client(t, o)
	began := time.Now()
	for range 20 {
		_, err := c.Token(t.Context(), spn, nil)
		if _, is := errors.AsType[*kerberos.SilentError](err); !is || !strings.Contains(err.Error(), k.Address()+": no answer within 50ms; check the realm") {
			t.Fatalf("got %v", err)
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("20 servers waited %s for it, one after the other", took)
	}
}

func TestAKDCThatIsGoneIsNamed(t *testing.T) {
	k, o := domain(t)
	if err := k.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := client(t, o).Token(t.Context(), spn, nil)
	if _, is := errors.AsType[*kerberos.SilentError](err); !is || !strings.Contains(err.Error(), "connection refused") || !strings.Contains(err.Error(), "_kerberos._tcp.corp.test") {
		t.Errorf("got %v", err)
	}
}

func TestAQuestionEndsWithItsContext(t *testing.T) {
	k, o := domain(t)
	k.SetTrouble(kdctest.Trouble{Mute: true})
	o.Timeout = time.Minute
	c := client(t, o)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := c.Token(ctx, spn, nil); !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 5*time.Second {
		t.Errorf("after %s: %v", time.Since(began), err)
	}
	k.SetTrouble(kdctest.Trouble{})
	if _, err := c.Token(t.Context(), spn, nil); err != nil {
		t.Errorf("a caller that gave up has spoilt the client: %v", err)
	}
}

func TestServersDoNotWaitOneAfterTheOtherForAKDCThatFellSilent(t *testing.T) {
	k, o := domain(t)
	o.Timeout = 50 * time.Millisecond
	c := client(t, o)
	if _, err := c.Token(t.Context(), "HTTP/web-02.corp.test", nil); err != nil {
		t.Fatal(err)
	}
	k.SetTrouble(kdctest.Trouble{Mute: true})
	began := time.Now()
	for range 40 {
		_, err := c.Token(t.Context(), spn, nil)
		if _, is := errors.AsType[*kerberos.SilentError](err); !is || !strings.Contains(err.Error(), k.Address()+": no answer within 50ms; check the realm") {
			t.Fatalf("got %v", err)
		}
	}
	if took := time.Since(began); took > time.Second {
		t.Errorf("40 servers waited %s for it, one after the other", took)
	}
	if _, err := c.Token(t.Context(), "HTTP/web-02.corp.test", nil); err != nil {
		t.Errorf("the ticket at hand is not used: %v", err)
	}
}

func TestAKDCThatCannotAnswerNowIsNotTheLastWord(t *testing.T) {
	for name, trouble := range map[string]kdctest.Trouble{
		"29 for the account": {Code: 29}, "60 for the account": {Code: 60}, "29 for a service": {Service: 29}, "60 for a service": {Service: 60},
	} {
		t.Run(name, func(t *testing.T) {
			ill, o := domain(t)
			alone := client(t, o)
			well, _ := domain(t)
			both := strings.Replace(ill.Krb5Conf(), "    kdc = ", "    kdc = "+well.Address()+"\n    kdc = ", 1)
			o.Config = file(t, "krb5.conf", []byte(both))
			ill.SetTrouble(trouble)
			for range 10 { // they are asked in any order
				if _, err := client(t, o).Token(t.Context(), spn, nil); err != nil {
					t.Fatal(err)
				}
			}
			_, err := alone.Token(t.Context(), spn, nil)
			if _, is := errors.AsType[*kerberos.SilentError](err); !is || !strings.Contains(err.Error(), ill.Address()+": it cannot answer now: ") {
				t.Errorf("got %v", err)
			}
			if said, is := errors.AsType[*kerberos.Error](err); is {
				t.Errorf("it counts as a refusal: %v", said)
			}
			ill.SetTrouble(kdctest.Trouble{})
			if _, err := alone.Token(t.Context(), spn, nil); err != nil {
				t.Errorf("it is remembered: %v", err)
			}
		})
	}
}

func TestOnlyTheAccountIsRefusedForGood(t *testing.T) {
	for name, c := range map[string]struct {
		trouble kdctest.Trouble
		final   bool
	}{
		"a clock":             {kdctest.Trouble{Clock: time.Hour}, false},
		"something else":      {kdctest.Trouble{Code: 11}, false},
		"a locked account":    {kdctest.Trouble{Code: 18}, true},
		"an expired password": {kdctest.Trouble{Code: 23}, true},
		"no AES key":          {kdctest.Trouble{Weak: true}, true},
	} {
		t.Run(name, func(t *testing.T) {
			k, o := domain(t)
			l := client(t, o)
			k.SetTrouble(c.trouble)
			_, err := l.Token(t.Context(), spn, nil)
			if said, is := errors.AsType[*kerberos.Error](err); !is || !said.Login || said.Final() != c.final {
				t.Errorf("got %v", err)
			}
			k.SetTrouble(kdctest.Trouble{})
			if _, err := l.Token(t.Context(), spn, nil); (err != nil) != c.final {
				t.Errorf("afterwards: %v", err)
			}
		})
	}
}

func TestTheSecondKDCAnswersWhereTheFirstDoesNot(t *testing.T) {
	k, o := domain(t)
	dead, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := dead.Close(); err != nil {
		t.Fatal(err)
	}
	both := strings.Replace(k.Krb5Conf(), "    kdc = ", "    kdc = "+dead.Addr().String()+"\n    kdc = ", 1)
	o.Config = file(t, "krb5.conf", []byte(both))
	for range 5 { // they are asked in any order
		if _, err := client(t, o).Token(t.Context(), spn, nil); err != nil {
			t.Fatal(err)
		}
	}
}

func TestTicketsThatRunOutAreAskedForAgain(t *testing.T) {
	k, err := kdctest.New(kdctest.Config{Realm: realm, Accounts: map[string]string{"deploy": "right"}, Services: map[string]string{spn: "m"}, Life: 30 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	c := client(t, kerberos.Options{User: "deploy@corp.test", Password: "right", Config: file(t, "krb5.conf", []byte(k.Krb5Conf()))})
	for range 2 {
		if _, err := c.Token(t.Context(), spn, nil); err != nil {
			t.Fatal(err)
		}
	}
	if truth := k.Truth(); truth.Logins != 2 || truth.Tickets[spn] != 2 {
		t.Errorf("tickets in their last minute were used: %+v", truth)
	}
}

func TestAClosedClientHoldsNothing(t *testing.T) {
	_, o := domain(t)
	c := client(t, o)
	if _, err := c.Token(t.Context(), spn, nil); err != nil {
		t.Fatal(err)
	}
	c.Close()
	if _, err := c.Token(t.Context(), spn, nil); err == nil {
		t.Error("a token of a closed client")
	}
}

func TestWhatCannotLogInIsRefusedBeforeAnythingIsSent(t *testing.T) {
	k, o := domain(t)
	others, err := k.Keytab(spn)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		change func(*kerberos.Options)
		words  string
	}{
		"a Windows domain":     {func(o *kerberos.Options) { o.User = `CORP\deploy` }, "wants NAME@REALM"},
		"no user":              {func(o *kerberos.Options) { o.User = "" }, "both are needed"},
		"nothing to log in by": {func(o *kerberos.Options) { o.Password = "" }, "KRB5CCNAME"},
		"no configuration":     {func(o *kerberos.Options) { o.Config = "gone.conf" }, "gone.conf"},
		"a broken one": {func(o *kerberos.Options) {
			o.Config = file(t, "krb5.conf", []byte("[libdefaults]\n clockskew = often\n"))
		}, "Kerberos configuration"},
		"no keytab":          {func(o *kerberos.Options) { o.Password, o.Keytab = "", "gone.keytab" }, "gone.keytab"},
		"a keytab of others": {func(o *kerberos.Options) { o.Password, o.Keytab = "", file(t, "k", others) }, "no AES key of deploy@CORP.TEST; it has: HTTP/web-01.corp.test@CORP.TEST"},
		"no keytab at all":   {func(o *kerberos.Options) { o.Password, o.Keytab = "", file(t, "k", []byte("PK\x03\x04")) }, "is no keytab"},
		"half a keytab":      {func(o *kerberos.Options) { o.Password, o.Keytab = "", file(t, "k", others[:len(others)/3]) }, "is no keytab"},
		"no ticket cache":    {func(o *kerberos.Options) { o.Password, o.CCache = "", "gone" }, "gone"},
		"a cache of noise":   {func(o *kerberos.Options) { o.Password, o.CCache = "", file(t, "c", []byte("\x05\x04\x00\x0cnoise")) }, "is no ticket cache"},
		"a cache of Windows": {func(o *kerberos.Options) { o.Password, o.CCache = "", "KCM:1000" }, "kinit -c FILE"},
	} {
		t.Run(name, func(t *testing.T) {
			mine := o
			c.change(&mine)
			if _, err := kerberos.New(mine); err == nil || !strings.Contains(err.Error(), c.words) {
				t.Errorf("got %v", err)
			}
		})
	}
}
