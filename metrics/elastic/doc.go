// Package elastic counts requests in Elasticsearch 7 to 9 and OpenSearch.
//
//  1. One poll is one search; its counts are exact, and percentiles are only for show.
//  2. An answer that may be incomplete is an error, never "no errors": timed out, failed or missing shards, a missing index,
//     a missing aggregation, an unknown product.
//  3. The slot is matched by a term on a field that [Source.Fields] has proven to be a keyword; the operator's own Lucene text
//     only narrows the traffic down.
//  4. Health checks of the load balancer and requests of this program are no traffic, but they prove that a server's log
//     lines arrive.
package elastic
