package agent

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestAFrameOnTheWire(t *testing.T) {
	got, err := Frame{JSON: []byte(`{}`), Blob: []byte{1, 2, 3}}.Encode()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]byte("ICF1\x02\x00\x00\x00\x03\x00\x00\x00{}\x01\x02\x03"), got); diff != "" {
		t.Error(diff)
	}
}

func TestFramesSurviveAnyCutting(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var frames []Frame
		var wire []byte
		for range rapid.IntRange(1, 5).Draw(t, "frames") {
			f := Frame{
				JSON: rapid.SliceOfN(rapid.Byte(), 2, 40).Draw(t, "json"),
				Blob: rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "blob"),
			}
			b, err := f.Encode()
			if err != nil {
				t.Fatal(err)
			}
			frames, wire = append(frames, f), append(wire, b...)
		}
		var d Decoder
		var got []Frame
		for len(wire) > 0 {
			n := rapid.IntRange(1, len(wire)).Draw(t, "piece")
			d.Feed(bytes.Clone(wire[:n]))
			wire = wire[n:]
			for {
				f, whole, err := d.Next()
				if err != nil {
					t.Fatal(err)
				}
				if !whole {
					break
				}
				got = append(got, f)
			}
		}
		if len(got) != len(frames) {
			t.Fatalf("%d frames came out of %d", len(got), len(frames))
		}
		for i := range frames {
			if !bytes.Equal(got[i].JSON, frames[i].JSON) || !bytes.Equal(got[i].Blob, frames[i].Blob) {
				t.Fatalf("frame %d is %q %q, was %q %q", i, got[i].JSON, got[i].Blob, frames[i].JSON, frames[i].Blob)
			}
		}
	})
}

func TestALongFrameTravelsPacked(t *testing.T) {
	long := []byte(`{"x":"` + strings.Repeat("0123456789abcdef", 4096) + `"}`)
	wire, err := Frame{JSON: long, Blob: []byte{1, 2}}.Encode()
	if err != nil || !bytes.HasPrefix(wire, []byte("ICFZ")) || len(wire) > len(long)/20 {
		t.Fatalf("%d bytes for %d, %v", len(wire), len(long), err)
	}
	var d Decoder
	d.Feed(wire)
	got, whole, err := d.Next()
	if err != nil || !whole || !bytes.Equal(got.JSON, long) || !bytes.Equal(got.Blob, []byte{1, 2}) {
		t.Errorf("%t, %v", whole, err)
	}
}

// bomb is a frame that inflates to more than one may hold.
func bomb() string {
	small := pack(make([]byte, FrameLimit+1))
	b := binary.LittleEndian.AppendUint32([]byte("ICFZ"), uint32(len(small)))
	return string(append(binary.LittleEndian.AppendUint32(b, 0), small...))
}

func TestNoiseOnTheStreamIsQuotedAndFinal(t *testing.T) {
	head := func(body, blob uint32) string {
		b := binary.LittleEndian.AppendUint32([]byte("ICF1"), body)
		return string(binary.LittleEndian.AppendUint32(b, blob))
	}
	for name, wire := range map[string]string{
		"a banner":       "WARNING: something\r\n",
		"one wrong byte": "X",
		"almost":         "ICF2",
		"no JSON":        head(0, 0),
		"huge JSON":      head(FrameLimit+1, 0),
		"huge blob":      head(2, 1<<31),
		"a bomb":         bomb(),
		"packed wrongly": "ICFZ\x02\x00\x00\x00\x00\x00\x00\x00{}",
	} {
		t.Run(name, func(t *testing.T) {
			var d Decoder
			d.Feed([]byte(wire))
			_, _, err := d.Next()
			var noise *NoiseError
			if !errors.As(err, &noise) || !strings.HasPrefix(wire, noise.Text) || noise.Text == "" {
				t.Fatalf("got %v", err)
			}
			whole, _ := Frame{JSON: []byte(`{}`)}.Encode()
			d.Feed(whole)
			if _, _, again := d.Next(); again == nil {
				t.Error("it went on after noise")
			}
		})
	}
}

func TestAFrameOutsideItsLimitsIsNotSent(t *testing.T) {
	for _, f := range []Frame{{}, {JSON: []byte("{")}, {JSON: make([]byte, FrameLimit+1)}, {JSON: []byte("{}"), Blob: make([]byte, FrameLimit+1)}} {
		if _, err := f.Encode(); err == nil {
			t.Errorf("a frame of %d and %d bytes was encoded", len(f.JSON), len(f.Blob))
		}
	}
}

func FuzzDecoder(f *testing.F) {
	f.Add([]byte("ICF1\x02\x00\x00\x00\x00\x00\x00\x00{}"), 3)
	f.Add([]byte("ICF1\xff\xff\xff\xff\x00\x00\x00\x00{}"), 12)
	f.Add([]byte("ICFZ\x04\x00\x00\x00\x00\x00\x00\x00\xab\xae\x05\x00"), 5)
	f.Fuzz(func(t *testing.T, wire []byte, cut int) {
		cut = min(max(cut, 0), len(wire))
		all := func(pieces ...[]byte) (out []string, failed bool) {
			var d Decoder
			for _, p := range pieces {
				d.Feed(bytes.Clone(p))
				for {
					frame, whole, err := d.Next()
					if err != nil {
						return out, true
					}
					if !whole {
						break
					}
					again, err := frame.Encode()
					if err != nil {
						t.Fatalf("a decoded frame cannot be encoded: %v", err)
					}
					out = append(out, string(again))
				}
			}
			return out, false
		}
		whole, failed := all(wire)
		pieces, failedToo := all(wire[:cut], wire[cut:])
		if failed != failedToo || !cmp.Equal(whole, pieces) {
			t.Errorf("cut at %d: %q %v instead of %q %v", cut, pieces, failedToo, whole, failed)
		}
		if !failed && !strings.Contains(string(wire), "ICFZ") && !strings.Contains(strings.Join(whole, ""), "ICFZ") && !strings.HasPrefix(string(wire), strings.Join(whole, "")) {
			t.Error("frames differ from the bytes that they came in")
		}
	})
}
