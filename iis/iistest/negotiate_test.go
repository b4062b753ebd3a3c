package iistest

import (
	"bytes"
	"testing"
	"time"

	"github.com/jcmturner/gokrb5/v8/keytab"
)

func TestTheFirstMechanismsTokenIsTakenOutOfSPNEGO(t *testing.T) {
	mechs := []byte{0x30, 0x0c, 0x06, 0x0a, 0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x02, 0x0a}
	inner := append([]byte{0xa0, byte(len(mechs))}, mechs...)
	inner = append(inner, 0xa2, 6, 0x04, 4, 'a', 'b', 'c', 'd')
	inner = append([]byte{0x30, byte(len(inner))}, inner...)
	inner = append([]byte{0xa0, byte(len(inner))}, inner...)
	token := append([]byte{0x06, 0x06, 0x2b, 0x06, 0x01, 0x05, 0x05, 0x02}, inner...)
	token = append([]byte{0x60, byte(len(token))}, token...)
	n, is := unwrap(token)
	if !is || string(n.token) != "abcd" || !bytes.Equal(n.mechs, mechs) {
		t.Errorf("%v %+v", is, n)
	}
	for at := range token {
		if _, is := unwrap(token[:at]); is {
			t.Errorf("the first %d bytes are taken for the whole", at)
		}
	}
	if n, is := unwrap(respond(incomplete, oidNTLM(), []byte("token"), []byte("mic"))); !is || string(n.token) != "token" || string(n.mic) != "mic" || n.mechs != nil {
		t.Errorf("%v %+v", is, n)
	}
}

// FuzzToken takes anything at all for a token of SPNEGO, or of Kerberos.
func FuzzToken(f *testing.F) {
	f.Add(respond(incomplete, oidNTLM(), []byte("token"), []byte("mic")))
	f.Add(gssToken([]byte{1, 0}, []byte{0x6e, 2, 0x30, 0}))
	f.Fuzz(func(t *testing.T, token []byte) {
		unwrap(token)
		a := acceptor{keys: keytab.New(), seen: map[string]time.Time{}}
		if who, _, err := a.accept(token, time.Now(), nil, false); err == nil {
			t.Errorf("%x logs %s in", token, who)
		}
	})
}
