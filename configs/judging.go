package configs

import "time"

// Metric is one thing that the release is judged by. Exactly one of Bad and SlowerThan is given.
type Metric struct {
	// Name is unique.
	Name string `yaml:"name" required:"true"`
	// Source is the key of one of the sources.
	Source string `yaml:"source" required:"true"`
	// Bad says which requests count as bad.
	Bad Bad `yaml:"bad"`
	// SlowerThan says which requests count as bad by their time.
	SlowerThan Slower `yaml:"slower_than"`
	// Limit is the worst that is allowed. Default: 1.5 x old + 0.1% for bad, 1.2 x old + 1% for slower_than.
	Limit Limit `yaml:"limit"`
	// OnNoData is what a gate does when the metric cannot be judged.
	OnNoData string `yaml:"on_no_data" default:"hold" oneof:"hold revert continue"`
	// SkipFirst is the time after a server came into rotation that does not count. Default: 30s for slower_than, else none.
	SkipFirst time.Duration `yaml:"skip_first" max:"1h"`
	// FalseAlarm is the probability that a release within the limit is refused, over the whole rollout.
	FalseAlarm float64 `yaml:"false_alarm" default:"1e-4" min:"1e-12" max:"0.1"`
}

// Sources are where metrics are counted.
type Sources struct {
	// Elastic is Elasticsearch or OpenSearch; nil: not given.
	Elastic *Elastic `yaml:"elastic"`
}

// Elastic is an Elasticsearch or OpenSearch cluster that holds the access log.
type Elastic struct {
	// URLs of the nodes, without credentials in them.
	URLs []string `yaml:"urls" required:"true"`
	// APIKey, or User and Password, or none.
	APIKey   Secret `yaml:"api_key"`
	User     Secret `yaml:"user" literal:"true"`
	Password Secret `yaml:"password"`
	// CA is a PEM file of authorities to trust, relative to the configuration file; empty: the system's.
	CA string `yaml:"ca"`
	// Index, alias, data stream or pattern.
	Index string `yaml:"index" required:"true"`
	// Flavour is the product: OpenSearch lacks the header that clients of Elasticsearch insist on.
	Flavour string `yaml:"flavour" default:"elasticsearch" oneof:"elasticsearch opensearch"`
	// Release says how a document names the release that answered.
	Release ReleaseField `yaml:"release"`
	// Fields name what is read from a document.
	Fields Fields `yaml:"fields"`
	// Query is an extra filter in Lucene's language; empty: none.
	Query string `yaml:"query"`
	// Bucket is the width in which requests are counted.
	Bucket time.Duration `yaml:"bucket" default:"5s" min:"1s" max:"10m"`
	// MaxLag is how late the logs may be before a poll counts as unreadable.
	MaxLag time.Duration `yaml:"max_lag" default:"60s" min:"1ms" max:"1h"`
	// MinRequests is how many requests on the new release a pass needs.
	MinRequests int `yaml:"min_requests" default:"20" min:"1" max:"1000000000"`
}

// ReleaseField says how a document names the release that answered.
type ReleaseField struct {
	// Field is a keyword field.
	Field string `yaml:"field" required:"true"`
	// Value is what the field holds: the slot's full name.
	Value string `yaml:"value" default:"slot" oneof:"slot"`
}

// Fields name what is read from a document. The defaults are those of the IIS integration (Elastic Common Schema).
type Fields struct {
	// Time of the request.
	Time string `yaml:"time" default:"@timestamp"`
	// Status is the HTTP status, a number.
	Status string `yaml:"status" default:"http.response.status_code"`
	// Duration of the request, in DurationUnit.
	Duration     string `yaml:"duration" default:"event.duration"`
	DurationUnit string `yaml:"duration_unit" default:"ns" oneof:"ns us ms s"`
	// Host is the server's name.
	Host string `yaml:"host" default:"host.name"`
	// UserAgent tells health checks from customers.
	UserAgent string `yaml:"user_agent" default:"user_agent.original"`
}

// Notify says who is told about what. Exactly one of Webhook and Elastic is given.
type Notify struct {
	// On is the events that are told.
	On []string `yaml:"on" required:"true" oneof:"started deployed failed reverted held stopped mixed"`
	// Webhook is a URL to post to; the URL is a secret.
	Webhook Secret `yaml:"webhook"`
	// Elastic is an index of sources.elastic that a document is written to.
	Elastic string `yaml:"elastic"`
}
