package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// streams is everything that a command reads from and writes to: data on out, talk on err.
type streams struct {
	in       io.Reader
	out, err io.Writer
	inTTY    bool
	errTTY   bool
	width    func() int // columns of the terminal behind err; 80 when there is none
	height   func() int // its rows; 24 when there is none
	getenv   func(string) string
}

// system is the streams of the process.
func system() streams {
	return streams{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		inTTY:  term.IsTerminal(int(os.Stdin.Fd())),
		errTTY: term.IsTerminal(int(os.Stderr.Fd())),
		width:  terminalWidth,
		height: terminalHeight,
		getenv: os.Getenv,
	}
}

func terminalWidth() int {
	if w, _, err := term.GetSize(int(os.Stderr.Fd())); err == nil && w > 20 {
		return w
	}
	return 80
}

func terminalHeight() int {
	if _, h, err := term.GetSize(int(os.Stderr.Fd())); err == nil && h > 0 {
		return h
	}
	return 24
}

// live reports whether a block that redraws itself may be shown.
func (s streams) live(noColor bool) bool {
	return s.errTTY && !noColor && s.getenv("NO_COLOR") == "" && s.getenv("TERM") != "dumb" && s.getenv("CI") == ""
}

// mayAsk reports whether a person is there to answer.
func (s streams) mayAsk() bool { return s.inTTY && s.errTTY && s.getenv("CI") == "" }
