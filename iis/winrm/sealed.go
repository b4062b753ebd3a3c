package winrm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"mime"
	"strconv"
	"strings"

	"iiscanary/iis/winrm/ntlm"
)

// A sealed body is two parts that look like MIME and are none (MS-WSMV 2.2.9.1.2.2.2): what it was before, and then the length of
// the signature, the signature and the encrypted bytes, which may hold anything.
const (
	sealedProtocol = "application/HTTP-SPNEGO-session-encrypted"
	sealedType     = `multipart/encrypted;protocol="` + sealedProtocol + `";boundary="Encrypted Boundary"`
	sealedBoundary = "--Encrypted Boundary"
	sealedMiddle   = "\r\n" + sealedBoundary + "\r\n"
	sealedData     = "\tContent-Type: application/octet-stream\r\n"
	sealedEnd      = sealedBoundary + "--\r\n"
)

// seal is the body of a request.
func seal(s *ntlm.Session, envelope []byte) []byte {
	signature, data := s.Seal(envelope)
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\r\n\tContent-Type: %s\r\n\tOriginalContent: type=%s;Length=%d%s%s", sealedBoundary, sealedProtocol, soapType,
		len(envelope), sealedMiddle, sealedData)
	b.Write(binary.LittleEndian.AppendUint32(nil, uint32(len(signature))))
	b.Write(signature)
	b.Write(data)
	b.WriteString(sealedEnd)
	return b.Bytes()
}

var errSealedForm = errors.New("a sealed answer that cannot be taken apart")

// unseal opens the body of an answer; kind is what it was before.
func unseal(s *ntlm.Session, body []byte) (plain []byte, kind string, err error) {
	head, rest, found := bytes.Cut(body, []byte(sealedMiddle))
	first, names, begun := strings.Cut(string(head), "\r\n")
	kind, length, told := original(names)
	if !found || !begun || first != sealedBoundary || !told {
		return nil, "", errSealedForm
	}
	rest, found = bytes.CutPrefix(rest, []byte(sealedData))
	rest, ended := bytes.CutSuffix(rest, []byte(sealedEnd))
	if !found || !ended || len(rest) < 4+ntlm.SignatureSize || binary.LittleEndian.Uint32(rest) != ntlm.SignatureSize {
		return nil, "", errSealedForm
	}
	rest = rest[4:]
	if plain, err = s.Open(rest[:ntlm.SignatureSize], rest[ntlm.SignatureSize:]); err != nil {
		return nil, "", err
	}
	if len(plain) != length {
		return nil, "", fmt.Errorf("a sealed answer of %d bytes, which says that it has %d", len(plain), length)
	}
	return plain, kind, nil
}

// original reads the headers of the first part. Windows begins them with a tab.
func original(headers string) (kind string, length int, ok bool) {
	sealed := false
	for line := range strings.SplitSeq(headers, "\r\n") {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		value = strings.TrimSpace(value)
		switch {
		case strings.EqualFold(name, "Content-Type"):
			sealed = strings.EqualFold(value, sealedProtocol)
		case strings.EqualFold(name, "OriginalContent"):
			rest, cut := strings.CutPrefix(value, "type=")
			at := strings.LastIndex(rest, ";Length=")
			if !cut || at < 0 {
				return "", 0, false
			}
			n, err := strconv.Atoi(rest[at+len(";Length="):])
			kind, length, ok = rest[:at], n, err == nil
		}
	}
	return kind, length, ok && sealed
}

func isSealed(contentType string) bool { return mediaType(contentType) == "multipart/encrypted" }

func isSOAP(contentType string) bool { return mediaType(contentType) == "application/soap+xml" }

func mediaType(contentType string) string {
	kind, _, _ := mime.ParseMediaType(contentType)
	return kind
}
