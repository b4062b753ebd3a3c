package ntlm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Negotiate flags of MS-NLMP 2.2.2.5.
const (
	flagUnicode     = 0x00000001
	flagTarget      = 0x00000004
	flagSign        = 0x00000010
	flagSeal        = 0x00000020
	flagNTLM        = 0x00000200
	flagAlwaysSign  = 0x00008000
	flagExtended    = 0x00080000 // extended session security
	flagTargetInfo  = 0x00800000
	flagVersion     = 0x02000000
	flag128         = 0x20000000
	flagKeyExchange = 0x40000000

	wanted = flagUnicode | flagTarget | flagSign | flagSeal | flagNTLM | flagAlwaysSign | flagExtended | flagTargetInfo | flagVersion |
		flag128 | flagKeyExchange
)

// Ids of AV_PAIR, MS-NLMP 2.2.2.1.
const (
	avEnd        = 0
	avFlags      = 6
	avTimestamp  = 7
	avTargetName = 9
	avBinding    = 10

	avFlagMIC = 2 // the messages are protected by a code
)

const (
	signature = "NTLMSSP\x00"
	// challengeHead is a challenge up to its payload, without a version.
	challengeHead = 48
	// authenticateHead is an authenticate message up to its payload, with version and integrity code.
	authenticateHead = 88
	micAt            = 72
	// mostChallenge is far more than any server's challenge takes.
	mostChallenge = 16 << 10
)

// version is Windows 10, NTLM revision 15. Servers do not look at it.
const version = "\x0a\x00\x00\x00\x00\x00\x00\x0f"

func negotiateMessage() []byte {
	b := append([]byte(signature), 1, 0, 0, 0)
	b = binary.LittleEndian.AppendUint32(b, wanted)
	b = append(b, make([]byte, 16)...) // neither domain nor workstation
	return append(b, version...)
}

// challenge is CHALLENGE_MESSAGE, MS-NLMP 2.2.1.2.
type challenge struct {
	flags  uint32
	nonce  []byte
	target pairs
}

func parseChallenge(b []byte) (challenge, error) {
	switch {
	case len(b) < challengeHead:
		return challenge{}, fmt.Errorf("%d bytes are too few", len(b))
	case len(b) > mostChallenge:
		return challenge{}, fmt.Errorf("%d bytes are too many", len(b))
	case string(b[:8]) != signature || binary.LittleEndian.Uint32(b[8:]) != 2:
		return challenge{}, errors.New("it is no challenge")
	}
	info, err := field(b, 40)
	if err != nil {
		return challenge{}, err
	}
	target, err := parsePairs(info)
	return challenge{flags: binary.LittleEndian.Uint32(b[20:]), nonce: b[24:32], target: target}, err
}

// weak names the first protection that the server leaves out.
func (c challenge) weak() error {
	for _, need := range []struct {
		flag uint32
		name string
	}{
		{flagUnicode, "Unicode"}, {flagExtended, "extended session security (NTLMv2)"}, {flagSign, "signing"}, {flagSeal, "sealing"},
		{flag128, "128-bit keys"}, {flagKeyExchange, "a key exchange"}, {flagTargetInfo, "its names"},
	} {
		if c.flags&need.flag == 0 {
			return &DowngradeError{need.name}
		}
	}
	return nil
}

// field is the payload that the descriptor at an offset points to: length, capacity, offset.
func field(b []byte, at int) ([]byte, error) {
	length, from := uint64(binary.LittleEndian.Uint16(b[at:])), uint64(binary.LittleEndian.Uint32(b[at+4:]))
	if from+length > uint64(len(b)) {
		return nil, fmt.Errorf("a field of %d bytes at %d reaches beyond its end", length, from)
	}
	return b[from : from+length], nil
}

// authenticate is AUTHENTICATE_MESSAGE, MS-NLMP 2.2.1.3.
type authenticate struct {
	flags        uint32
	domain, user string
	response     []byte // NTLMv2
	key          []byte // the session's, encrypted
}

// encode leaves room for the integrity code.
func (m authenticate) encode() []byte {
	var payload bytes.Buffer
	b := append([]byte(signature), 3, 0, 0, 0)
	// An LMv2 response of zeros goes with a challenge that has a time stamp. The workstation stays unnamed.
	for _, text := range [][]byte{make([]byte, 24), m.response, utf16LE(m.domain), utf16LE(m.user), nil, m.key} {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
		b = binary.LittleEndian.AppendUint16(b, uint16(len(text)))
		b = binary.LittleEndian.AppendUint32(b, uint32(authenticateHead+payload.Len()))
		payload.Write(text)
	}
	b = binary.LittleEndian.AppendUint32(b, m.flags)
	b = append(b, version...)
	b = append(b, make([]byte, 16)...)
	return append(b, payload.Bytes()...)
}

// pair is one AV_PAIR.
type pair struct {
	id    uint16
	value []byte
}

// pairs is a target info: what the server says of itself, and the client of its connection.
type pairs []pair

func parsePairs(b []byte) (pairs, error) {
	var all pairs
	for {
		if len(b) < 4 {
			return nil, errors.New("its names do not end")
		}
		id, n := binary.LittleEndian.Uint16(b), int(binary.LittleEndian.Uint16(b[2:]))
		b = b[4:]
		switch {
		case id == avEnd:
			return all, nil
		case n > len(b):
			return nil, fmt.Errorf("a name of %d bytes reaches beyond its end", n)
		}
		all = append(all, pair{id, b[:n]})
		b = b[n:]
	}
}

func (p pairs) encode() []byte {
	var b []byte
	for _, one := range p {
		b = binary.LittleEndian.AppendUint16(b, one.id)
		b = binary.LittleEndian.AppendUint16(b, uint16(len(one.value)))
		b = append(b, one.value...)
	}
	return append(b, avEnd, 0, 0, 0)
}

func (p pairs) get(id uint16) ([]byte, bool) {
	for _, one := range p {
		if one.id == id {
			return one.value, true
		}
	}
	return nil, false
}

func (p pairs) without(ids ...uint16) pairs {
	var out pairs
	for _, one := range p {
		keep := true
		for _, id := range ids {
			keep = keep && one.id != id
		}
		if keep {
			out = append(out, one)
		}
	}
	return out
}
