package shipper

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func FuzzAnyLineBecomesADocumentWithATime(f *testing.F) {
	f.Add("date time sc-status time-taken", "2026-11-21 12:00:00 200 5")
	f.Add("date time", "- -")
	f.Add("date time cs(User-Agent) sc-status", "2026-11-21 12:00:00 %zz+ x")
	f.Add("date time s-ip time-taken", "2026-11-21 12:00:00 fe80::1%12 9223372036854775807")
	f.Fuzz(func(t *testing.T, columns, line string) {
		got := parse(line, strings.Fields(columns), "web-01", time.Unix(0, 0))
		raw, err := json.Marshal(got)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if _, err := time.Parse("2006-01-02T15:04:05.000Z", got["@timestamp"].(string)); err != nil {
			t.Errorf("%q became %s", line, raw)
		}
		if got["error"] != nil && got["message"] != line {
			t.Errorf("%q is lost: %s", line, raw)
		}
	})
}
