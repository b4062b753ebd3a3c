// Package estest is a simulated Elasticsearch 8: real HTTP on a loopback socket, strict where the real one is strict.
//
//  1. What it answers, it answers as Elasticsearch does: the same documents match, the same fields appear, numbers that
//     Elasticsearch prints as doubles are printed as doubles ("1.7E12"), and errors carry the same type, status and root cause.
//  2. What it does not know, it refuses: an unknown query, aggregation, key, parameter, path or method is never ignored.
//  3. A document is searchable only after a refresh, as in a real index.
//  4. Memory is bounded: documents older than [Config.Keep] are dropped.
//
// It answers as release 8.5.3, the one that the package elastic is tested against as well: with the build tag genuine, its
// tests put the same documents and the same questions to both, and compare what comes over the wire.
//
// It differs from Elasticsearch in this: one node holds every shard, scores are constant, percentiles and cardinalities are
// exact, longs are exact to 2^53, dates to a millisecond, an overwritten document is searchable at once in its new form, and a
// search that cannot work on one of its indices fails even where partial results are allowed.
package estest
