package iistest

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// What opens every frame, both ways: with the JSON as it is, and, where it has more than longJSON bytes, deflated.
const (
	frameMagic    = "ICF1"
	deflatedMagic = "ICFZ"
	longJSON      = 4096
)

// maxPart is the most bytes that the JSON of a frame, or its blob, may have.
const maxPart = 67_108_864

// errFrame says that the stream is out of step: nothing after it can be read.
var errFrame = errors.New("the input is no frame")

// readFrame reads one request. io.EOF is an end between two frames, io.ErrUnexpectedEOF one within a frame.
func readFrame(r io.Reader) (body, blob []byte, err error) {
	var head [12]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, nil, err
	}
	deflated := string(head[:4]) == deflatedMagic
	if !deflated && string(head[:4]) != frameMagic {
		return nil, nil, fmt.Errorf("%w: it begins with %q", errFrame, head[:4])
	}
	n, m := int32(binary.LittleEndian.Uint32(head[4:8])), int32(binary.LittleEndian.Uint32(head[8:12]))
	if n < 2 || n > maxPart || m < 0 || m > maxPart {
		return nil, nil, fmt.Errorf("%w: lengths %d and %d", errFrame, n, m)
	}
	if body, err = readPart(r, n); err != nil {
		return nil, nil, err
	}
	if deflated {
		body, err = io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(body)), maxPart+1))
	}
	if err != nil || len(body) > maxPart || deflated != (len(body) > longJSON) {
		return nil, nil, fmt.Errorf("%w: %d bytes of JSON, deflated: %t, %v", errFrame, len(body), deflated, err)
	}
	blob, err = readPart(r, m)
	return body, blob, err
}

// readPart reads n bytes and claims memory only as they come.
func readPart(r io.Reader, n int32) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err == nil && len(b) < int(n) {
		err = io.ErrUnexpectedEOF
	}
	return b, err
}

// frameHead is the first twelve bytes of a frame, and its JSON as it travels.
func frameHead(body []byte, blob int) (head, travels []byte) {
	magic := frameMagic
	if len(body) > longJSON {
		var b bytes.Buffer
		w, _ := flate.NewWriter(&b, flate.BestCompression) // the level exists
		_, _ = w.Write(body)                               // into memory
		_ = w.Close()
		magic, body = deflatedMagic, b.Bytes()
	}
	head = binary.LittleEndian.AppendUint32([]byte(magic), uint32(len(body)))
	return binary.LittleEndian.AppendUint32(head, uint32(blob)), body
}

// writeFrame writes one answer in one piece.
func writeFrame(w io.Writer, body []byte) error {
	head, body := frameHead(body, 0)
	_, err := w.Write(append(head, body...))
	return err
}

// writeBlobFrame is a frame as requests have them: with a blob, in two pieces.
func writeBlobFrame(w io.Writer, body, blob []byte) error {
	head, body := frameHead(body, len(blob))
	if _, err := w.Write(append(head, body...)); err != nil {
		return err
	}
	_, err := w.Write(blob)
	return err
}
