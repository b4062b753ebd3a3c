package iistest

import (
	"bytes"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"crypto/rc4"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unicode/utf16"

	//lint:ignore SA1019 NTLM is defined with MD4
	"golang.org/x/crypto/md4"
)

// The bits of NegotiateFlags that are asked for here, as MS-NLMP 2.2.2.5 numbers them.
const (
	ntUnicode   = 1 << 0
	ntTarget    = 1 << 2
	ntSign      = 1 << 4
	ntSeal      = 1 << 5
	ntNTLM      = 1 << 9
	ntAlways    = 1 << 15
	ntServer    = 1 << 17 // the target is a server
	ntExtended  = 1 << 19
	ntInfo      = 1 << 23
	ntVersion   = 1 << 25
	nt128       = 1 << 29
	ntExchange  = 1 << 30
	nt56        = 1 << 31
	ntDemanded  = ntUnicode | ntNTLM | ntExtended | nt128 | ntExchange
	ntOfferable = ntUnicode | ntTarget | ntSign | ntSeal | ntNTLM | ntAlways | ntExtended | ntVersion | nt128 | ntExchange | nt56
)

const ntlmMagic = "NTLMSSP\x00"

// ntlmType is the number of an NTLM message; 0: it is none.
func ntlmType(b []byte) uint32 {
	if len(b) < 16 || string(b[:8]) != ntlmMagic {
		return 0
	}
	return binary.LittleEndian.Uint32(b[8:])
}

// question is a challenge that waits for its one answer.
type question struct {
	asked   []byte // the NEGOTIATE_MESSAGE
	text    []byte // the CHALLENGE_MESSAGE
	nonce   []byte
	names   []byte // AV_PAIRs without the end, which the answer has to hold
	granted uint32
}

// ask answers a NEGOTIATE_MESSAGE; nil: it asks for less than this server takes.
func ask(negotiate []byte, machine string, now time.Time) *question {
	wants := binary.LittleEndian.Uint32(negotiate[12:])
	if wants&ntDemanded != ntDemanded {
		return nil
	}
	q := &question{asked: bytes.Clone(negotiate), nonce: make([]byte, 8), granted: wants&ntOfferable | ntInfo | ntServer}
	_, _ = rand.Read(q.nonce) // never fails
	// FILETIME: 100 ns since 1601.
	stamp := binary.LittleEndian.AppendUint64(nil, uint64(now.UnixNano()/100)+116444736000000000)
	netbios, dns := wide(strings.ToUpper(machine)), wide(strings.ToLower(machine))
	q.names = bytes.Join([][]byte{av(2, netbios), av(1, netbios), av(4, dns), av(3, dns), av(7, stamp)}, nil)
	info := append(bytes.Clone(q.names), av(0, nil)...)
	head := append([]byte(ntlmMagic), 2, 0, 0, 0)
	head = append(head, span(len(netbios), 56)...)
	head = binary.LittleEndian.AppendUint32(head, q.granted)
	head = append(head, q.nonce...)
	head = append(head, make([]byte, 8)...)
	head = append(head, span(len(info), 56+len(netbios))...)
	head = append(head, 10, 0, 0x7c, 0x4f, 0, 0, 0, 15) // 10.0.20348
	q.text = append(append(head, netbios...), info...)
	return q
}

// span is a field descriptor: length, room, offset.
func span(length, at int) []byte {
	b := binary.LittleEndian.AppendUint16(nil, uint16(length))
	b = binary.LittleEndian.AppendUint16(b, uint16(length))
	return binary.LittleEndian.AppendUint32(b, uint32(at))
}

func av(id uint16, value []byte) []byte {
	b := binary.LittleEndian.AppendUint16(nil, id)
	b = binary.LittleEndian.AppendUint16(b, uint16(len(value)))
	return append(b, value...)
}

// proof is what an AUTHENTICATE_MESSAGE has to be checked against.
type proof struct {
	user, password string
	binding        []byte // of the TLS connection; nil: none
	strict         bool   // the binding must be there
}

