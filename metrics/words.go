package metrics

import (
	"strconv"
	"strings"
	"time"
)

// percent prints a share with two significant digits.
func percent(share float64) string {
	p := share * 100
	digits := 0
	switch {
	case p == 0 || p >= 10:
	case p >= 1:
		digits = 1
	default:
		for q := p; q < 1 && digits < 6; q *= 10 {
			digits++
		}
		digits++
	}
	s := strconv.FormatFloat(p, 'f', digits, 64)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s + "%"
}

// grouped prints a number with a comma between thousands.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	start := len(s) % 3
	if n < 0 {
		return s
	}
	parts := []string{}
	if start > 0 {
		parts = append(parts, s[:start])
	}
	for i := start; i < len(s); i += 3 {
		parts = append(parts, s[i:i+3])
	}
	return strings.Join(parts, ",")
}

// span prints a duration as people say it: "40 s", "3 min", "2 h 5 min", "250 ms".
func span(d time.Duration) string {
	switch {
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	case d < 10*time.Second && d%time.Second != 0:
		return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
	case d < 2*time.Minute:
		return strconv.Itoa(int(d.Round(time.Second)/time.Second)) + " s"
	case d < 2*time.Hour:
		return strconv.Itoa(int(d.Round(time.Minute)/time.Minute)) + " min"
	}
	d = d.Round(time.Minute)
	s := strconv.Itoa(int(d/time.Hour)) + " h"
	if m := d % time.Hour / time.Minute; m > 0 {
		s += " " + strconv.Itoa(int(m)) + " min"
	}
	return s
}

// plural counts things.
func plural(n int64, one string) string {
	if n == 1 {
		return grouped(n) + " " + one
	}
	return grouped(n) + " " + one + "s"
}
