package elastic

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Flavour is the product that answers.
type Flavour string

// The products that are known.
const (
	Elasticsearch Flavour = "elasticsearch"
	OpenSearch    Flavour = "opensearch" // does not send the product header, which is then not asked for
)

// Options say where the log lines are and what their fields are called.
type Options struct {
	URLs     []string // such as https://es:9200; at least one
	APIKey   string   // base64 of id:key; wins over User
	User     string
	Password string
	CA       []byte // PEM; empty: the system's
	Index    string // name, pattern or several separated by commas
	Fields   Fields
	Filter   string        // Lucene text that every request has to match as well, as in Kibana; empty: none
	Flavour  Flavour       // empty: Elasticsearch
	Timeout  time.Duration // of one poll with all its retries; 0: 10 s
}

// Fields are the names of the fields. Empty ones have the name that the Elastic Common Schema gives them; Slot has none.
type Fields struct {
	Time         string // date; default @timestamp
	Status       string // number; default http.response.status_code
	Duration     string // number; default event.duration
	DurationUnit string // ns, us, ms or s; default ns
	Host         string // keyword; default host.name
	Slot         string // keyword that holds the slot's name, such as app.domain.com-3457; required
	UserAgent    string // keyword; default user_agent.original
}

func (f Fields) complete() Fields {
	set := func(field *string, name string) {
		if *field == "" {
			*field = name
		}
	}
	set(&f.Time, "@timestamp")
	set(&f.Status, "http.response.status_code")
	set(&f.Duration, "event.duration")
	set(&f.DurationUnit, "ns")
	set(&f.Host, "host.name")
	set(&f.UserAgent, "user_agent.original")
	return f
}

// unit is what a one in the duration field means; 0: unknown.
func (f Fields) unit() time.Duration {
	return map[string]time.Duration{"ns": time.Nanosecond, "us": time.Microsecond, "ms": time.Millisecond, "s": time.Second}[f.DurationUnit]
}

func (o Options) check() error {
	if len(o.URLs) == 0 {
		return errors.New("no URL")
	}
	for _, text := range o.URLs {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return errors.New("a URL is not like https://es:9200")
		}
		if u.User != nil {
			return fmt.Errorf("the URL of %s carries a password: give user and password by themselves", u.Host)
		}
	}
	switch {
	case o.Index == "" || strings.ContainsAny(o.Index, " /?#\\\""):
		return fmt.Errorf("index %q is no index name or pattern", o.Index)
	case o.Fields.Slot == "":
		return errors.New("no field for the slot")
	case o.Fields.unit() == 0:
		return fmt.Errorf("duration unit %q is none of ns, us, ms, s", o.Fields.DurationUnit)
	case o.Flavour != Elasticsearch && o.Flavour != OpenSearch:
		return fmt.Errorf("flavour %q is neither %s nor %s", o.Flavour, Elasticsearch, OpenSearch)
	case o.Timeout < 0:
		return errors.New("the timeout is negative")
	}
	return nil
}
