package shipper

import (
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// document is one log line on its way to Elasticsearch.
type document struct {
	id     string
	read   time.Time
	fields map[string]any
}

// ecsNames is where Filebeat's iis module puts the columns of a W3C log, and which of them are numbers.
func ecsNames() (text, numbers map[string]string) {
	text = map[string]string{
		"s-sitename": "iis.access.site_name", "s-computername": "iis.access.server_name", "s-ip": "destination.address",
		"cs-method": "http.request.method", "cs-uri-stem": "url.path", "cs-uri-query": "url.query", "cs-username": "user.name",
		"c-ip": "source.address", "cs(user-agent)": "user_agent.original", "cs(cookie)": "iis.access.cookie",
		"cs(referer)": "http.request.referrer", "cs-host": "destination.domain", "cs-version": "http.version",
	}
	numbers = map[string]string{
		"s-port": "destination.port", "sc-status": "http.response.status_code", "sc-substatus": "iis.access.sub_status",
		"sc-win32-status": "iis.access.win32_status", "sc-bytes": "http.response.body.bytes", "cs-bytes": "http.request.body.bytes",
		"time-taken": "event.duration",
	}
	return text, numbers
}

// parse makes the ECS document of a line. A line that does not fit its columns is kept whole, with error.message and the time
// of reading, as the module does when its patterns do not match.
func parse(text string, columns []string, host string, read time.Time) map[string]any {
	out := map[string]any{}
	put(out, "event.created", stamp(read))
	put(out, "event.dataset", "iis.access")
	put(out, "event.module", "iis")
	put(out, "host.name", host)
	if err := fill(out, strings.Split(text, " "), columns); err != nil {
		failed := map[string]any{"@timestamp": stamp(read), "message": text, "event": out["event"], "host": out["host"]}
		put(failed, "error.message", err.Error())
		return failed
	}
	return out
}

func fill(out map[string]any, values, columns []string) error {
	if len(columns) == 0 || len(values) != len(columns) {
		return fmt.Errorf("the line has %d values for %d columns", len(values), len(columns))
	}
	text, numbers := ecsNames()
	var day, hour string
	for i, column := range columns {
		column, value := strings.ToLower(column), values[i]
		switch {
		case value == "-" || value == "":
		case column == "date":
			day = value
		case column == "time":
			hour = value
		case numbers[column] != "":
			n, err := strconv.ParseInt(value, 10, 64)
			if err != nil {
				return fmt.Errorf("column %s is no number: %q", column, value)
			}
			if column == "time-taken" {
				n *= int64(time.Millisecond)
			}
			put(out, numbers[column], n)
		case text[column] != "":
			putText(out, column, text[column], value)
		}
	}
	at, err := time.Parse(time.DateTime, day+" "+hour) // W3C logs are in UTC
	if err != nil {
		return fmt.Errorf("the line has no date and time: %q %q", day, hour)
	}
	out["@timestamp"] = stamp(at)
	outcome(out)
	return nil
}

func putText(out map[string]any, column, name, value string) {
	switch column {
	case "cs-method":
		value = strings.ToLower(value)
	case "cs-version":
		value = strings.TrimPrefix(value, "HTTP/")
	case "cs(user-agent)":
		if decoded, err := url.QueryUnescape(value); err == nil {
			value = decoded
		}
	case "s-ip", "c-ip":
		if a, err := netip.ParseAddr(value); err == nil {
			put(out, strings.TrimSuffix(name, "address")+"ip", a.WithZone("").String())
		}
	}
	put(out, name, value)
}

// outcome calls everything from 400 a failure, as the module does.
func outcome(out map[string]any) {
	http, _ := out["http"].(map[string]any)
	response, _ := http["response"].(map[string]any)
	status, ok := response["status_code"].(int64)
	switch {
	case ok && status >= 400:
		put(out, "event.outcome", "failure")
	case ok:
		put(out, "event.outcome", "success")
	}
}

// put sets a dotted name in a tree of objects.
func put(tree map[string]any, name string, value any) {
	for {
		head, rest, nested := strings.Cut(name, ".")
		if !nested {
			tree[head] = value
			return
		}
		inner, ok := tree[head].(map[string]any)
		if !ok {
			inner = map[string]any{}
			tree[head] = inner
		}
		tree, name = inner, rest
	}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
