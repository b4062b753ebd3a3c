package iistest

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rc4"
	"encoding/binary"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// sealing is the server's side of a session: what clients sealed, and what it seals for them.
type sealing struct {
	exported       []byte
	flags          uint32
	theirs, ours   *rc4.Cipher
	theirSign      []byte
	ourSign        []byte
	received, sent uint32
}

// newSealing makes the four keys of MS-NLMP 3.4.5.
func newSealing(exported []byte, flags uint32) *sealing {
	k := func(purpose string) []byte {
		h := md5.New()
		_, _ = h.Write(exported)
		_, _ = h.Write([]byte("session key to " + purpose + " key magic constant\x00"))
		return h.Sum(nil)
	}
	s := &sealing{exported: exported, flags: flags, theirSign: k("client-to-server signing"), ourSign: k("server-to-client signing")}
	s.theirs, _ = rc4.NewCipher(k("client-to-server sealing")) // 16 bytes are a key
	s.ours, _ = rc4.NewCipher(k("server-to-client sealing"))
	return s
}

// sign makes the signature of message number n.
func sign(c *rc4.Cipher, key []byte, n uint32, plain []byte) []byte {
	count := binary.LittleEndian.AppendUint32(nil, n)
	sum := mac(key, count, plain)[:8]
	c.XORKeyStream(sum, sum)
	return bytes.Join([][]byte{{1, 0, 0, 0}, sum, count}, nil)
}

const (
	sealedMedia = `multipart/encrypted;protocol="application/HTTP-SPNEGO-session-encrypted";boundary="Encrypted Boundary"`
	sealedHead  = "--Encrypted Boundary\r\n\tContent-Type: application/HTTP-SPNEGO-session-encrypted\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length="
	sealedRest  = "\r\n--Encrypted Boundary\r\n\tContent-Type: application/octet-stream\r\n"
	sealedTail  = "--Encrypted Boundary--\r\n"
)

// isSealedMedia compares a content type, which clients write with and without blanks.
func isSealedMedia(kind string) bool {
	return strings.EqualFold(strings.ReplaceAll(kind, "; ", ";"), sealedMedia)
}

var sealedLength = regexp.MustCompile(`^(\d{1,9})(?:\r\n|$)`)

// open takes a sealed body apart and decrypts it.
func (s *sealing) open(body []byte) ([]byte, error) {
	if s.flags&ntSeal == 0 {
		return nil, fmt.Errorf("sealed, although the logon was not for sealing")
	}
	rest, headed := bytes.CutPrefix(body, []byte(sealedHead))
	told := sealedLength.FindSubmatch(rest)
	if !headed || told == nil {
		return nil, fmt.Errorf("the first part is not as it must be")
	}
	rest, parted := bytes.CutPrefix(rest[len(told[1]):], []byte(sealedRest))
	rest, ended := bytes.CutSuffix(rest, []byte(sealedTail))
	if !parted || !ended || len(rest) < 20 || binary.LittleEndian.Uint32(rest) != 16 {
		return nil, fmt.Errorf("the second part is not as it must be")
	}
	plain := make([]byte, len(rest)-20)
	s.theirs.XORKeyStream(plain, rest[20:])
	good := hmac.Equal(sign(s.theirs, s.theirSign, s.received, plain), rest[4:20])
	s.received++
	if !good {
		return nil, fmt.Errorf("message %d has a wrong signature", s.received-1)
	}
	if length, _ := strconv.Atoi(string(told[1])); length != len(plain) { // the pattern takes numbers only
		return nil, fmt.Errorf("%d bytes that say they are %d", len(plain), length)
	}
	return plain, nil
}

// seal makes the body of an answer.
func (s *sealing) seal(plain []byte) []byte {
	data := make([]byte, len(plain))
	s.ours.XORKeyStream(data, plain)
	signature := sign(s.ours, s.ourSign, s.sent, plain)
	s.sent++
	return bytes.Join([][]byte{[]byte(sealedHead), []byte(strconv.Itoa(len(plain))), []byte(sealedRest), {16, 0, 0, 0}, signature, data, []byte(sealedTail)}, nil)
}
