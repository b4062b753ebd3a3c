package elastic

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"iiscanary/metrics"
)

// Collect counts with one search. The error is a *[StatusError], *[InvalidError] or *[ProductError] where the cluster
// answered, and the transport's otherwise.
func (s *Source) Collect(ctx context.Context, q metrics.Query) (metrics.Batch, error) {
	body, err := json.Marshal(s.body(q))
	if err != nil {
		return metrics.Batch{}, fmt.Errorf("writing the search: %w", err)
	}
	var a pollAnswer
	if err := s.search(ctx, body, &a); err != nil {
		return metrics.Batch{}, fmt.Errorf("counting requests in %s: %w", s.o.Index, err)
	}
	b, err := a.batch(q, s.o.Fields.unit())
	if err != nil {
		return metrics.Batch{}, fmt.Errorf("counting requests in %s: %w", s.o.Index, err)
	}
	b.Text = s.curl(body)
	return b, nil
}

// pollAnswer is the answer to the search of [Source.body].
type pollAnswer struct {
	header
	Aggs *struct {
		Hosts *struct {
			Buckets *[]hostAnswer `json:"buckets"`
		} `json:"hosts"`
		Traffic *struct {
			Arms *struct {
				Buckets struct {
					New *coverageAnswer `json:"new"`
					Old *coverageAnswer `json:"old"`
				} `json:"buckets"`
			} `json:"arms"`
			Time *struct {
				Buckets *[]timeAnswer `json:"buckets"`
			} `json:"time"`
		} `json:"traffic"`
	} `json:"aggregations"`
}

type hostAnswer struct {
	Key    string  `json:"key"`
	Newest *moment `json:"newest"`
	New    *struct {
		counted
		First   *moment  `json:"first"`
		Settled *counted `json:"settled"`
	} `json:"new"`
}

type timeAnswer struct {
	Key  *float64 `json:"key"`
	Arms *struct {
		Buckets struct {
			New *armAnswer `json:"new"`
			Old *armAnswer `json:"old"`
		} `json:"buckets"`
	} `json:"arms"`
}

// armAnswer is a count with the metrics beside it.
type armAnswer struct {
	counted
	cell cellAnswer
}

// UnmarshalJSON takes doc_count apart from the metrics.
func (a *armAnswer) UnmarshalJSON(raw []byte) error {
	if err := json.Unmarshal(raw, &a.counted); err != nil {
		return err
	}
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(raw, &parts); err != nil {
		return err
	}
	a.cell = cellAnswer{}
	for name, part := range parts {
		if !strings.HasPrefix(name, "m") {
			continue
		}
		m := new(metricAnswer)
		if err := json.Unmarshal(part, m); err != nil {
			return err
		}
		a.cell[name] = m
	}
	return nil
}

func (a *armAnswer) read(n int) (metrics.Cell, error) {
	if a == nil || a.missing() {
		return metrics.Cell{}, lacks("the requests of an arm")
	}
	t, err := a.cell.tallies(n)
	return metrics.Cell{Requests: a.n(), Tallies: t}, err
}

func (a *pollAnswer) complete() error {
	if err := a.header.complete(); err != nil {
		return err
	}
	if a.Aggs == nil || a.Aggs.Hosts == nil || a.Aggs.Hosts.Buckets == nil || a.Aggs.Traffic == nil ||
		a.Aggs.Traffic.Arms == nil || a.Aggs.Traffic.Time == nil || a.Aggs.Traffic.Time.Buckets == nil {
		return lacks("its aggregations")
	}
	return nil
}

// batch reads a complete answer.
func (a *pollAnswer) batch(q metrics.Query, unit time.Duration) (metrics.Batch, error) {
	b := metrics.Batch{Hosts: map[string]metrics.Host{}}
	var err error
	if b.New, err = a.Aggs.Traffic.Arms.Buckets.New.coverage(unit); err != nil {
		return b, err
	}
	if b.Old, err = a.Aggs.Traffic.Arms.Buckets.Old.coverage(unit); err != nil {
		return b, err
	}
	for _, t := range *a.Aggs.Traffic.Time.Buckets {
		k, err := t.bucket(len(q.Metrics))
		if err != nil {
			return b, err
		}
		b.Buckets = append(b.Buckets, k)
	}
	for _, h := range *a.Aggs.Hosts.Buckets {
		if h.Newest == nil || h.New == nil || h.New.missing() || h.New.First == nil || h.New.Settled.missing() {
			return b, lacks("the newest line of a server")
		}
		if name, ok := known(q.Hosts, h.Key); ok {
			b.Hosts[name] = merge(b.Hosts[name], metrics.Host{
				Watermark: h.Newest.time(), First: h.New.First.time(), Requests: h.New.Settled.n(),
			})
		}
	}
	return b, nil
}

func (t timeAnswer) bucket(n int) (metrics.Bucket, error) {
	if t.Key == nil || t.Arms == nil || date(*t.Key).IsZero() {
		return metrics.Bucket{}, lacks("the time of a bucket")
	}
	fresh, err := t.Arms.Buckets.New.read(n)
	if err != nil {
		return metrics.Bucket{}, err
	}
	old, err := t.Arms.Buckets.Old.read(n)
	return metrics.Bucket{Start: date(*t.Key), New: fresh, Old: old}, err
}

// known finds the server that a log calls key.
func known(hosts []string, key string) (string, bool) {
	for _, h := range hosts {
		if strings.EqualFold(h, key) {
			return h, true
		}
	}
	return "", false
}

// merge puts two spellings of one server together.
func merge(a, b metrics.Host) metrics.Host {
	if b.Watermark.After(a.Watermark) {
		a.Watermark = b.Watermark
	}
	if a.First.IsZero() || !b.First.IsZero() && b.First.Before(a.First) {
		a.First = b.First
	}
	a.Requests += b.Requests
	return a
}
