package iistest

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
	"time"
)

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The example of MS-NLMP 4.2.4: User of Domain, whose password is Password.
func TestTheServersNTLMIsThatOfTheSpecification(t *testing.T) {
	owf := mac(ntHash("Password"), wide("USER"), wide("Domain"))
	temp := unhex(t, "0101000000000000 0000000000000000 aaaaaaaaaaaaaaaa 00000000"+
		"02000c0044006f006d00610069006e00 01000c00530065007200760065007200 00000000 00000000")
	proved := mac(owf, unhex(t, "0123456789abcdef"), temp)
	base := mac(owf, proved)
	for _, c := range []struct {
		name      string
		got       []byte
		published string
	}{
		{"NTOWFv1", ntHash("Password"), "a4f49c406510bdcab6824ee7c30fd852"},
		{"NTOWFv2", owf, "0c868a403bfd7a93a3001ef22ef02e3f"},
		{"NTProofStr", proved, "68cd0ab851e51c96aabc927bebef6a1c"},
		{"session base key", base, "8de40ccadbc14a82f15cb0ad0de95ca3"},
		{"random session key, decrypted", crypt(base, unhex(t, "c5dad2544fc9799094ce1ce90bc9d03e")), strings.Repeat("55", 16)},
	} {
		if !bytes.Equal(c.got, unhex(t, c.published)) {
			t.Errorf("%s is %x, published: %s", c.name, c.got, c.published)
		}
	}
}

// sealedExample is the sealed message of MS-NLMP 4.2.4.4 as WS-Management frames it.
func sealedExample(t testing.TB) []byte {
	t.Helper()
	message := unhex(t, "01000000 7fb38ec5c55d4976 00000000 54e50165bf1936dc996020c1811b0f06fb5f")
	return bytes.Join([][]byte{[]byte(sealedHead + "18" + sealedRest), {16, 0, 0, 0}, message, []byte(sealedTail)}, nil)
}

func exampleSession() *sealing {
	return newSealing(bytes.Repeat([]byte{0x55}, 16), ntDemanded|ntSeal)
}

func TestTheServerOpensTheSealOfTheSpecification(t *testing.T) {
	got, err := exampleSession().open(sealedExample(t))
	if err != nil || narrow(got) != "Plaintext" {
		t.Errorf("opened %q: %v", got, err)
	}
}

func TestAChallengeGrantsNoMoreThanWasAskedFor(t *testing.T) {
	asks := func(flags uint32) []byte {
		return append([]byte(ntlmMagic), 1, 0, 0, 0, byte(flags), byte(flags>>8), byte(flags>>16), byte(flags>>24))
	}
	q := ask(asks(ntDemanded), "web-01", time.Now())
	if q == nil || q.granted&(ntSeal|ntSign) != 0 {
		t.Errorf("granted %+v", q)
	}
	for name, flag := range map[string]uint32{"Unicode": ntUnicode, "extended session security": ntExtended, "128-bit keys": nt128, "a key exchange": ntExchange} {
		if ask(asks(ntDemanded&^flag), "web-01", time.Now()) != nil {
			t.Errorf("a logon without %s was begun", name)
		}
	}
}

func FuzzLogonMessages(f *testing.F) {
	first := append([]byte(ntlmMagic), 1, 0, 0, 0, 0x35, 0x82, 0x08, 0xe0)
	f.Add(first, make([]byte, 88))
	f.Fuzz(func(t *testing.T, negotiate, authenticate []byte) {
		if ntlmType(negotiate) != 1 {
			return
		}
		q := ask(negotiate, "web-01", time.Now())
		if q == nil {
			return
		}
		if s, err := q.judge(authenticate, proof{user: "deploy", password: "secret"}); err == nil || s != nil {
			t.Errorf("%x was taken for a logon", authenticate)
		}
	})
}

func FuzzSealedRequest(f *testing.F) {
	f.Add(sealedExample(f))
	f.Add([]byte(sealedHead + "0" + sealedRest + sealedTail))
	f.Fuzz(func(t *testing.T, body []byte) {
		if plain, err := exampleSession().open(body); err == nil && narrow(plain) != "Plaintext" {
			t.Errorf("%x opens to %x", body, plain)
		}
	})
}
