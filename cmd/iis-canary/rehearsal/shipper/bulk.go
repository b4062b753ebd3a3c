package shipper

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// bulkAnswer is what the shipper reads of an answer to _bulk.
type bulkAnswer struct {
	Items []struct {
		Create struct {
			Status int `json:"status"`
			Error  struct {
				Type   string `json:"type"`
				Reason string `json:"reason"`
			} `json:"error"`
		} `json:"create"`
	} `json:"items"`
}

// send indexes the first n documents of the queue. Those that Elasticsearch has, or refuses for good, leave the queue; an error
// says that others are left in it.
func (s *Shipper) send(ctx context.Context, n int) error {
	answer, err := s.post(ctx, s.queue[:n])
	if err != nil {
		return err
	}
	if len(answer.Items) != n {
		return fmt.Errorf("elasticsearch answered for %d of %d documents", len(answer.Items), n)
	}
	var again []document
	shipped, repeated, dropped, problem := 0, 0, 0, ""
	for i, item := range answer.Items {
		switch status := item.Create.Status; {
		case status == http.StatusConflict:
			shipped++
			repeated++
		case status/100 == 2:
			shipped++
		case status == http.StatusTooManyRequests || status >= http.StatusInternalServerError:
			again = append(again, s.queue[i])
			problem = fmt.Sprintf("%d %s: %s", status, item.Create.Error.Type, item.Create.Error.Reason)
		default:
			dropped++
			problem = fmt.Sprintf("dropped a line: %d %s: %s", status, item.Create.Error.Type, item.Create.Error.Reason)
		}
	}
	s.queue = slices.Replace(s.queue, 0, n, again...)
	s.note(func(st *Status) {
		st.Shipped, st.Repeated, st.Dropped = st.Shipped+shipped, st.Repeated+repeated, st.Dropped+dropped
		st.Last, st.Problem = time.Now(), problem
	})
	if len(again) > 0 {
		return fmt.Errorf("%d documents are to be sent again: %s", len(again), problem)
	}
	return nil
}

func (s *Shipper) post(ctx context.Context, batch []document) (answer bulkAnswer, err error) {
	var body bytes.Buffer
	lines := json.NewEncoder(&body)
	for _, d := range batch {
		action := map[string]any{"create": map[string]string{"_index": s.config.Index, "_id": d.id}}
		if err := lines.Encode(action); err != nil {
			return answer, fmt.Errorf("encode a bulk request: %w", err)
		}
		if err := lines.Encode(d.fields); err != nil {
			return answer, fmt.Errorf("encode a log line: %w", err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(s.config.URL, "/")+"/_bulk", &body)
	if err != nil {
		return answer, fmt.Errorf("ship logs: %w", err)
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	if s.config.APIKey != "" {
		request.Header.Set("Authorization", "ApiKey "+s.config.APIKey)
	}
	response, err := s.client.Do(request)
	if err != nil {
		return answer, fmt.Errorf("ship logs: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		words, _ := io.ReadAll(io.LimitReader(response.Body, 300)) // the status says enough where they cannot be read
		return answer, fmt.Errorf("ship logs: %s: %s", response.Status, words)
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return answer, fmt.Errorf("read the answer to a bulk request: %w", err)
	}
	return answer, nil
}
