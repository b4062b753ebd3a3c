package signature_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"strings"
	"testing"
	"testing/iotest"

	"golang.org/x/crypto/blake2b"

	"iiscanary/iis/signature"
)

const pack = "the bytes of a package"

// signer signs as minisign does.
type signer struct {
	id  string // 8 bytes
	key ed25519.PrivateKey
}

func newSigner(t testing.TB, id string) signer {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signer{id, key}
}

func base(parts ...string) string {
	return base64.StdEncoding.EncodeToString([]byte(strings.Join(parts, "")))
}

func (s signer) public() string {
	return base("Ed", s.id, string(s.key.Public().(ed25519.PublicKey)))
}

// sign is the file that `minisign -S` writes.
func (s signer) sign(content, comment string) string {
	sum := blake2b.Sum512([]byte(content))
	signed := string(ed25519.Sign(s.key, sum[:]))
	return "untrusted comment: signature\n" + base("ED", s.id, signed) + "\ntrusted comment: " + comment + "\n" +
		base(string(ed25519.Sign(s.key, []byte(signed+comment)))) + "\n"
}

func TestAMinisignSignatureCountsForItsPackageOnly(t *testing.T) {
	release, other := newSigner(t, "release1"), newSigner(t, "another1")
	forged := other
	forged.id = release.id
	v, err := signature.Minisign([]string{other.public(), release.public()})
	if err != nil {
		t.Fatal(err)
	}
	only, err := signature.Minisign([]string{release.public()})
	if err != nil {
		t.Fatal(err)
	}
	good := release.sign(pack, "build 3457\ttimestamp:1")
	lines := strings.Split(good, "\n")
	sum := blake2b.Sum512([]byte(pack))
	direct := strings.Replace(good, lines[1], base("Ed", release.id, string(ed25519.Sign(release.key, sum[:]))), 1)
	for _, c := range []struct {
		name            string
		by              *signature.Verifier
		content, signed string
		who, err        string
	}{
		{"good", v, pack, good, "build 3457 timestamp:1", ""},
		{"good, with the line ends of Windows", v, pack, strings.ReplaceAll(good, "\n", "\r\n"), "build 3457", ""},
		{"another package", v, pack + " ", good, "", "not over this package"},
		{"another key", only, pack, other.sign(pack, "x"), "", "which is not trusted"},
		{"another key with the same id", only, pack, forged.sign(pack, "x"), "", "not over this package"},
		{"another comment", v, pack, strings.Replace(good, "3457", "3458", 1), "", "trusted comment was changed"},
		{"the old kind", v, pack, direct, "", "-H"},
		{"a kind that there is not", v, pack, strings.Replace(good, lines[1], base("XX", release.id, strings.Repeat("x", 64)), 1), "", "no signature of minisign"},
		{"a line too few", v, pack, strings.Join(lines[:3], "\n"), "", "no signature of minisign"},
		{"a line too many", v, pack, good + "more", "", "no signature of minisign"},
		{"no base64", v, pack, strings.Replace(good, lines[1], "!"+lines[1], 1), "", "no signature of minisign"},
		{"cut short", v, pack, strings.Replace(good, lines[1], base("ED", release.id), 1), "", "no signature of minisign"},
		{"empty", v, pack, "", "", "no signature of minisign"},
		{"huge", v, pack, strings.Repeat("x", 100_000), "", "larger than any"},
	} {
		t.Run(c.name, func(t *testing.T) {
			who, err := c.by.Verify(strings.NewReader(c.content), []byte(c.signed))
			if c.err == "" && (err != nil || !strings.Contains(who, c.who)) {
				t.Errorf("%q, %v", who, err)
			}
			if c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err) || who != "") {
				t.Errorf("%q, %v", who, err)
			}
		})
	}
	if v.Ending() != ".minisig" {
		t.Error(v.Ending())
	}
}

func TestACommentIsShownOnOneShortLineThatSteersNoTerminal(t *testing.T) {
	release := newSigner(t, "release1")
	v, err := signature.Minisign([]string{release.public()})
	if err != nil {
		t.Fatal(err)
	}
	for comment, shown := range map[string]string{
		"build 3457 für prod":                    "build 3457 für prod",
		"a\tb\x1b[2Jc\x7fd":                      "a b [2Jc d",
		"a\u009b2Jb\u0085c\u2028d\u202ee\ufefff": "a 2Jb c d e f",
		strings.Repeat("ü", 120):                 strings.Repeat("ü", 120),
		strings.Repeat("ü", 121):                 strings.Repeat("ü", 120) + "…",
	} {
		who, err := v.Verify(strings.NewReader(pack), []byte(release.sign(pack, comment)))
		if want := "key 31657361656C6572, " + shown; err != nil || who != want {
			t.Errorf("%q, %v, want %q", who, err, want)
		}
	}
}

