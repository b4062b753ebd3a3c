package metrics

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Limit is how much worse than old the new version may be: the share of bad requests on new is at most
// Rho times the share on old plus Delta.
type Limit struct {
	Rho   float64 // 0: absolute, old does not matter; otherwise 1 to 1000
	Delta float64 // a share, 0 (included) to 1 (excluded); above 0 where Rho is 0
}

// LimitError is a limit that cannot be read.
type LimitError struct {
	Text   string
	Offset int    // in bytes, where reading stopped
	Want   string // what could stand there
}

func (e *LimitError) Error() string {
	found := "the end"
	if e.Offset < len(e.Text) {
		found = strconv.Quote(e.Text[e.Offset:])
	}
	return fmt.Sprintf("limit %q, position %d: found %s, want %s; such as \"1.5 x old + 0.1%%\" or \"1%%\"", e.Text, e.Offset+1, found, e.Want)
}

const (
	decimals = 4 // digits after the point that a limit may have
	unit     = 10_000
	maxRho   = 1000
)

// ParseLimit reads "1.5 x old + 0.1%", "2 x old" or "1%". Spaces are free, numbers have at most four decimals. The error
// is a *LimitError.
func ParseLimit(text string) (Limit, error) {
	p := limitParser{text: text}
	var l Limit
	at, first, err := p.number("a number")
	if err != nil {
		return Limit{}, err
	}
	if p.accept("%") {
		l.Delta, err = p.share(at, first, 1)
	} else {
		l, err = p.relative(at, first)
	}
	if err != nil {
		return Limit{}, err
	}
	if p.space(); p.at < len(text) {
		return Limit{}, p.want(p.at, "the end")
	}
	return l, nil
}

type limitParser struct {
	text string
	at   int
}

func (p *limitParser) want(at int, what string) error {
	return &LimitError{Text: p.text, Offset: at, Want: what}
}

func (p *limitParser) space() {
	for p.at < len(p.text) && p.text[p.at] == ' ' {
		p.at++
	}
}

func (p *limitParser) accept(word string) bool {
	p.space()
	if !strings.HasPrefix(p.text[p.at:], word) {
		return false
	}
	p.at += len(word)
	return true
}

// number reads a decimal number as multiples of 1/unit, and says where it starts.
func (p *limitParser) number(what string) (start int, n int64, err error) {
	p.space()
	start = p.at
	whole := p.digits()
	fraction := ""
	if whole != "" && strings.HasPrefix(p.text[p.at:], ".") {
		p.at++
		if fraction = p.digits(); fraction == "" {
			return start, 0, p.want(p.at, "a digit")
		}
	}
	if whole == "" {
		return start, 0, p.want(start, what)
	}
	if len(fraction) > decimals || len(whole) > 6 {
		return start, 0, p.want(start, "at most 6 digits and 4 decimals")
	}
	n, err = strconv.ParseInt(whole+fraction+strings.Repeat("0", decimals-len(fraction)), 10, 64)
	if err != nil {
		return start, 0, p.want(start, what)
	}
	return start, n, nil
}

func (p *limitParser) digits() string {
	start := p.at
	for p.at < len(p.text) && p.text[p.at] >= '0' && p.text[p.at] <= '9' {
		p.at++
	}
	return p.text[start:p.at]
}

// share turns a percentage into a share and checks its range; least is its smallest value in multiples of 1/unit.
func (p *limitParser) share(at int, n, least int64) (float64, error) {
	if n < least || n >= 100*unit {
		return 0, p.want(at, "a percentage above 0 and below 100")
	}
	return float64(n) / (100 * unit), nil
}

func (p *limitParser) relative(at int, n int64) (Limit, error) {
	if !p.accept("x") {
		return Limit{}, p.want(p.at, `"x old" or "%"`)
	}
	if !p.accept("old") {
		return Limit{}, p.want(p.at, `"old"`)
	}
	if n < unit || n > maxRho*unit {
		return Limit{}, p.want(at, "a factor from 1 to 1000")
	}
	l := Limit{Rho: float64(n) / unit}
	if !p.accept("+") {
		return l, nil
	}
	at, n, err := p.number("a percentage")
	if err != nil {
		return Limit{}, err
	}
	if !p.accept("%") {
		return Limit{}, p.want(p.at, `"%"`)
	}
	l.Delta, err = p.share(at, n, 0)
	return l, err
}

// String prints the limit as ParseLimit reads it, to four decimals.
func (l Limit) String() string {
	delta := plain(l.Delta*100) + "%"
	switch {
	case l.Rho == 0:
		return delta
	case l.Delta == 0:
		return plain(l.Rho) + " x old"
	}
	return plain(l.Rho) + " x old + " + delta
}

func plain(v float64) string {
	return strconv.FormatFloat(math.Round(v*unit)/unit, 'f', -1, 64)
}

// valid reports why the limit makes no sense, or nil.
func (l Limit) valid() error {
	switch {
	case math.IsNaN(l.Rho) || l.Rho != 0 && (l.Rho < 1 || l.Rho > maxRho):
		return fmt.Errorf("limit %s: the factor must be from 1 to %d", l, maxRho)
	case math.IsNaN(l.Delta) || l.Delta < 0 || l.Delta >= 1:
		return fmt.Errorf("limit %s: the percentage must be from 0 to below 100", l)
	case l.Rho == 0 && l.Delta == 0:
		return fmt.Errorf("limit %s: an absolute limit must be above 0%%", l)
	}
	return nil
}
