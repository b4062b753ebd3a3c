package configs

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Limit is the worst that a release may be: its share of bad requests may reach Rho times that of the servers on the old
// release, plus Delta. "1.5 x old + 0.1%" is Rho 1.5 and Delta 0.001; "5%" is absolute: Rho 0 and Delta 0.05.
type Limit struct {
	Text  string  // as written
	Rho   float64 // factor on the old share; 0: an absolute limit
	Delta float64 // share of requests, 0 to 1
}

// String is the limit as written.
func (l Limit) String() string { return l.Text }

func (l *Limit) parse(text string) error {
	m := limitExp.FindStringSubmatch(text)
	if m == nil {
		return errors.New("no limit")
	}
	factor, margin, absolute := m[1], m[2], m[3]
	got := Limit{Text: text}
	var err, errMargin error
	switch {
	case absolute != "":
		got.Delta, err = share(absolute)
	case factor == "":
		got.Rho = 1
	default:
		got.Rho, err = strconv.ParseFloat(factor, 64)
	}
	if margin != "" {
		got.Delta, errMargin = share(margin)
	}
	*l = got
	return errors.Join(err, errMargin)
}

func (l *Limit) allowed() string {
	return "a factor on the old release and a margin such as 1.5 x old + 0.1%, or a share such as 5%"
}

// Bad says which requests count as bad: those whose HTTP status is Value or above.
type Bad struct {
	Text  string // as written, such as "status >= 500"
	Value int    // an HTTP status, 100 to 599
}

// String is the condition as written.
func (b Bad) String() string { return b.Text }

func (b *Bad) parse(text string) error {
	m := badExp.FindStringSubmatch(text)
	if m == nil {
		return errors.New("no comparison")
	}
	status, err := strconv.Atoi(m[1])
	*b = Bad{Text: text, Value: status}
	return err
}

func (b *Bad) allowed() string {
	return "status >= and an HTTP status from 100 to 599, such as 'status >= 500'"
}

// Slower says which requests count as bad by their time: slower than the given quantile of the old release, or than a
// fixed time.
type Slower struct {
	Text     string        // as written
	Quantile float64       // of the old release's times, between 0 and 1; 0: Fixed holds
	Fixed    time.Duration // 0: Quantile holds
}

// String is the condition as written.
func (s Slower) String() string { return s.Text }

func (s *Slower) parse(text string) error {
	m := slowerExp.FindStringSubmatch(text)
	if m == nil {
		return errors.New("no time")
	}
	if m[1] != "" {
		p, err := strconv.ParseFloat(m[1], 64)
		*s = Slower{Text: text, Quantile: p / 100}
		return err
	}
	d, err := duration(text)
	if err != nil || d <= 0 {
		return errors.New("no time")
	}
	*s = Slower{Text: text, Fixed: d}
	return nil
}

func (s *Slower) allowed() string {
	return "old p50 to old p99.9 (a quantile of the old release's times), or a time with its unit such as 800ms"
}

// duration reads a time with its unit.
func duration(text string) (time.Duration, error) {
	if !durationExp.MatchString(text) {
		return 0, errors.New("no duration")
	}
	return time.ParseDuration(text)
}

// spoken is a time as people write it: 2m, not 2m0s.
func spoken(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

const durationAllowed = "a time with its unit, such as 500ms, 90s, 2m or 1h30m"
