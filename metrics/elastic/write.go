package elastic

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"

	"github.com/elastic/go-elasticsearch/v8/esapi"
)

// Write adds one document to an index or data stream of the cluster. A data stream wants an @timestamp in it. The errors are
// those of [Source.Collect]. It needs the right create_doc on the index, which counting does not.
func (s *Source) Write(ctx context.Context, index string, document any) error {
	body, err := json.Marshal(document)
	if err != nil {
		return fmt.Errorf("write a document for %s: %w", index, err)
	}
	_, err = s.do(ctx, esapi.IndexRequest{Index: index, Body: bytes.NewReader(body), OpType: "create"})
	return err
}
