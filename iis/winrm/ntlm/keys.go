package ntlm

import (
	"crypto"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"crypto/x509"
	"encoding/binary"
	"strings"
	"unicode/utf16"

	//lint:ignore SA1019 NTLM is defined with MD4
	"golang.org/x/crypto/md4"
)

// passwordHash is NTOWFv2 of MS-NLMP 3.3.2. The user's name is in upper case, the domain as it is.
func passwordHash(a Account) []byte {
	h := md4.New()
	_, _ = h.Write(utf16LE(a.Password)) // a hash never fails
	return hmacMD5(h.Sum(nil), utf16LE(strings.ToUpper(a.User)), utf16LE(a.Domain))
}

// clientBlob is NTLMv2_CLIENT_CHALLENGE of MS-NLMP 2.2.2.7.
func clientBlob(stamp, nonce []byte, info pairs) []byte {
	b := []byte{1, 1, 0, 0, 0, 0, 0, 0}
	b = append(b, stamp...)
	b = append(b, nonce...)
	b = append(b, 0, 0, 0, 0)
	b = append(b, info.encode()...)
	return append(b, 0, 0, 0, 0)
}

// Binding is the channel binding of a TLS connection by the server's certificate: tls-server-end-point of RFC 5929, as
// MS-NLMP 3.1.5.1.2 wants it.
func Binding(server *x509.Certificate) []byte {
	hash := crypto.SHA256 // also in place of MD5 and SHA-1
	switch server.SignatureAlgorithm {
	case x509.SHA384WithRSA, x509.SHA384WithRSAPSS, x509.ECDSAWithSHA384:
		hash = crypto.SHA384
	case x509.SHA512WithRSA, x509.SHA512WithRSAPSS, x509.ECDSAWithSHA512:
		hash = crypto.SHA512
	}
	sum := hash.New()
	_, _ = sum.Write(server.Raw) // a hash never fails
	return bindingOf(sum.Sum(nil))
}

// bindingOf hashes gss_channel_bindings_struct of RFC 2744 without addresses: 4 zero words, the length, the token.
func bindingOf(certificate []byte) []byte {
	token := append([]byte("tls-server-end-point:"), certificate...)
	b := binary.LittleEndian.AppendUint32(make([]byte, 16, 20+len(token)), uint32(len(token)))
	bound := md5.Sum(append(b, token...))
	return bound[:]
}

func hmacMD5(key []byte, texts ...[]byte) []byte {
	m := hmac.New(md5.New, key)
	for _, t := range texts {
		_, _ = m.Write(t) // a hash never fails
	}
	return m.Sum(nil)
}

// cipher is RC4 with a key of 16 bytes, which it always takes.
func cipher(key []byte) *rc4.Cipher {
	c, _ := rc4.NewCipher(key)
	return c
}

func rc4Once(key, text []byte) []byte {
	out := make([]byte, len(text))
	cipher(key).XORKeyStream(out, text)
	return out
}

func utf16LE(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = binary.LittleEndian.AppendUint16(b, u)
	}
	return b
}