func TestOnlyKeysOfMinisignAreKeys(t *testing.T) {
	s := newSigner(t, "release1")
	for _, key := range []string{"", "RW", s.public()[1:], base("ED", s.id, strings.Repeat("x", 32)), base("Ed", s.id, strings.Repeat("x", 31)), s.public() + "\n "} {
		if _, err := signature.Minisign([]string{key}); err == nil {
			t.Errorf("%q is a key", key)
		}
	}
	if _, err := signature.Minisign([]string{"RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3"}); err != nil {
		t.Error(err) // minisign's own
	}
}

func pemOf(t testing.TB, public any) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

func TestEachKindOfPEMKey(t *testing.T) {
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	rs, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	v, err := signature.PEM([][]byte{pemOf(t, ec.Public()), pemOf(t, rs.Public()), pemOf(t, ed.Public())})
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(pack))
	for name, key := range map[string]crypto.Signer{"ecdsa": ec, "rsa": rs, "ed25519": ed} {
		hash := crypto.SHA256
		if name == "ed25519" {
			hash = 0
		}
		signed, err := key.Sign(rand.Reader, sum[:], hash)
		if err != nil {
			t.Fatal(err)
		}
		for _, form := range []string{string(signed), base(string(signed)) + "\n"} {
			if who, err := v.Verify(strings.NewReader(pack), []byte(form)); err != nil || !strings.HasPrefix(who, "key ") {
				t.Errorf("%s: %q, %v", name, who, err)
			}
			if _, err := v.Verify(strings.NewReader(pack+"."), []byte(form)); err == nil {
				t.Errorf("%s: taken for another package", name)
			}
			alone, err := signature.PEM([][]byte{pemOf(t, newSigner(t, "").key.Public())})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := alone.Verify(strings.NewReader(pack), []byte(form)); err == nil || !strings.Contains(err.Error(), "not trusted") {
				t.Errorf("%s: taken by another key: %v", name, err)
			}
		}
	}
	if v.Ending() != ".sig" {
		t.Error(v.Ending())
	}
}

func TestOnlyPublicKeysAreKeys(t *testing.T) {
	ed := pemOf(t, newSigner(t, "").key.Public())
	for name, file := range map[string][]byte{
		"nothing": nil, "two": append(ed, ed...), "a certificate": []byte(strings.ReplaceAll(string(ed), "PUBLIC KEY", "CERTIFICATE")),
		"damaged": pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: []byte("x")}), "short": pemOf(t, shortRSA(t)),
	} {
		if _, err := signature.PEM([][]byte{file}); err == nil {
			t.Errorf("%s is a key", name)
		}
	}
}

func shortRSA(t *testing.T) crypto.PublicKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	return key.Public()
}

func TestAPackageThatCannotBeReadIsNotSigned(t *testing.T) {
	s := newSigner(t, "release1")
	v, err := signature.Minisign([]string{s.public()})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(iotest.ErrReader(errors.New("disk")), []byte(s.sign("", "x"))); err == nil || !strings.Contains(err.Error(), "disk") {
		t.Errorf("got %v", err)
	}
}

// FuzzVerify holds that no made-up signature counts.
func FuzzVerify(f *testing.F) {
	s := newSigner(f, "release1")
	f.Add([]byte(s.sign("another", "x")))
	f.Add([]byte("untrusted comment: \n\ntrusted comment: \n\n"))
	mini, err := signature.Minisign([]string{s.public()})
	if err != nil {
		f.Fatal(err)
	}
	pems, err := signature.PEM([][]byte{pemOf(f, s.key.Public())})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, signed []byte) {
		for _, v := range []*signature.Verifier{mini, pems} {
			if who, err := v.Verify(strings.NewReader(pack), signed); err == nil || who != "" {
				t.Errorf("%q counts", signed)
			}
		}
	})
}

// FuzzKeys holds that nothing given as a key makes the tool fall over.
func FuzzKeys(f *testing.F) {
	f.Add(string(pemOf(f, newSigner(f, "").key.Public())))
	f.Add(newSigner(f, "release1").public())
	f.Fuzz(func(t *testing.T, key string) {
		for _, err := range []error{second(signature.Minisign([]string{key})), second(signature.PEM([][]byte{[]byte(key)}))} {
			if err != nil && err.Error() == "" {
				t.Error("no reason")
			}
		}
	})
}

func second(_ *signature.Verifier, err error) error { return err }
