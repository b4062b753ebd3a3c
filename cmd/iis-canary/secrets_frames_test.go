package main

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/binary"
	"io"
	"regexp"
)

// unframed parts a stream of the agent's into all that is said in it, which is what stands outside of frames and their JSON, and the files
// behind the JSON. All of it is unpacked, also where the stream broke off.
func unframed(text []byte) (said, files []byte) {
	said, files = framesIn(text)
	if !bytes.Contains(text, []byte("\r\n.\r\n")) {
		return said, files
	}
	for _, lines := range linesExp.FindAll(text, -1) { // the input of a process for one request is base64 in lines
		p, err := base64.StdEncoding.DecodeString(string(bytes.ReplaceAll(lines, []byte("\r\n"), nil)))
		if err == nil {
			inLines, filesInLines := framesIn(p)
			said, files = append(append(said, '\n'), inLines...), append(files, filesInLines...)
		}
	}
	return said, files
}

var linesExp = regexp.MustCompile(`(?:[A-Za-z0-9+/]+\r\n)*[A-Za-z0-9+/]+=*\r\n`)

func framesIn(text []byte) (said, files []byte) {
	for {
		at := bytes.Index(text, []byte("ICF"))
		if at < 0 {
			return append(said, text...), files
		}
		said = append(said, text[:at]...)
		frame, is := frameAt(text[at:])
		if !is { // the agent's own source names the magic words
			said = append(said, text[at:at+len("ICF")]...)
			text = text[at+len("ICF"):]
			continue
		}
		said = append(append(said, frame.json...), '\n')
		files = append(append(files, frame.blob...), '\n')
		text = text[at+frame.size:]
	}
}

// heardFrame is a frame, unpacked, and how many bytes it took.
type heardFrame struct {
	json, blob []byte
	size       int
}

// frameAt reads the frame that a text begins with; false: the magic word is a word like any other.
func frameAt(text []byte) (heardFrame, bool) {
	const head = 12
	if len(text) < head || text[3] != '1' && text[3] != 'Z' {
		return heardFrame{}, false
	}
	size, blob := int64(binary.LittleEndian.Uint32(text[4:])), int64(binary.LittleEndian.Uint32(text[8:]))
	end := min(head+size, int64(len(text)))
	after := min(end+blob, int64(len(text)))
	f := heardFrame{json: text[head:end], blob: text[end:after], size: int(after)}
	if text[3] == 'Z' {
		f.json, _ = inflated(f.json)
	}
	if unpacked, whole := inflated(f.blob); whole || after < end+blob {
		f.blob = unpacked
	}
	return f, bytes.HasPrefix(f.json, []byte("{"))
}

// inflated is as much as can be unpacked; false: that is not all.
func inflated(p []byte) ([]byte, bool) {
	text, err := io.ReadAll(flate.NewReader(bytes.NewReader(p)))
	return text, err == nil
}
