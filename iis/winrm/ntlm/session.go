package ntlm

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
)

// SignatureSize is the bytes of a message's signature.
const SignatureSize = 16

// Session seals what the client says and opens what the server says, each in order (MS-NLMP 3.4). It is not safe for concurrent
// use, and of no use after an error.
type Session struct {
	out, in direction
}

// direction is one way of a session. RC4 goes on from message to message.
type direction struct {
	signing []byte
	sealing *rc4.Cipher
	number  uint32
}

func newSession(exported []byte) *Session {
	return &Session{out: newDirection(exported, "client-to-server"), in: newDirection(exported, "server-to-client")}
}

// newDirection derives the keys as MS-NLMP 3.4.5.2 and 3.4.5.3.
func newDirection(exported []byte, way string) direction {
	key := func(use string) []byte {
		sum := md5.Sum([]byte(string(exported) + "session key to " + way + " " + use + " key magic constant\x00"))
		return sum[:]
	}
	return direction{signing: key("signing"), sealing: cipher(key("sealing"))}
}

// Seal encrypts a message and returns its signature.
func (s *Session) Seal(plain []byte) (signature, sealed []byte) {
	sealed = make([]byte, len(plain))
	s.out.sealing.XORKeyStream(sealed, plain)
	return s.out.sign(plain), sealed
}

// Open decrypts a message that has this signature, or returns [ErrOpen].
func (s *Session) Open(signature, sealed []byte) ([]byte, error) {
	plain := make([]byte, len(sealed))
	s.in.sealing.XORKeyStream(plain, sealed)
	if !hmac.Equal(s.in.sign(plain), signature) {
		return nil, ErrOpen
	}
	return plain, nil
}

// sign is the signature of the next message: NTLMSSP_MESSAGE_SIGNATURE with extended session security, MS-NLMP 3.4.4.2.
func (d *direction) sign(plain []byte) []byte {
	number := binary.LittleEndian.AppendUint32(nil, d.number)
	d.number++
	code := hmacMD5(d.signing, number, plain)[:8]
	d.sealing.XORKeyStream(code, code)
	b := append(make([]byte, 0, SignatureSize), 1, 0, 0, 0)
	b = append(b, code...)
	return append(b, number...)
}
