package estest

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"
)

var (
	isoDate  = regexp.MustCompile(`^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(?:(\d{2})(?::(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?)?(Z|[+-]\d{2}:?\d{2})?)?)?)?$`)
	dateMath = regexp.MustCompile(`^now((?:[+-]\d{1,9}[smhHdw])*)(?:/([smhHd]))?$`)
	dateStep = regexp.MustCompile(`[+-]\d{1,9}[smhHdw]`)
)

const defaultFormat = "strict_date_optional_time||epoch_millis"

// iso prints milliseconds since 1970 as Elasticsearch prints dates.
func iso(ms int64) string { return time.UnixMilli(ms).UTC().Format("2006-01-02T15:04:05.000Z") }

// parseDate reads a date in one of the ||-separated formats; the answer is the first and last millisecond that the text
// covers ("2026-11-21" covers a day).
func parseDate(text, formats string, now time.Time) (first, last int64, err error) {
	if m := dateMath.FindStringSubmatch(text); m != nil {
		return relativeDate(m[1], m[2], now)
	}
	for format := range strings.SplitSeq(formats, "||") {
		switch format {
		case "strict_date_optional_time", "date_optional_time", "strict_date_optional_time_nanos", "strict_date_time", "date_time":
			if first, last, ok := parseISO(text); ok {
				return first, last, nil
			}
		case "epoch_millis", "epoch_second":
			n, e := strconv.ParseFloat(text, 64)
			if e != nil || math.Abs(n) > 1e15 || strings.ContainsAny(text, "eExXnN_") {
				continue
			}
			if format == "epoch_second" {
				n *= 1000
			}
			return int64(n), int64(n), nil
		default:
			return 0, 0, illegal("Invalid format: [%s]: Unknown pattern", format)
		}
	}
	return 0, 0, bad("parse_exception", "failed to parse date field [%[1]s] with format [%[2]s]: [failed to parse date field [%[1]s] with format [%[2]s]]", text, formats)
}

func relativeDate(steps, unit string, now time.Time) (first, last int64, err error) {
	for _, step := range dateStep.FindAllString(steps, -1) {
		n, err := strconv.Atoi(step[:len(step)-1])
		if err != nil {
			return 0, 0, bad("parse_exception", "failed to parse date math [%s]", step)
		}
		now = now.Add(time.Duration(n) * unitLength(step[len(step)-1:]))
	}
	if unit == "" {
		return now.UnixMilli(), now.UnixMilli(), nil
	}
	from := now.UTC().Truncate(unitLength(unit))
	return from.UnixMilli(), from.Add(unitLength(unit)).UnixMilli() - 1, nil
}

func unitLength(unit string) time.Duration {
	switch unit {
	case "s":
		return time.Second
	case "m":
		return time.Minute
	case "h", "H":
		return time.Hour
	case "d":
		return 24 * time.Hour
	case "w":
		return 7 * 24 * time.Hour
	}
	return time.Millisecond
}

func parseISO(text string) (first, last int64, ok bool) {
	m := isoDate.FindStringSubmatch(text)
	if m == nil {
		return 0, 0, false
	}
	number := func(i, absent int) int {
		if m[i] == "" {
			return absent
		}
		n, _ := strconv.Atoi(m[i]) // the expression lets only digits through
		return n
	}
	zone := time.UTC
	if z := m[8]; z != "" && z != "Z" {
		h, _ := strconv.Atoi(z[1:3])
		mi, _ := strconv.Atoi(z[len(z)-2:])
		offset := h*3600 + mi*60
		if z[0] == '-' {
			offset = -offset
		}
		zone = time.FixedZone("", offset)
	}
	nanos := 0
	if m[7] != "" {
		nanos, _ = strconv.Atoi((m[7] + "000000000")[:9])
	}
	month, day := number(2, 1), number(3, 1)
	t := time.Date(number(1, 0), time.Month(month), day, number(4, 0), number(5, 0), number(6, 0), nanos, zone)
	if t.In(zone).Day() != day || int(t.In(zone).Month()) != month || number(4, 0) > 23 || number(5, 0) > 59 || number(6, 0) > 59 {
		return 0, 0, false
	}
	return t.UnixMilli(), end(t, m).UnixMilli() - 1, true
}

// end is the first moment after the text's date, by the finest part that it names.
func end(t time.Time, parts []string) time.Time {
	switch {
	case parts[7] != "":
		return t.Add(time.Millisecond)
	case parts[6] != "":
		return t.Add(time.Second)
	case parts[5] != "":
		return t.Add(time.Minute)
	case parts[4] != "":
		return t.Add(time.Hour)
	case parts[3] != "":
		return t.AddDate(0, 0, 1)
	case parts[2] != "":
		return t.AddDate(0, 1, 0)
	}
	return t.AddDate(1, 0, 0)
}

// parseInterval reads a time unit like "5s"; zero and fractions are refused.
func parseInterval(where, text string) (time.Duration, error) {
	i := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
	if i > 0 && i <= 12 {
		n, err := strconv.ParseInt(text[:i], 10, 64)
		unit := map[string]time.Duration{"ms": time.Millisecond, "s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}[text[i:]]
		if err == nil && unit > 0 && n > 0 && n < math.MaxInt64/int64(unit) {
			return time.Duration(n) * unit, nil
		}
	}
	return 0, illegal("failed to parse setting [%s] with value [%s] as a time value: unit is missing or unrecognized", where, text)
}
