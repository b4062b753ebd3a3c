package lint

import (
	"encoding/binary"
	"unicode/utf16"
)

// wide makes UTF-8 of UTF-16. An odd byte at the end is left out.
func wide(b []byte, big bool) []byte {
	var order binary.ByteOrder = binary.LittleEndian
	if big {
		order = binary.BigEndian
	}
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = order.Uint16(b[2*i:])
	}
	return []byte(string(utf16.Decode(units)))
}
