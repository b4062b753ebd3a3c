package lint

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
)

// Image is an executable file.
type Image struct {
	File    string
	Machine string // x86 or arm
	Managed bool   // it is an assembly of .NET
}

// Numbers of Microsoft's PE and COFF specification, and of ECMA-335, II.25.3.3.
const (
	machineI386  = 0x014c
	machineARM   = 0x01c4 // ARMv7 Thumb-2
	machineARM64 = 0xaa64
	machineAMD64 = 0x8664

	wideHeader = 0x20b // PE32+
	clrEntry   = 14    // of the data directories

	flagILOnly    = 0x1
	flagRequires  = 0x2     // 32BITREQUIRED
	flagNative    = 0x4     // compiled ahead, with the source of it inside: what a process of other bitness makes of it is its own affair
	flagPreferred = 0x20000 // 32BITPREFERRED: with it, REQUIRED is a wish
)

// farthest is how far into an image its headers are looked for, in bytes.
const farthest = 256 << 20

// errNoImage is a file that is no image: what it is for, nobody knows here.
var errNoImage = errors.New("no PE image")

// image reads the headers of one file. One that is no image is not judged: it may be a stand-in, or never loaded.
func (n *Needs) image(p string, r io.Reader) error {
	found, err := readImage(r)
	if errors.Is(err, errNoImage) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return nil
	}
	if err != nil {
		return err
	}
	if found.narrow() {
		machine := "x86"
		switch found.machine {
		case machineARM:
			machine = "ARM"
		case machineARM64:
			machine = "ARM64"
		}
		n.Narrow = append(n.Narrow, Image{p, machine, found.managed})
	}
	return nil
}

// headers is what the headers of an image say about where it can be loaded.
type headers struct {
	machine uint16
	managed bool
	flags   uint32 // of the CLR header
}

// narrow reports whether a 64-bit process on x64 cannot load the image.
func (h headers) narrow() bool {
	if h.machine == machineAMD64 || h.machine != machineI386 && h.machine != machineARM && h.machine != machineARM64 {
		return false // x64, or none of Windows'
	}
	if !h.managed || h.machine != machineI386 {
		return true
	}
	requires := h.flags&flagRequires != 0 && h.flags&flagPreferred == 0
	return requires || h.flags&(flagILOnly|flagNative) == 0
}

// cursor reads forward and knows where it is.
type cursor struct {
	r  *bufio.Reader
	at int64
}

// take reads n bytes at an offset, which must not lie behind.
func (c *cursor) take(offset int64, n int) ([]byte, error) {
	if offset < c.at || offset > farthest {
		return nil, errNoImage
	}
	if _, err := io.CopyN(io.Discard, c.r, offset-c.at); err != nil {
		return nil, err
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(c.r, b); err != nil {
		return nil, err
	}
	c.at = offset + int64(n)
	return b, nil
}

func readImage(r io.Reader) (headers, error) {
	c := &cursor{r: bufio.NewReader(r)}
	dos, err := c.take(0, 64)
	if err != nil {
		return headers{}, err
	}
	if dos[0] != 'M' || dos[1] != 'Z' {
		return headers{}, errNoImage
	}
	start := int64(binary.LittleEndian.Uint32(dos[60:]))
	coff, err := c.take(start, 24)
	if err != nil {
		return headers{}, err
	}
	if string(coff[:4]) != "PE\x00\x00" {
		return headers{}, errNoImage
	}
	h := headers{machine: binary.LittleEndian.Uint16(coff[4:])}
	sections, size := int(binary.LittleEndian.Uint16(coff[6:])), int(binary.LittleEndian.Uint16(coff[20:]))
	if size == 0 {
		return h, nil // an object file
	}
	optional, err := c.take(start+24, size)
	if err != nil {
		return headers{}, err
	}
	rva := clrAddress(optional)
	if rva == 0 {
		return h, nil
	}
	h.managed = true
	table, err := c.take(start+24+int64(size), 40*sections)
	if err != nil {
		return headers{}, err
	}
	h.flags, err = c.clrFlags(table, rva)
	return h, err
}

// clrAddress is where the CLR header is in memory; 0: there is none.
func clrAddress(optional []byte) uint32 {
	if len(optional) < 2 {
		return 0
	}
	count, first := 92, 96
	if binary.LittleEndian.Uint16(optional) == wideHeader {
		count, first = 108, 112
	}
	at := first + 8*clrEntry
	if len(optional) < at+8 || binary.LittleEndian.Uint32(optional[count:]) <= clrEntry {
		return 0
	}
	return binary.LittleEndian.Uint32(optional[at:])
}

// clrFlags finds the CLR header through the table of sections.
func (c *cursor) clrFlags(table []byte, rva uint32) (uint32, error) {
	for ; len(table) >= 40; table = table[40:] {
		size, address := binary.LittleEndian.Uint32(table[8:]), binary.LittleEndian.Uint32(table[12:])
		raw, place := binary.LittleEndian.Uint32(table[16:]), binary.LittleEndian.Uint32(table[20:])
		if rva < address || rva-address >= max(size, raw) {
			continue
		}
		header, err := c.take(int64(place)+int64(rva-address), 20)
		if err != nil {
			return 0, err
		}
		return binary.LittleEndian.Uint32(header[16:]), nil
	}
	return 0, errNoImage
}
