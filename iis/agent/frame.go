package agent

import (
	"bytes"
	"compress/flate"
	"encoding/binary"
	"fmt"
	"io"
)

const (
	plain    = "ICF1"
	packed   = "ICFZ" // the JSON is packed with raw DEFLATE
	packFrom = 4 << 10
	headSize = 12
	// FrameLimit is the most bytes that the JSON of a frame, and again its blob, may have.
	FrameLimit = 64 << 20
	// noiseShown is how much of unreadable output an error quotes.
	noiseShown = 200
)

// Frame is one message on the streams: a JSON object, and for some requests raw bytes after it.
type Frame struct {
	JSON []byte
	Blob []byte
}

// Encode is the frame as it goes on the wire: "ICF1", two little-endian int32 lengths, JSON, blob. A JSON of more than 4 KiB is packed
// with raw DEFLATE, which "ICFZ" says; the blob is what it is.
func (f Frame) Encode() ([]byte, error) {
	if len(f.JSON) < 2 || len(f.JSON) > FrameLimit || len(f.Blob) > FrameLimit {
		return nil, fmt.Errorf("a frame with %d bytes of JSON and %d of data: the limits are 2 to %d and 0 to %d",
			len(f.JSON), len(f.Blob), FrameLimit, FrameLimit)
	}
	kind, body := plain, f.JSON
	if len(body) > packFrom {
		kind, body = packed, pack(body)
	}
	b := make([]byte, 0, headSize+len(body)+len(f.Blob))
	b = append(b, kind...)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(body)))
	b = binary.LittleEndian.AppendUint32(b, uint32(len(f.Blob)))
	b = append(b, body...)
	return append(b, f.Blob...), nil
}

func pack(text []byte) []byte {
	var small bytes.Buffer
	w, _ := flate.NewWriter(&small, flate.DefaultCompression) // fails only for a level that there is not
	_, _ = w.Write(text)                                      // a buffer takes everything
	_ = w.Close()
	return small.Bytes()
}

// unpack reads no more than a frame may hold.
func unpack(small []byte) ([]byte, bool) {
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(small)), FrameLimit+1))
	return text, err == nil && len(text) >= 2 && len(text) <= FrameLimit
}

// NoiseError says that something else than a frame came: another program wrote to the stream.
type NoiseError struct {
	Text string // the beginning of what came
}

func (e *NoiseError) Error() string {
	return fmt.Sprintf("the agent's stream carries something that is no frame, beginning with %q", e.Text)
}

// Decoder puts frames together from pieces of any size. After an error it gives nothing more.
type Decoder struct {
	buf []byte
	err error
}

// Feed adds a piece.
func (d *Decoder) Feed(p []byte) { d.buf = append(d.buf, p...) }

// Between says that nothing is left of what was fed: the next piece begins a frame.
func (d *Decoder) Between() bool { return len(d.buf) == 0 }

// Next returns the next whole frame, and false when more bytes are needed. A *[NoiseError] is for ever.
func (d *Decoder) Next() (Frame, bool, error) {
	if d.err != nil {
		return Frame{}, false, d.err
	}
	known := min(len(d.buf), len(plain))
	if start := string(d.buf[:known]); start != plain[:known] && start != packed[:known] {
		return d.fail()
	}
	if len(d.buf) < headSize {
		return Frame{}, false, nil
	}
	body := int64(binary.LittleEndian.Uint32(d.buf[4:]))
	blob := int64(binary.LittleEndian.Uint32(d.buf[8:]))
	if body < 2 || body > FrameLimit || blob > FrameLimit {
		return d.fail()
	}
	total := headSize + body + blob
	if int64(len(d.buf)) < total {
		return Frame{}, false, nil
	}
	f := Frame{JSON: d.buf[headSize : headSize+body : headSize+body], Blob: d.buf[headSize+body : total : total]}
	if string(d.buf[:known]) == packed {
		var ok bool
		if f.JSON, ok = unpack(f.JSON); !ok {
			return d.fail()
		}
	}
	d.buf = d.buf[total:]
	return f, true, nil
}

func (d *Decoder) fail() (Frame, bool, error) {
	d.err = &NoiseError{Text: string(d.buf[:min(len(d.buf), noiseShown)])}
	return Frame{}, false, d.err
}
