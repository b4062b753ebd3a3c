// Package estest is a simulated Elasticsearch 8: real HTTP on a loopback socket, strict where the real one is strict.
//
//  1. What it answers, it answers as Elasticsearch does: the same documents match, the same fields appear, numbers that
//     Elasticsearch prints as doubles are printed as doubles ("1.7E12"), and errors carry the same type, status and root cause.
//  2. What it does not know, it refuses: an unknown query, aggregation, key, parameter, path or method is never ignored.
//  3. A document is searchable only after a refresh, as in a real index.
//  4. Memory is bounded: documents older than [Config.Keep] are dropped.
//
// It differs from Elasticsearch in this: one node holds every shard, scores are constant, percentiles and cardinalities are
// exact, longs are exact to 2^53, and an overwritten document is searchable at once in its new form.
package estest
