package winrm

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"iiscanary/iis/winrm/ntlm"
)

// challenge is that of MS-NLMP 4.2.4.3 with a time stamp.
const challenge = "NTLMSSP\x00\x02\x00\x00\x00\x0c\x00\x0c\x00\x38\x00\x00\x00\x33\x82\x8a\xe2\x01\x23\x45\x67\x89\xab\xcd\xef" +
	"\x00\x00\x00\x00\x00\x00\x00\x00\x10\x00\x10\x00\x44\x00\x00\x00\x06\x00\x70\x17\x00\x00\x00\x0fS\x00e\x00r\x00v\x00e\x00r\x00" +
	"\x07\x00\x08\x00\x00\x11\x22\x33\x44\x55\x66\x77\x00\x00\x00\x00"

func session(t testing.TB) *ntlm.Session {
	t.Helper()
	_, s, err := ntlm.NewHandshake(ntlm.NewAccount("deploy", "secret"), "HTTP/web-01", nil).Authenticate([]byte(challenge))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestASealedAnswerThatCannotBeTakenApartIsRefused(t *testing.T) {
	whole := sealedBoundary + "\r\n\tContent-Type: " + sealedProtocol + "\r\n\tOriginalContent: type=" + soapType + ";Length=%d" +
		sealedMiddle + sealedData + "%s" + sealedEnd
	signed := "\x10\x00\x00\x00" + string(make([]byte, ntlm.SignatureSize))
	for name, body := range map[string]string{
		"nothing":              "",
		"no second part":       sealedBoundary + "\r\n\tContent-Type: " + sealedProtocol + "\r\n",
		"no length":            sealedBoundary + "\r\n\tContent-Type: " + sealedProtocol + "\r\n\tOriginalContent: type=" + soapType + sealedMiddle + sealedData + signed + sealedEnd,
		"another protocol":     sealedBoundary + "\r\n\tContent-Type: text/plain\r\n\tOriginalContent: type=" + soapType + ";Length=0" + sealedMiddle + sealedData + signed + sealedEnd,
		"no end":               fmt.Sprintf(whole, 0, signed)[:len(fmt.Sprintf(whole, 0, signed))-3],
		"no signature":         fmt.Sprintf(whole, 0, ""),
		"a longer signature":   fmt.Sprintf(whole, 0, "\x20"+signed[1:]),
		"a signature too long": fmt.Sprintf(whole, 0, "\xff\xff\xff\xff"+signed[4:]),
	} {
		if plain, _, err := unseal(session(t), []byte(body)); !errors.Is(err, errSealedForm) {
			t.Errorf("%s: %q, %v", name, plain, err)
		}
	}
	if _, _, err := unseal(session(t), fmt.Appendf(nil, whole, 0, signed)); !errors.Is(err, ntlm.ErrOpen) {
		t.Errorf("a forged signature: %v", err)
	}
}

func TestASealedRequestHidesWhatItSays(t *testing.T) {
	body := seal(session(t), []byte("<s:Envelope>the password of the pool</s:Envelope>"))
	if bytes.Contains(body, []byte("password")) || !bytes.Contains(body, []byte(";Length=49\r\n")) {
		t.Errorf("%q", body)
	}
}

func FuzzSealedAnswer(f *testing.F) {
	f.Add(seal(session(f), []byte("<s:Envelope/>")))
	f.Add([]byte(sealedBoundary + "\r\n\tOriginalContent: type=;Length=-1" + sealedMiddle + sealedData + sealedEnd))
	f.Fuzz(func(t *testing.T, body []byte) {
		if plain, _, err := unseal(session(t), body); err == nil {
			t.Errorf("%q was opened to %q without its key", body, plain)
		}
	})
}
