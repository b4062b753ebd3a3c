package iistest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// frameMagic opens every frame, both ways.
const frameMagic = "ICF1"

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
	if string(head[:4]) != frameMagic {
		return nil, nil, fmt.Errorf("%w: it begins with %q", errFrame, head[:4])
	}
	n, m := int32(binary.LittleEndian.Uint32(head[4:8])), int32(binary.LittleEndian.Uint32(head[8:12]))
	if n < 2 || n > maxPart || m < 0 || m > maxPart {
		return nil, nil, fmt.Errorf("%w: lengths %d and %d", errFrame, n, m)
	}
	if body, err = readPart(r, n); err != nil {
		return nil, nil, err
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

// writeFrame writes one answer in one piece.
func writeFrame(w io.Writer, body []byte) error {
	b := make([]byte, 0, 12+len(body))
	b = append(b, frameMagic...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
	b = binary.LittleEndian.AppendUint32(b, 0)
	_, err := w.Write(append(b, body...))
	return err
}