// judge checks the answer to a question, as MS-NLMP 3.2.5.1.2 does, and returns the session that begins.
func (q *question) judge(m []byte, p proof) (*sealing, error) {
	const head = 88
	if len(m) < head {
		return nil, fmt.Errorf("%d bytes are no AUTHENTICATE_MESSAGE", len(m))
	}
	var fields [6][]byte // LM response, NT response, domain, user, workstation, session key
	for i := range fields {
		at := 12 + 8*i
		n, from := int(binary.LittleEndian.Uint16(m[at:])), uint64(binary.LittleEndian.Uint32(m[at+4:]))
		if from+uint64(n) > uint64(len(m)) || n > 0 && from < head {
			return nil, fmt.Errorf("field %d lies outside the payload", i)
		}
		fields[i] = m[from : from+uint64(n)]
	}
	response, domain, user, key := fields[1], narrow(fields[2]), narrow(fields[3]), fields[5]
	if flags := binary.LittleEndian.Uint32(m[60:]); flags&ntDemanded != ntDemanded || flags&^uint32(q.granted) != 0 || len(key) != 16 {
		return nil, fmt.Errorf("flags %08x with a key of %d bytes, granted: %08x", flags, len(key), q.granted)
	}
	if len(response) < 16+28+4 || !p.names(domain, user) {
		return nil, fmt.Errorf("%s\\%s with a response of %d bytes", domain, user, len(response))
	}
	owf := mac(ntHash(p.password), wide(strings.ToUpper(user)), wide(domain))
	if !hmac.Equal(mac(owf, q.nonce, response[16:]), response[:16]) {
		return nil, fmt.Errorf("wrong password of %s", user)
	}
	exported := crypt(mac(owf, response[:16]), key)
	bare := bytes.Clone(m)
	clear(bare[72:88])
	if !hmac.Equal(mac(exported, q.asked, q.text, bare), m[72:88]) {
		return nil, fmt.Errorf("the integrity code of the messages is wrong")
	}
	if err := q.checkInfo(response[16+28:], p); err != nil {
		return nil, err
	}
	return newSealing(exported, binary.LittleEndian.Uint32(m[60:])), nil
}

// names says whether an account is the configured one. Neither names nor domains have a case; no domain means this machine.
func (p proof) names(domain, user string) bool {
	known, name := "", p.user
	if d, n, cut := strings.Cut(p.user, `\`); cut {
		known, name = d, n
	}
	return strings.EqualFold(user, name) && (known == "" || strings.EqualFold(domain, known))
}

// checkInfo looks into the client's copy of the target info.
func (q *question) checkInfo(info []byte, p proof) error {
	if !bytes.HasPrefix(info, q.names) && !containsAll(info, q.names) {
		return fmt.Errorf("the names of the server were changed")
	}
	var flags uint32
	var binding []byte
	for rest := info; len(rest) >= 4; {
		id, n := binary.LittleEndian.Uint16(rest), int(binary.LittleEndian.Uint16(rest[2:]))
		rest = rest[4:]
		if n > len(rest) {
			return fmt.Errorf("the target info does not end")
		}
		switch {
		case id == 6 && n == 4:
			flags = binary.LittleEndian.Uint32(rest)
		case id == 10:
			binding = rest[:n]
		}
		rest = rest[n:]
	}
	if flags&2 == 0 {
		return fmt.Errorf("the client does not say that its messages are protected")
	}
	given := len(binding) == 16 && !bytes.Equal(binding, make([]byte, 16))
	if p.binding != nil && (given || p.strict) && !hmac.Equal(binding, p.binding) {
		return fmt.Errorf("the channel binding is of another TLS connection")
	}
	return nil
}

// containsAll looks for each AV_PAIR of want, in any order.
func containsAll(info, want []byte) bool {
	for len(want) >= 4 {
		n := 4 + int(binary.LittleEndian.Uint16(want[2:]))
		if !bytes.Contains(info, want[:n]) {
			return false
		}
		want = want[n:]
	}
	return true
}

func ntHash(password string) []byte {
	h := md4.New()
	_, _ = h.Write(wide(password)) // a hash never fails
	return h.Sum(nil)
}

func mac(key []byte, parts ...[]byte) []byte {
	m := hmac.New(md5.New, key)
	for _, p := range parts {
		_, _ = m.Write(p) // a hash never fails
	}
	return m.Sum(nil)
}

func crypt(key, text []byte) []byte {
	out := make([]byte, len(text))
	if c, err := rc4.NewCipher(key); err == nil {
		c.XORKeyStream(out, text)
	}
	return out
}

func wide(s string) []byte {
	var b []byte
	for _, u := range utf16.Encode([]rune(s)) {
		b = append(b, byte(u), byte(u>>8))
	}
	return b
}

func narrow(b []byte) string {
	u := make([]uint16, len(b)/2)
	for i := range u {
		u[i] = uint16(b[2*i]) | uint16(b[2*i+1])<<8
	}
	return string(utf16.Decode(u))
}
