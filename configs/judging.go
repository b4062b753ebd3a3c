package configs

import "time"

// Metric is one thing that the release is judged by. Exactly one of Bad and SlowerThan is given.
type Metric struct {
	// Name of the metric, in every message about it; each has one of its own.
	Name string `yaml:"name" required:"true"`
	// Source is the key of one of the sources, such as elastic.
	Source string `yaml:"source" required:"true"`
	// Bad says which requests count as bad, such as status >= 500.
	Bad Bad `yaml:"bad" either:"what"`
	// SlowerThan says which requests count as bad by their time: slower than a quantile of the old release's times, measured
	// before the roll (old p95), or than a fixed time (800ms).
	SlowerThan Slower `yaml:"slower_than" either:"what"`
	// Limit is the worst that is allowed, against the servers on the old release in the same seconds; a share alone, such as
	// 5%, is absolute. Default: 1.5 x old + 0.1% for bad, 1.2 x old + 1% for slower_than.
	Limit Limit `yaml:"limit"`
	// OnNoData is what becomes of a metric that cannot be judged: hold waits for data and then leaves the decision to a person,
	// revert refuses the release, continue leaves the metric out.
	OnNoData string `yaml:"on_no_data" default:"hold" oneof:"hold revert continue"`
	// SkipFirst is the time after a server came into rotation that does not count. Default: 30s for slower_than, else none.
	SkipFirst time.Duration `yaml:"skip_first" max:"1h"`
	// FalseAlarm is the probability that a release within the limit is refused, over the whole rollout.
	FalseAlarm float64 `yaml:"false_alarm" default:"1e-4" min:"1e-12" max:"0.1"`
}

// Sources are where metrics are counted.
type Sources struct {
	// Elastic is an Elasticsearch or OpenSearch cluster that holds the access log.
	Elastic *Elastic `yaml:"elastic"`
}

// Elastic is an Elasticsearch or OpenSearch cluster that holds the access log.
type Elastic struct {
	// URLs of the cluster's nodes, without credentials in them.
	URLs []string `yaml:"urls" required:"true" unique:"true" form:"url"`
	// APIKey signs in, or User and Password, or nothing.
	APIKey Secret `yaml:"api_key"`
	// User signs in together with Password; it may be written out.
	User Secret `yaml:"user" literal:"true" with:"password"`
	// Password of User, by reference only.
	Password Secret `yaml:"password" with:"user"`
	// CA is a PEM file of authorities to trust, relative to the configuration file; empty: the system's.
	CA string `yaml:"ca"`
	// Index is the index, alias, data stream or pattern that holds the access log.
	Index string `yaml:"index" required:"true" form:"pattern"`
	// Flavour is the product: OpenSearch lacks the header that clients of Elasticsearch insist on.
	Flavour string `yaml:"flavour" default:"elasticsearch" oneof:"elasticsearch opensearch"`
	// Release says how a document names the release that answered.
	Release ReleaseField `yaml:"release"`
	// Fields name what is read from a document.
	Fields Fields `yaml:"fields"`
	// Query is an extra filter in Lucene's language; empty: none.
	Query string `yaml:"query"`
	// Bucket is the span of time that requests are counted by.
	Bucket time.Duration `yaml:"bucket" default:"5s" min:"1s" max:"10m"`
	// MaxLag is how late the logs may be before a poll counts as unreadable.
	MaxLag time.Duration `yaml:"max_lag" default:"60s" min:"1ms" max:"1h"`
	// MinRequests is how many requests on the new release a pass needs.
	MinRequests int `yaml:"min_requests" default:"20" min:"1" max:"1000000000"`
}

// ReleaseField says how a document names the release that answered.
type ReleaseField struct {
	// Field is a field of type keyword, such as iis.access.site_name.
	Field string `yaml:"field" required:"true" form:"field"`
	// Value is what the field holds: the slot's full name.
	Value string `yaml:"value" default:"slot" oneof:"slot"`
}

// Fields name what is read from a document. The defaults are those of the IIS integration (Elastic Common Schema).
type Fields struct {
	// Time of the request, a date.
	Time string `yaml:"time" form:"field" default:"@timestamp"`
	// Status is the HTTP status, a number.
	Status string `yaml:"status" form:"field" default:"http.response.status_code"`
	// Duration of the request, a number, in DurationUnit.
	Duration string `yaml:"duration" form:"field" default:"event.duration"`
	// DurationUnit is the unit of Duration.
	DurationUnit string `yaml:"duration_unit" default:"ns" oneof:"ns us ms s"`
	// Host is the name of the server that answered.
	Host string `yaml:"host" form:"field" default:"host.name"`
	// UserAgent of the request: it tells health checks from customers.
	UserAgent string `yaml:"user_agent" form:"field" default:"user_agent.original"`
}
