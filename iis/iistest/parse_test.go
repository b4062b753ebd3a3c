package iistest

import (
	"bytes"
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func FuzzReadMessage(f *testing.F) {
	c := &soap{size: "153600", timeout: "PT60S", transform: func(s string) string { return s }}
	f.Add([]byte(c.message(transferURI+"Create", "", pipeMode, shellBody)))
	f.Add([]byte(c.message(shellURI+"/Receive", uuid(), "", `<rsp:Receive/>`)))
	f.Add([]byte(`<?xml version="1.0"?><a><b/></a>`))
	f.Add([]byte(strings.Repeat("<a>", 100)))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, fault := readMessage(text)
		if fault == nil && (m.action == "" || m.id == "" || m.timeout < timeoutLeast || m.timeout > timeoutLimit || m.maxSize < envelopeLeast) {
			t.Errorf("taken: %+v", m)
		}
		if fault != nil {
			if _, err := parseXML([]byte(envelope("x", m.id, fault.xml("web")))); err != nil {
				t.Errorf("the fault is no XML: %v", err)
			}
		}
	})
}

func FuzzReadFrame(f *testing.F) {
	f.Add(frameOf(map[string]string{"id": "1"}, []byte("blob")))
	f.Add([]byte("ICF1\x02\x00\x00\x00\x00\x00\x00\x00{}rest"))
	f.Add([]byte("ICF1\xff\xff\xff\xff\x00\x00\x00\x00"))
	f.Add(frameOf(strings.Repeat("x", 5000), []byte("blob")))
	f.Add([]byte("nonsense is no frame"))
	f.Fuzz(func(t *testing.T, text []byte) {
		body, blob, err := readFrame(bytes.NewReader(text))
		whole := err == nil
		if whole && bytes.HasPrefix(text, []byte("ICF1")) && (len(body) < 2 || len(text) < 12+len(body)+len(blob) || !bytes.Equal(text[12:12+len(body)], body)) {
			t.Errorf("%q from %q", body, text)
		}
		if !whole && !errors.Is(err, errFrame) && !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("%v", err)
		}
		if errors.Is(err, io.EOF) && len(text) > 0 {
			t.Error("an end within a frame is no end between frames")
		}
	})
}

func FuzzRemotePath(f *testing.F) {
	for _, s := range []string{`D:\sites`, `C:\..\x`, `D:\a\..\..\b`, `\\server\share`, `D:/x`, `D:\a:b`, `D:\COM1.txt`, `D:\`} {
		f.Add(s)
	}
	s := &store{root: filepath.Join(f.TempDir(), "root")}
	f.Fuzz(func(t *testing.T, remote string) {
		local, err := s.local(remote)
		if err != nil {
			return
		}
		if below, err := filepath.Rel(s.root, local); err != nil || !filepath.IsLocal(below) {
			t.Errorf("%q is %q", remote, local)
		}
	})
}

func FuzzLoader(f *testing.F) {
	f.Add(loader(strings.ToUpper(hash(source))))
	f.Add("powershell -e AAA=")
	f.Add("-EncodedCommand")
	f.Fuzz(func(t *testing.T, line string) {
		if script, ok := encodedCommand(strings.Fields(line)); !ok && script != "" {
			t.Errorf("a script of nothing: %q", script)
		}
	})
}

func TestDurationsAreThoseOfXMLSchema(t *testing.T) {
	for text, want := range map[string]time.Duration{
		"PT60S": time.Minute, "PT0.500S": 500 * time.Millisecond, "PT15M": 15 * time.Minute, "PT1H2M3.5S": 3723500 * time.Millisecond,
		"P1D": 24 * time.Hour, "P0DT1H0M0S": time.Hour,
	} {
		if got, err := parseDuration(text); err != nil || got != want {
			t.Errorf("%s: %s %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "60", "P", "PT", "PT5", "PTS", "PT-5S", "T5S", "PT5S5M", "PT1e3S", "PTInfS", "PT5Sx"} {
		if got, err := parseDuration(text); err == nil {
			t.Errorf("%q is taken as %s", text, got)
		}
	}
}
