package elastic

import (
	"fmt"
	"time"

	"iiscanary/metrics"
)

// judgeHosts names what is wrong with each server's lines, and how late they are.
func judgeHosts(f *metrics.Facts, v metrics.Survey, fields Fields) {
	report := func(kind metrics.ProblemKind, subject, text string, args ...any) {
		f.Problems = append(f.Problems, metrics.Problem{Kind: kind, Subject: subject, Fatal: true, Text: fmt.Sprintf(text, args...)})
	}
	if f.Lines == 0 {
		report(metrics.NoTraffic, fields.Slot, "no request to %s between %s and %s: check that %s holds the slot's name",
			join(v.Old), utc(v.From), utc(v.To), fields.Slot)
	}
	for _, name := range v.Hosts {
		h := f.Hosts[name]
		ahead := h.Watermark.Sub(v.To)
		switch {
		case h.Lines == 0 && f.Lines > 0:
			report(metrics.HostSilent, name, "%s has no line with %s between %s and %s: it is called differently in %s, gets no requests, or its logs are not shipped",
				name, join(v.Old), utc(v.From), utc(v.To), fields.Host)
		case ahead > 5*time.Minute:
			report(metrics.TimeZone, name, "log times of %s are %s ahead: local time is read as UTC somewhere in its log pipeline, or its clock is wrong",
				name, ahead.Round(time.Minute))
		case h.Lines > 0 && h.Status == 0:
			report(metrics.Unreadable, name, "no line of %s has a status in %s", name, fields.Status)
		case h.Lines > 0 && h.Duration == 0:
			report(metrics.Unreadable, name, "no line of %s has a response time in %s", name, fields.Duration)
		}
		if !h.Watermark.IsZero() && ahead <= 0 {
			f.Lag = max(f.Lag, -ahead)
		}
	}
}

func join(slots []string) string {
	if len(slots) == 1 {
		return slots[0]
	}
	return fmt.Sprintf("any of %d old slots", len(slots))
}
