package ntlm

import (
	"bytes"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
)

// The example of MS-NLMP 4.2: its constants, and what 4.2.4 computes from them.
const (
	exampleNonce  = "aaaaaaaaaaaaaaaa"
	exampleServer = "0123456789abcdef"
	exampleKey    = "55555555555555555555555555555555"
	exampleInfo   = "02000c0044006f006d00610069006e00" + "01000c00530065007200760065007200" + "00000000"
)

func example() Account { return Account{Domain: "Domain", User: "User", Password: "Password"} }

func bytesOf(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheKeysAreThoseOfTheSpecification(t *testing.T) {
	info, err := parsePairs(bytesOf(t, exampleInfo))
	if err != nil {
		t.Fatal(err)
	}
	owf := passwordHash(example())
	blob := clientBlob(make([]byte, 8), bytesOf(t, exampleNonce), info)
	proof := hmacMD5(owf, bytesOf(t, exampleServer), blob)
	base := hmacMD5(owf, proof)
	s := newSession(bytesOf(t, exampleKey))
	for _, c := range []struct {
		name      string
		got       []byte
		published string
	}{
		{"4.2.4.1.1 NTOWFv2", owf, "0c868a403bfd7a93a3001ef22ef02e3f"},
		{"4.2.4.1.3 temp", blob, "0101000000000000 0000000000000000 aaaaaaaaaaaaaaaa 00000000" + exampleInfo + "00000000"},
		{"4.2.4.2.2 NTProofStr", proof, "68cd0ab851e51c96aabc927bebef6a1c"},
		{"4.2.4.1.2 session base key", base, "8de40ccadbc14a82f15cb0ad0de95ca3"},
		{"4.2.4.2.3 encrypted session key", rc4Once(base, bytesOf(t, exampleKey)), "c5dad2544fc9799094ce1ce90bc9d03e"},
		{"4.2.4.4 sign key", s.out.signing, "4788dc861b4782f35d43fd98fe1a2d39"},
	} {
		if !bytes.Equal(c.got, bytesOf(t, c.published)) {
			t.Errorf("%s is %x, published: %s", c.name, c.got, c.published)
		}
	}
}

func TestTheSealIsThatOfTheSpecification(t *testing.T) {
	s := newSession(bytesOf(t, exampleKey))
	signature, sealed := s.Seal(utf16LE("Plaintext"))
	if want := bytesOf(t, "54e50165bf1936dc996020c1811b0f06fb5f"); !bytes.Equal(sealed, want) {
		t.Errorf("sealed %x, published: %x", sealed, want)
	}
	if want := bytesOf(t, "01000000 7fb38ec5c55d4976 00000000"); !bytes.Equal(signature, want) {
		t.Errorf("signature %x, published: %x", signature, want)
	}
}

// publishedChallenge is the CHALLENGE_MESSAGE of MS-NLMP 4.2.4.3, with a time stamp in its target info, as every server since
// Windows Vista sends one.
func publishedChallenge(t testing.TB) []byte {
	t.Helper()
	return bytesOf(t, "4e544c4d53535000 02000000 0c000c0038000000 33828ae2 0123456789abcdef 0000000000000000"+
		"3000300044000000 0600701700 00000f 530065007200760065007200"+
		"02000c0044006f006d00610069006e00 01000c00530065007200760065007200 0700080000112233445566 77 00000000")
}

func handshake(t testing.TB, binding []byte) ([]byte, *Session) {
	t.Helper()
	h := NewHandshake(example(), "HTTP/web-01", binding)
	text, s, err := h.Authenticate(publishedChallenge(t))
	if err != nil {
		t.Fatal(err)
	}
	return text, s
}

func TestTheLastMessageProtectsTheWholeHandshake(t *testing.T) {
	h := NewHandshake(example(), "HTTP/web-01", bytes.Repeat([]byte{7}, 16))
	h.random = func(b []byte) { copy(b, bytesOf(t, exampleKey)) }
	text, _, err := h.Authenticate(publishedChallenge(t))
	if err != nil {
		t.Fatal(err)
	}
	code := bytes.Clone(text[micAt : micAt+16])
	clear(text[micAt : micAt+16])
	if want := hmacMD5(bytesOf(t, exampleKey), h.Negotiate(), publishedChallenge(t), text); !bytes.Equal(code, want) {
		t.Errorf("integrity code %x, want %x", code, want)
	}
	response, err := field(text, 20)
	if err != nil {
		t.Fatal(err)
	}
	info, err := parsePairs(response[16+28:])
	if err != nil {
		t.Fatal(err)
	}
	flags, _ := info.get(avFlags)
	binding, _ := info.get(avBinding)
	name, _ := info.get(avTargetName)
	stamp, _ := info.get(avTimestamp)
	if len(flags) != 4 || flags[0]&avFlagMIC == 0 || !bytes.Equal(binding, bytes.Repeat([]byte{7}, 16)) || !bytes.Equal(name, utf16LE("HTTP/web-01")) ||
		!bytes.Equal(stamp, bytesOf(t, "0011223344556677")) {
		t.Errorf("flags %x, binding %x, name %x, time %x", flags, binding, name, stamp)
	}
}

func TestEveryLogonIsAnother(t *testing.T) {
	one, _ := handshake(t, nil)
	two, _ := handshake(t, nil)
	if bytes.Equal(one, two) {
		t.Error("two logons to one challenge are the same")
	}
}

func TestAWeakerOfferIsRefused(t *testing.T) {
	for name, change := range map[string]func([]byte){
		"Unicode":                   func(b []byte) { b[20] &^= 1 },
		"extended session security": func(b []byte) { b[22] &^= 8 },
		"signing":                   func(b []byte) { b[20] &^= 0x10 },
		"sealing":                   func(b []byte) { b[20] &^= 0x20 },
		"128-bit keys":              func(b []byte) { b[23] &^= 0x20 },
		"a key exchange":            func(b []byte) { b[23] &^= 0x40 },
		"its names":                 func(b []byte) { b[22] &^= 0x80 },
		"a time stamp":              func(b []byte) { b[100] = 8 },
	} {
		offer := publishedChallenge(t)
		change(offer)
		_, _, err := NewHandshake(example(), "HTTP/web-01", nil).Authenticate(offer)
		if less := (*DowngradeError)(nil); !errors.As(err, &less) || !strings.Contains(err.Error(), name) {
			t.Errorf("without %s: %v", name, err)
		}
	}
}

func TestAccountsAreTakenApart(t *testing.T) {
	for text, want := range map[string]Account{
		"deploy":            {User: "deploy", Password: "p"},
		`CORP\deploy`:       {Domain: "CORP", User: "deploy", Password: "p"},
		`.\deploy`:          {User: "deploy", Password: "p"},
		"deploy@domain.com": {User: "deploy@domain.com", Password: "p"},
	} {
		if got := NewAccount(text, "p"); got != want {
			t.Errorf("%s is %+v", text, got)
		}
	}
}

func TestWhatWasChangedOrIsNotTheNextIsNotOpened(t *testing.T) {
	key := bytesOf(t, exampleKey)
	pair := func() (client, server *Session) {
		client, server = newSession(key), newSession(key)
		server.in, server.out = server.out, server.in
		return client, server
	}
	client, server := pair()
	for _, text := range []string{"one", "", "three"} {
		signature, sealed := server.Seal([]byte(text))
		if got, err := client.Open(signature, sealed); err != nil || string(got) != text {
			t.Fatalf("opened %q: %v", got, err)
		}
	}
	client, server = pair()
	signature, sealed := server.Seal([]byte("one"))
	sealed[0] ^= 1
	if _, err := client.Open(signature, sealed); !errors.Is(err, ErrOpen) {
		t.Errorf("changed: %v", err)
	}
	client, server = pair()
	server.Seal([]byte("lost"))
	if _, err := client.Open(server.Seal([]byte("two"))); !errors.Is(err, ErrOpen) {
		t.Errorf("one was left out: %v", err)
	}
	client, server = pair()
	signature, sealed = server.Seal([]byte("one"))
	if _, err := client.Open(signature, sealed); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Open(signature, sealed); !errors.Is(err, ErrOpen) {
		t.Errorf("the same again: %v", err)
	}
}

// The example is Microsoft's, of the article "NTLM and Channel Binding Hash (aka Extended Protection for Authentication)".
func TestTheBindingIsThatOfThePublishedExample(t *testing.T) {
	got := bindingOf(bytesOf(t, "ea05fefecc6b0bd571dbbc5baa3ed45386d0446835f7b74c85621b9983475f95"))
	if want := bytesOf(t, "6586e99d81c2fc984e47172fd4dd0310"); !bytes.Equal(got, want) {
		t.Errorf("binding %x, published: %x", got, want)
	}
}

func TestTheBindingIsByTheHashThatTheCertificateIsSignedWith(t *testing.T) {
	sizes := map[x509.SignatureAlgorithm]string{x509.SHA1WithRSA: "", x509.SHA256WithRSA: "", x509.SHA384WithRSA: "384", x509.ECDSAWithSHA512: "512"}
	seen := map[string]string{}
	for algorithm, kind := range sizes {
		got := hex.EncodeToString(Binding(&x509.Certificate{Raw: []byte("der"), SignatureAlgorithm: algorithm}))
		if other, twice := seen[kind]; twice && other != got {
			t.Errorf("%s differs from the default of SHA-256", algorithm)
		}
		seen[kind] = got
	}
	if seen[""] == seen["384"] || seen["384"] == seen["512"] {
		t.Errorf("bindings %v", seen)
	}
}

func FuzzChallenge(f *testing.F) {
	f.Add(publishedChallenge(f))
	f.Add([]byte(signature))
	f.Fuzz(func(t *testing.T, b []byte) {
		text, s, err := NewHandshake(example(), "HTTP/web-01", nil).Authenticate(b)
		if (err == nil) != (s != nil) || (err == nil) != (len(text) > authenticateHead) {
			t.Errorf("message of %d bytes, session %v, error %v", len(text), s, err)
		}
	})
}
