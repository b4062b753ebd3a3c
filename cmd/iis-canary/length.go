package main

import (
	"strings"
	"unicode/utf16"

	"iiscanary/iis/bundle"
)

// What .NET Framework opens, and most that runs in IIS: MAX_PATH, 260 characters with the zero at the end, and for a folder 12 less
// (Microsoft, "Maximum Path Length Limitation").
const (
	longestRemoteFile   = 259
	longestRemoteFolder = 247
)

// unfinished ends the name of a slot's folder while files are copied into it.
const unfinished = ".partial"

// tooLong is the first file that a server could not store below the root in that slot's folder, and by how many characters.
func tooLong(root, slot string, files []bundle.File) (path string, by int) {
	units := func(text string) int { return len(utf16.Encode([]rune(text))) }
	above := units(strings.TrimRight(root, `\`)) + 1 + units(slot+unfinished) + 1
	for _, f := range files {
		folder := max(strings.LastIndexByte(f.Path, '/'), 0)
		by := max(above+units(f.Path)-longestRemoteFile, above+units(f.Path[:folder])-longestRemoteFolder)
		if by > 0 {
			return f.Path, by
		}
	}
	return "", 0
}
